"""The whole product on one machine: starts every part, seeds it, watches it, ends it (A14)."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory

from botocore.exceptions import BotoCoreError, ClientError

from edge.flow import Address
from emulator import aws, ports
from emulator.api_log import ApiLog, ReaperLog
from emulator.ca import CA_FILE, LocalCa, ca_directory
from emulator.child import Child, ChildEnded, ChildLine, News
from emulator.edge_keeper import EdgeKeeper
from emulator.environment import isolated
from emulator.event_log import EventLog
from emulator.gateway import RunningGateway
from emulator.local_ids import LocalIds
from emulator.local_stream import LocalStream
from emulator.local_tasks import local_tasks
from emulator.ports import HOST, Ports
from emulator.probe import admits
from emulator.schedule import RunningSchedule
from emulator.seed import Seed, SeedError, seed
from emulator.stand_file import StandFacts, StandFile, writable_directory
from lambdas.call_reaper import composition as call_reaper
from lambdas.config_feed import composition as config_feed
from lambdas.management.composition import build
from lambdas.number_orders import composition as number_orders
from model.settings import Carrier, Settings
from model.tables import (
    CONNECTORS,
    DEFAULT_PREFIX,
    NUMBERS,
    access_keys_secret_name,
    cdr_bucket_name,
)

LOCAL_ORIGINS = ("http://127.0.0.1:*", "http://localhost:*")
"""A web console of this machine, on whatever port it is served (A2)."""
READY_WITHIN_S = 20.0
"""A part takes under a second; a loaded machine gets patience."""
_NUMBER_ORDERS_EVERY_S = 0.25
"""Whoever orders a number here can use it at once; two small reads of the local database."""
_CALL_REAPER_EVERY_S = 10.0
"""More often than in AWS, where each run costs something: the calls of an edge that died are closed
some 60 s later instead of 120 (EDGE C9)."""
_PROBE_S = 0.1
_END_WITHIN_S = 1.8
"""The edge repeats its last BYEs for 1.55 s; with the rest it stays below 2 s."""
_REST_ENDS_WITHIN_S = 0.15

AWS, PSTN, PBX, EDGE = "embedded AWS", "simulated phone network", "demo PBX", "SIP edge"


class StandError(Exception):
    """The stand cannot be started; the text says which part failed and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandPlan:
    """What to start, and where."""

    ports: Ports = field(default_factory=Ports)
    listen: str = HOST
    """Address of the edge, in SIP and SDP too."""
    allow: Sequence[str] = ()
    """Networks, besides this machine's, that may call through the demo connector."""
    with_pbx: bool = True
    settings: Settings = field(default_factory=Settings)
    """Operator settings; what the local run needs is laid over them."""

    def effective_settings(self) -> Settings:
        """Return the settings with lab mode, private addresses, consoles and the carrier."""
        pstn = Carrier(
            name="pstn",
            host=HOST,
            port=self.ports.pstn,
            # With its port: a PBX may be on this machine as well and is no carrier.
            sources=(f"{HOST}:{self.ports.pstn}",),
            media_networks=(f"{HOST}/32",),
        )
        origins = (*self.settings.api.cors_origins, *LOCAL_ORIGINS)
        return replace(
            self.settings,
            lab_mode=True,
            api=replace(self.settings.api, private_addresses=True, cors_origins=origins),
            carriers=(pstn, *self.settings.carriers),
        )

    def allowed_networks(self) -> list[str]:
        """Return the demo connector's allow list."""
        own = [] if self.listen.startswith("127.") else [f"{self.listen}/32"]
        return list(dict.fromkeys(["127.0.0.0/8", *own, *self.allow]))


class Stand:
    """Everything that runs; `close` ends it, and so does the end of this process."""

    def __init__(self, plan: StandPlan) -> None:
        """Start everything; returns when calls can be made. Raises StandError, PortProblemError."""
        self._news: SimpleQueue[News] = SimpleQueue()
        self._plan = plan
        self._settings = plan.effective_settings()
        self._environment = isolated(os.environ)
        self._open = ExitStack()
        self._gateway: RunningGateway | None = None
        self._schedules: list[RunningSchedule] = []
        self._children: dict[str, Child] = {}
        self._keeper = EdgeKeeper()
        self._edge_lock = threading.Lock()
        self._starting: set[str] = set()
        self._heard: list[News] = []
        ports.check(plan.ports, listen=plan.listen, with_pbx=plan.with_pbx)
        self._events = EventLog(writable_directory() / f"stand-{plan.ports.api}.events")
        self._open.callback(self._events.close)
        try:
            self.facts = self._start(time.monotonic() + READY_WITHIN_S)
        except (BotoCoreError, ClientError, SeedError) as error:
            self.close()
            raise StandError(f"what the stand begins with cannot be made: {error}") from error
        except BaseException:
            self.close()
            raise

    def next_news(self, patience_s: float) -> News | None:
        """Return what a part has told, None when there is nothing for so long."""
        try:
            return self._news.get(timeout=patience_s)
        except Empty:
            return None

    def close(self) -> None:
        """End every part, the edge first: its last BYEs and records still need the others."""
        deadline = time.monotonic() + _END_WITHIN_S
        with self._edge_lock:
            self._keeper.rest()
            edge = self._children.pop(EDGE, None)
        gateway = None
        if self._gateway is not None:
            gateway = threading.Thread(target=self._gateway.close, daemon=True)
            gateway.start()
        for schedule in self._schedules:
            schedule.close()
        if edge is not None:
            edge.stop()
            edge.wait(max(0.0, deadline - time.monotonic()))
        for child in self._children.values():
            child.stop()
        for child in self._children.values():
            child.wait(_REST_ENDS_WITHIN_S)
        self._children.clear()
        if gateway is not None:
            gateway.join(max(0.0, deadline - time.monotonic()))
        self._open.close()

    def _start(self, deadline: float) -> StandFacts:
        """Start what the edge needs while the edge is loaded, then the edge."""
        plan, settings = self._plan, self._settings
        aws_url = f"http://{HOST}:{plan.ports.aws}"
        certificates = ca_directory()
        account = {"MOTO_ACCOUNT_ID": settings.account_id}
        self._child(AWS, "emulator.aws_process", [str(plan.ports.aws)], account)
        self._edge_variables = self._edge_environment(aws_url, certificates)
        self._child(EDGE, "emulator.edge_process", [], self._edge_variables)
        self._start_phones()
        self._make_certificate(certificates)
        clients = aws.clients(aws_url, settings.region)
        self._await(lambda: AWS not in self._starting, deadline, AWS)
        aws.provision(clients, settings)
        bucket = cdr_bucket_name(DEFAULT_PREFIX, settings.account_id, settings.region)
        self._start_feed(clients)
        gateway = self._gateway = self._start_api(clients)
        self._start_number_orders(clients)
        self._start_call_reaper(clients)
        # It is loaded while the seed is made, and learns of that as of any change.
        self._children[EDGE].go()
        seeded = self._seed(gateway.url, bucket)
        self._await(lambda: not self._starting, deadline, "")
        self._await(lambda: self._admits(seeded), deadline, "the demo connector")
        for news in self._heard:
            self._news.put(news)
        facts = self._facts(gateway.url, aws_url, bucket, seeded, certificates)
        file = StandFile(facts, plan.ports.api)
        self._open.callback(file.close)
        return facts

    def _start_api(self, clients: aws.AwsClients) -> RunningGateway:
        handler = build(
            settings=self._settings,
            table_prefix=DEFAULT_PREFIX,
            access_keys_secret=access_keys_secret_name(DEFAULT_PREFIX),
            dynamodb=clients.dynamodb,
            secretsmanager=clients.secretsmanager,
            log=ApiLog(self._news.put),
            ids=LocalIds(),
        )
        return RunningGateway(handler, host=HOST, port=self._plan.ports.api)

    def _start_feed(self, clients: aws.AwsClients) -> None:
        """Tell the edge of every change, before the API answers that it is made (A9)."""
        client = clients.dynamodb
        handler = config_feed.build(table_prefix=DEFAULT_PREFIX, dynamodb=client)
        tables = [it.physical_name(DEFAULT_PREFIX) for it in (CONNECTORS, NUMBERS)]
        LocalStream(client, tables, handler)

    def _start_number_orders(self, clients: aws.AwsClients) -> None:
        handler = number_orders.build(
            settings=self._settings,
            table_prefix=DEFAULT_PREFIX,
            dynamodb=clients.dynamodb,
            log=ApiLog(self._news.put),
        )
        self._schedules.append(RunningSchedule(handler, every_s=_NUMBER_ORDERS_EVERY_S))

    def _start_call_reaper(self, clients: aws.AwsClients) -> None:
        """Close the calls of an edge that died (EDGE C9)."""
        handler = call_reaper.build(
            settings=self._settings,
            table_prefix=DEFAULT_PREFIX,
            dynamodb=clients.dynamodb,
            s3=clients.s3,
            tasks=local_tasks,
            log=ReaperLog(self._news.put),
            count=lambda name, number: None,
        )
        self._schedules.append(RunningSchedule(handler, every_s=_CALL_REAPER_EVERY_S))

    def _start_phones(self) -> None:
        plan = self._plan
        where = f"{HOST}:{plan.ports.pstn}"
        edge = f"--edge={plan.listen}:{plan.ports.sip}"
        self._child(PSTN, "emulator.carrier", [f"--sip={where}", f"--control={where}", edge])
        if plan.with_pbx:
            self._child(PBX, "emulator.pbx", [f"--sip={HOST}:{plan.ports.pbx}"])

    def _make_certificate(self, directory: Path) -> None:
        """Make this stand's certificate, which is gone when the stand is."""
        domain, listen = self._settings.domain, self._plan.listen
        path = directory / self._certificate_name
        names = dict.fromkeys((f"*.{domain}", domain, "localhost", HOST, listen))
        LocalCa(directory).issue(path, *names)
        self._open.callback(path.unlink, missing_ok=True)

    @property
    def _certificate_name(self) -> str:
        return f"stand-{self._plan.ports.api}.pem"

    def _edge_environment(self, aws_url: str, certificates: Path) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": self._settings.region,
            "AWS_REGION": self._settings.region,
            "OVC_SETTINGS": self._settings.to_json(),
            "OVC_TABLE_PREFIX": DEFAULT_PREFIX,
            "OVC_SIP_LISTEN": f"{self._plan.listen}:{self._plan.ports.sip}",
            "OVC_TLS_LISTEN": f"{self._plan.listen}:{self._plan.ports.tls}",
            "OVC_TLS_CERTIFICATE": str(certificates / self._certificate_name),
            "OVC_TLS_CA": str(certificates / CA_FILE),
            # The tables are gone with the stand: what a journal would bring back belongs nowhere.
            "OVC_JOURNAL_DIRECTORY": self._open.enter_context(TemporaryDirectory(prefix="ovc-")),
        }

    def _child(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        more: Mapping[str, str] | None = None,
    ) -> None:
        environment = {**self._environment, **(more or {})}
        self._starting.add(name)
        self._children[name] = Child(
            name, module, arguments, tell=self._hear, environment=environment
        )

    def _hear(self, news: News) -> None:
        """Pass news on; what the edge tells is kept for `ovc explain`. Called from any thread."""
        if news.child == EDGE:
            if isinstance(news, ChildLine):
                self._events(news.fields)
            with self._edge_lock:
                if self._keeper.lets_start_again(news):
                    self._start_edge_again(str(news))
                    return
        self._news.put(news)

    def _start_edge_again(self, why: str) -> None:
        """Do what ECS does in AWS: the calls of the edge that died are closed by the reaper."""
        dead = self._children[EDGE]
        self._news.put(ChildLine(EDGE, {"event": "started-again", "after": why}))
        self._child(EDGE, "emulator.edge_process", [], self._edge_variables)
        self._children[EDGE].go()
        dead.release()

    def _seed(self, api_url: str, bucket: str) -> Seed:
        return seed(
            api_url,
            settings=self._settings,
            access_key=(aws.ACCESS_KEY_ID, aws.SECRET_ACCESS_KEY),
            cdr_bucket=bucket,
            pbx=(HOST, self._plan.ports.pbx),
            allowed=self._plan.allowed_networks(),
        )

    def _await(self, condition: Callable[[], bool], deadline: float, what: str) -> None:
        """Hear news until a condition holds; raises StandError for a part that ends, or is late."""
        while not condition():
            if time.monotonic() > deadline:
                late = ", ".join(sorted(self._starting)) or what
                raise StandError(f"{late} did not become ready in {READY_WITHIN_S:.0f} s")
            news = self.next_news(_PROBE_S)
            if isinstance(news, ChildEnded):
                raise StandError(str(news))
            if news is None:
                continue
            if news.event == "ready":
                self._starting.discard(news.child)
            elif news.event == "failed":
                raise StandError(f"{news.child}: {news.fields.get('reason')}")
            elif news.event == "fault":
                self._heard.append(news)

    def _admits(self, seeded: Seed) -> bool:
        edge: Address = (self._plan.listen, self._plan.ports.sip)
        return admits(edge, seeded.connector_host, _PROBE_S)

    def _facts(
        self, api_url: str, aws_url: str, bucket: str, seeded: Seed, certificates: Path
    ) -> StandFacts:
        plan = self._plan
        return StandFacts(
            pid=os.getpid(),
            api_url=api_url,
            aws_url=aws_url,
            access_key_id=aws.ACCESS_KEY_ID,
            secret_access_key=aws.SECRET_ACCESS_KEY,
            region=self._settings.region,
            cdr_bucket=bucket,
            sip_address=f"{plan.listen}:{plan.ports.sip}",
            tls_address=f"{plan.listen}:{plan.ports.tls}",
            ca_file=str(certificates / CA_FILE),
            connector_id=seeded.connector_id,
            connector_host=seeded.connector_host,
            numbers=seeded.numbers,
            control_address=f"{HOST}:{plan.ports.pstn}",
            record_prefix=self._settings.records.prefix,
            event_log=str(self._events.path),
        )
