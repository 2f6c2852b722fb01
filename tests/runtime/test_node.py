"""Which address a node calls itself, and what it says when it cannot know."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from botocore.exceptions import ClientError

from edge.runtime.node import (
    ADDRESS_TRIES,
    AddressUnknownError,
    Interface,
    own_address,
    own_task,
    public_address_of,
)
from edge.runtime.process import own_process, started_ticks_of
from model.node_task import host_process_from
from tests.runtime.local_aws import REGION, LocalAws
from tests.runtime.scripted import Lines, wait_for

pytestmark = pytest.mark.sockets

NETWORK = {"IPv4Addresses": ["10.0.2.106"], "MACAddress": "0e:10:e2:01:bd:91"}
ARN = "arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6b527399fd6414f5c"
TASK = {"TaskARN": ARN, "Containers": [{"Networks": [NETWORK]}]}
"""The members used of the answer in the ECS developer guide, "Task metadata version 4"."""


class Metadata(BaseHTTPRequestHandler):
    """The task metadata endpoint."""

    answer: object = TASK

    def do_GET(self) -> None:
        body = json.dumps(self.answer).encode()
        self.send_response(200 if self.path == "/v4/id/task" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


@pytest.fixture
def metadata() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v4/id"
    server.shutdown()
    thread.join()
    server.server_close()


def nobody(interface: Interface) -> str | None:
    return None


def at_once(wait_s: float) -> None:
    """Do not wait: nothing changes meanwhile."""


def mapped(interface: Interface) -> str | None:
    known = {Interface("10.0.2.106", "0e:10:e2:01:bd:91"): "198.51.100.7"}
    return known.get(interface)


def on_ecs(uri: str) -> dict[str, str]:
    return {"ECS_CONTAINER_METADATA_URI_V4": uri}


def test_a_configured_address_wins(metadata: str) -> None:
    assert own_address("192.0.2.1", "0.0.0.0", on_ecs(metadata), mapped) == "192.0.2.1"


def test_without_ecs_it_is_where_the_node_listens() -> None:
    assert own_address(None, "127.0.0.1", {}, nobody) == "127.0.0.1"


def test_listening_everywhere_says_nothing_about_the_address() -> None:
    with pytest.raises(AddressUnknownError, match=r"0\.0\.0\.0.*OVC_PUBLIC_ADDRESS"):
        own_address(None, "0.0.0.0", {}, nobody)


def test_a_task_finds_its_public_address(metadata: str) -> None:
    # A11
    assert own_address(None, "0.0.0.0", on_ecs(metadata), mapped) == "198.51.100.7"


def test_a_task_without_a_public_address_says_what_to_do(metadata: str) -> None:
    with pytest.raises(AddressUnknownError, match=r"10\.0\.2\.106 .*assignPublicIp"):
        own_address(None, "0.0.0.0", on_ecs(metadata), nobody, at_once)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"Containers": []},
        {"Containers": [{"Networks": [NETWORK | {"IPv4Addresses": ["x"]}]}]},
        {"Containers": [{"Networks": [{"IPv4Addresses": ["10.0.2.106"]}]}]},
    ],
    ids=["empty", "no object", "no container", "no address", "no MAC address"],
)
def test_a_useless_answer_is_told(
    metadata: str, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Metadata, "answer", answer)
    with pytest.raises(AddressUnknownError, match="set OVC_PUBLIC_ADDRESS"):
        own_address(None, "0.0.0.0", on_ecs(metadata), mapped, at_once)


def test_a_metadata_endpoint_that_is_away_is_told() -> None:
    with pytest.raises(AddressUnknownError, match="set OVC_PUBLIC_ADDRESS"):
        own_address(None, "0.0.0.0", on_ecs("http://127.0.0.1:9/v4/id"), mapped, at_once)


def test_an_address_that_comes_late_is_waited_for(metadata: str) -> None:  # A11
    answers: list[str | None] = [None, None, "198.51.100.7"]
    waits: list[float] = []

    def late(interface: Interface) -> str | None:
        return answers.pop(0)

    assert own_address(None, "0.0.0.0", on_ecs(metadata), late, waits.append) == "198.51.100.7"
    assert waits == [0.5, 1.0]


def test_aws_that_refuses_at_first_is_asked_again(metadata: str) -> None:  # A11
    throttled = ClientError(
        {"Error": {"Code": "RequestLimitExceeded", "Message": "slow down"}},
        "DescribeNetworkInterfaces",
    )
    asked: list[Interface] = []

    def throttling(interface: Interface) -> str | None:
        asked.append(interface)
        if len(asked) < ADDRESS_TRIES:
            raise throttled
        return "198.51.100.7"

    assert own_address(None, "0.0.0.0", on_ecs(metadata), throttling, at_once) == "198.51.100.7"


def test_a_task_without_an_address_gives_up_after_a_minute(metadata: str) -> None:  # A11
    waits: list[float] = []
    with pytest.raises(AddressUnknownError):
        own_address(None, "0.0.0.0", on_ecs(metadata), nobody, waits.append)
    assert len(waits) == ADDRESS_TRIES - 1
    assert 30 <= sum(waits) <= 90
    assert max(waits) <= 15


def test_a_task_knows_its_arn(metadata: str) -> None:  # EDGE C9
    log = Lines()
    assert own_task(on_ecs(metadata), log) == ARN
    assert log.written == []


def test_a_task_that_does_not_know_its_arn_says_so_and_works(metadata: str) -> None:  # EDGE C9
    for away in ("http://127.0.0.1:9/v4/id", metadata + "/other"):
        log = Lines()
        assert own_task(on_ecs(away), log) is None
        (line,) = log.of("task-unknown")
        assert line["metadata"] == away


def test_elsewhere_the_task_is_the_process_and_its_start() -> None:  # EDGE C9
    task = own_task({}, Lines())
    assert task is not None
    named = host_process_from(task)
    assert named == own_process()
    assert (named.host, named.pid) == (socket.gethostname(), os.getpid())
    assert started_ticks_of(named.pid) == named.started_ticks


def test_a_process_that_has_ended_is_none_even_when_nobody_has_asked_how() -> None:  # EDGE C9
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert (started_ticks_of(child.pid) or 0) >= (started_ticks_of(os.getpid()) or 0)
        child.kill()
        # Not waited for yet: it is a zombie by and by.
        wait_for(lambda: started_ticks_of(child.pid) is None)
    assert started_ticks_of(child.pid) is None


def test_ec2_knows_the_public_address_of_an_interface(aws: LocalAws) -> None:
    ec2 = aws.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    made = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]
    interface = Interface(made["PrivateIpAddress"], made["MacAddress"])
    assert public_address_of(interface, REGION) is None
    allocation = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(
        AllocationId=allocation["AllocationId"], NetworkInterfaceId=made["NetworkInterfaceId"]
    )
    assert public_address_of(interface, REGION) == allocation["PublicIp"]
    of_another_vpc = interface._replace(mac="02:00:00:00:00:00")
    assert public_address_of(of_another_vpc, REGION) is None
