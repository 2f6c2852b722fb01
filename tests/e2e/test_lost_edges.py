"""Edges that are killed with calls up, and what the reaper makes of them (EDGE C9).

The reaper's clock is turned by hand: no test waits for the minute that it takes its time.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from edge.flow import Address
from emulator.local_tasks import local_tasks
from emulator.probe import options_request
from lambdas.call_reaper.composition import Tasks, build
from lambdas.call_reaper.judgement import TaskState
from lambdas.management.composition import Handler
from model.codec import decode_item, moment
from model.record_form import epoch_ms
from model.settings import Settings
from model.tables import (
    CALLS,
    DEFAULT_PREFIX,
    NODE,
    NODES,
    PARTITION_KEY,
    cdr_bucket_name,
)
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.lab import UNHURRIED, eventually
from tests.e2e.running import OVC, PATIENCE_S, RunningStand, descendants
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.runtime.processes import is_running
from tests.support.agent import Agent, CallerPlan
from tests.support.extensions import ext

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("cluster")]

NUMBER = "+12125550100"
SECONDS_61 = timedelta(seconds=61)
PUBLISHED = UNHURRIED | {"concurrent_calls_per_connector": 10}
"""Nodes renew their leases a second after a call has come, and not only every ten."""


class Reaper:
    """The call_reaper Lambda over a local AWS, with a clock of its own."""

    def __init__(
        self, endpoint_url: str, region: str = "us-east-1", tasks: Tasks = local_tasks
    ) -> None:
        session = boto3.session.Session("test", "test", region_name=region)
        # An answer that does not come is not waited for: the test knows that it does not.
        impatient = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
        self.ahead = timedelta()
        self._handler: Handler = build(
            settings=Settings(),
            table_prefix=DEFAULT_PREFIX,
            dynamodb=session.client("dynamodb", endpoint_url=endpoint_url, config=impatient),
            s3=session.client("s3", endpoint_url=endpoint_url, config=impatient),
            tasks=tasks,
            log=logging.getLogger("call_reaper"),
            count=lambda name, number: None,
            clock=lambda: datetime.now(UTC) + self.ahead,
        )

    def run(self) -> Mapping[str, object]:
        return self._handler({"source": "aws.events"}, None)

    def run_a_minute_later(self) -> Mapping[str, object]:
        self.ahead += SECONDS_61
        return self.run()


class Lost:
    """One edge on a database with a bucket, a PBX and a carrier."""

    def __init__(self, running: Cluster, wire: Wire, pbx: Agent) -> None:
        self.running, self.wire, self.pbx = running, wire, pbx
        aws = running.shared.aws
        self.reaper = Reaper(aws.url)
        self.s3: Any = aws.clients("us-east-1").s3
        self.dynamodb: Any = running.shared.dynamodb

    def call(self) -> Any:
        """Let the PBX call, and return the call once it is up and has its row."""
        where = self.running.addresses[0]
        uri = f"sip:{NUMBER}@{self.running.host}"
        placed = self.pbx.call(uri, where, CallerPlan(), time.monotonic())
        self.wire.run_until(lambda: placed.answered, "a call is up")
        self.wire.run_until(self.rows, "it has a row")
        return placed

    def kill(self) -> None:
        """Let the edge die at once, with all that it has not written."""
        process = self.running.edges[0].process
        helpers = descendants(process.pid)
        process.kill()
        process.wait()
        eventually(lambda: not any(map(is_running, helpers)) or None, "its helpers end")

    def node(self) -> dict[str, Any] | None:
        """Return the row of the only node, None without one."""
        found = self.dynamodb.scan(TableName=NODES.physical_name(DEFAULT_PREFIX))["Items"]
        rows = [decode_item(it) for it in found if it[PARTITION_KEY]["S"] == NODE]
        return rows[0] if rows else None

    def signal(self, number: signal.Signals) -> None:
        self.running.edges[0].process.send_signal(number)

    def rows(self) -> list[dict[str, Any]]:
        found = self.dynamodb.scan(TableName=CALLS.physical_name(DEFAULT_PREFIX))["Items"]
        return [decode_item(it) for it in found]

    def lease(self) -> datetime | None:
        """Return the last renewal of the only node, None without one."""
        node = self.node()
        return None if node is None else moment({"S": node["renewed_at"]})

    def records(self) -> list[dict[str, Any]]:
        bucket = bucket_name()
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = [it["Key"] for it in listed]
        return [json.loads(self.s3.get_object(Bucket=bucket, Key=it)["Body"].read()) for it in keys]


def bucket_name() -> str:
    return cdr_bucket_name(DEFAULT_PREFIX, Settings().account_id, "us-east-1")


def await_answer(edge: Address, connector_host: str, pbx: str) -> None:
    """Wait until an edge knows its PBX: a busy machine lets it be ready before that (A9)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((pbx, 0))
        phone.settimeout(0.1)

        def is_answered() -> bool | None:
            phone.sendto(options_request(connector_host, phone.getsockname()), edge)
            try:
                return True if phone.recv(65_536).startswith(b"SIP/2.0 200 ") else None
            except TimeoutError:
                return None

        eventually(is_answered, "the edge knows its PBX")


@contextmanager
def lost_edge(*, s3_is_there: bool = True, drain_s: float = 0.0) -> Iterator[Lost]:
    variables = {"OVC_DRAIN_SECONDS": str(drain_s)}
    with cluster(1, cps_limit=100, variables=variables, admission=PUBLISHED) as running:
        shared = running.shared
        shared.use_bucket(bucket_name(), is_there=s3_is_there)
        await_answer(running.addresses[0], running.host, shared.pbx)
        pbx = Agent("pbx", free_address(shared.pbx))
        with Wire(pbx, Agent("carrier", shared.carrier)) as wire:
            yield Lost(running, wire, pbx)


def test_the_calls_of_a_killed_edge_end_with_its_lease() -> None:  # EDGE C9
    with lost_edge() as lost:
        lost.call()
        (row,) = lost.rows()
        answered_at = moment({"S": row["started_at"]})
        lost.wire.run_until(
            lambda: (lease := lost.lease()) is not None and lease > answered_at, "a renewal"
        )
        lost.kill()
        lease = lost.lease()
        assert lease is not None
        assert lost.reaper.run()["dead"] == 0
        assert lost.reaper.run_a_minute_later() == {"nodes": 1, "dead": 1, "closed": 1, "left": 0}
        (record,) = lost.records()
        assert (record["Status"], record["StatusMessage"]) == ("Completed", "Edge lost")
        assert (record["StartTime"], record["EndTime"]) == (epoch_ms(answered_at), epoch_ms(lease))
        assert record["BillableDuration"] == 6 * -(
            -(record["EndTime"] - record["StartTime"]) // 6_000
        )
        (row,) = lost.rows()
        assert (row["status_message"], "live_node" in row) == ("Edge lost", False)
        lost.reaper.run_a_minute_later()
        assert lost.lease() is None
        assert len(lost.records()) == 1


def test_an_edge_that_is_well_keeps_its_calls_while_the_database_is_away() -> None:
    # EDGE C9: two minutes by the reaper's clock, in which no lease can be renewed.
    with lost_edge() as lost:
        placed = lost.call()
        lost.reaper.run()
        with lost.running.shared.stopped():
            for _ in range(2):
                with pytest.raises(Exception, match="database"):
                    lost.reaper.run_a_minute_later()
        for _ in range(3):
            assert lost.reaper.run_a_minute_later()["dead"] == 0
        assert lost.records() == []
        assert not placed.hung_up
        placed.hang_up(time.monotonic())
        lost.wire.run_until(lost.records, "its record")
        (record,) = lost.records()
        assert record["StatusMessage"] == "Normal Call Clearing"


def test_the_end_in_the_row_is_used_when_an_edge_dies_an_hour_after_s3_went_away() -> None:
    # EDGE C9, C10: nobody is billed for the hour.
    with lost_edge(s3_is_there=False) as lost:
        placed = lost.call()
        placed.hang_up(time.monotonic())
        lost.wire.run_until(lambda: "bucket" in lost.rows()[0], "its object is due")
        (row,) = lost.rows()
        lost.kill()
        lost.running.shared.make_bucket(bucket_name())
        lost.reaper.ahead = timedelta(hours=1)
        lost.reaper.run()
        assert lost.reaper.run_a_minute_later() == {"nodes": 1, "dead": 1, "closed": 0, "left": 0}
        (record,) = lost.records()
        assert record["StatusMessage"] == "Normal Call Clearing"
        assert record["EndTime"] == epoch_ms(moment({"S": row["ended_at"]}))


def test_a_node_that_comes_back_takes_over_what_the_reaper_has_written() -> None:  # EDGE C9
    with lost_edge() as lost:
        placed = lost.call()
        helpers = descendants(lost.running.edges[0].process.pid)
        (row,) = lost.rows()
        # It stands still, and whoever runs tasks calls it gone: wrongly.
        lost.signal(signal.SIGSTOP)
        mistaken = Reaper(
            lost.running.shared.aws.url, tasks=lambda tasks: dict.fromkeys(tasks, TaskState.GONE)
        )
        mistaken.run()
        assert mistaken.run_a_minute_later()["closed"] == 1
        (written,) = lost.records()
        assert written["StatusMessage"] == "Edge lost"
        lost.signal(signal.SIGCONT)
        placed.hang_up(time.monotonic())
        edge = lost.running.edges[0]
        lost.wire.run_until(lambda: edge.of("call-ended"), "the call ends")
        lost.wire.run_until(lambda: edge.of("record-replaced"), "its record is discarded")
        lost.wire.run_until(lambda: "live_node" not in lost.rows()[0], "its row is done")
        assert lost.records() == [written]
        (row,) = lost.rows()
        assert row["status_message"] == "Edge lost"
        assert epoch_ms(moment({"S": row["ended_at"]})) == written["EndTime"]
        assert row["billable_duration"] == written["BillableDuration"]
        assert all(map(is_running, helpers)), "a node that comes back is as well as before"


def test_a_stopped_edge_drains_hangs_up_and_leaves_nothing() -> None:  # EDGE C9
    with lost_edge(drain_s=2.0) as lost:
        placed = lost.call()
        lost.signal(signal.SIGTERM)
        lost.wire.run_until(lambda: (lost.node() or {}).get("draining"), "the lease says so")
        where, uri = lost.running.addresses[0], f"sip:{NUMBER}@{lost.running.host}"
        refused = lost.pbx.call(uri, where, CallerPlan(), time.monotonic())
        lost.wire.run_until(lambda: refused.final is not None, "a new call is refused")
        assert refused.final is not None and refused.final.status == 503
        assert not placed.hung_up
        lost.wire.run_until(lambda: placed.hung_up, "the call is hung up in the end")
        edge = lost.running.edges[0]
        lost.wire.run_until(lambda: edge.process.poll() is not None, "the edge ends")
        assert edge.process.returncode == 0
        (record,) = [it for it in lost.records() if it["Status"] == "Completed"]
        assert record["StatusMessage"] == "Service shutdown"
        assert lost.node() is None
        assert all("live_node" not in row for row in lost.rows())


def test_a_second_signal_does_not_wait_for_the_calls() -> None:  # EDGE C9
    with lost_edge(drain_s=110.0) as lost:
        placed = lost.call()
        lost.signal(signal.SIGTERM)
        edge = lost.running.edges[0]
        lost.wire.run_until(lambda: edge.of("stopping"), "it drains")
        lost.signal(signal.SIGTERM)
        lost.wire.run_until(lambda: placed.hung_up, "the call is hung up")
        lost.wire.run_until(lambda: edge.process.poll() is not None, "the edge ends")
        (record,) = lost.records()
        assert record["StatusMessage"] == "Service shutdown"


def test_what_a_stopped_edge_could_not_store_the_reaper_does() -> None:  # EDGE C9, C10
    with lost_edge(s3_is_there=False) as lost:
        lost.call()
        lost.signal(signal.SIGTERM)
        edge = lost.running.edges[0]
        lost.wire.run_until(lambda: edge.process.poll() is not None, "the edge ends")
        node = lost.node()
        assert node is not None and node["draining"] is True, "its row stays for the reaper"
        lost.running.shared.make_bucket(bucket_name())
        lost.reaper.run()
        assert lost.reaper.run_a_minute_later() == {"nodes": 1, "dead": 1, "closed": 0, "left": 0}
        (record,) = lost.records()
        assert record["StatusMessage"] == "Service shutdown"
        lost.reaper.run_a_minute_later()
        assert lost.node() is None


def test_ovc_up_goes_on_after_its_edge_was_killed(tmp_path: Path) -> None:  # EDGE C9
    with RunningStand(tmp_path) as stand:
        offered = stand.offered()
        number = offered["OVC_NUMBERS"].split(",")[0]
        order = [*OVC, "call", "--to", number, "--duration", "2", "--json"]
        api = f"http://127.0.0.1:{stand.ports['api']}"
        with subprocess.Popen(order, stdout=subprocess.PIPE, env=stand.environment) as caller:
            calls = eventually(lambda: ext(api, "/ext/calls")["Calls"] or None, "a call")
            os.kill(edge_of(stand), signal.SIGKILL)
            assert "signal 9" in stand.await_line("SIP edge: started-again")
            caller.communicate(timeout=PATIENCE_S)
        reaper = Reaper(offered["AWS_ENDPOINT_URL_DYNAMODB"], offered["AWS_DEFAULT_REGION"])
        reaper.run()
        assert reaper.run_a_minute_later()["closed"] == 1
        record = json.loads(stand.run("cdr", "tail", "-n", "1", "--json").stdout)
        assert (record["Status"], record["StatusMessage"]) == ("Completed", "Edge lost")
        assert record["TransactionId"] == calls[0]["TransactionId"]

        def called_again() -> bool | None:
            return stand.call(number)["answered"] or None

        eventually(called_again, "the new edge takes calls")
        stand.processes = [stand.process.pid, *descendants(stand.process.pid)]
        code, _ = stand.end(signal.SIGTERM)
        assert (code, stand.survivors()) == (0, [])


def edge_of(stand: RunningStand) -> int:
    """Return the process id of a stand's edge."""
    (found,) = [
        pid
        for pid in stand.processes
        if b"emulator.edge_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return found
