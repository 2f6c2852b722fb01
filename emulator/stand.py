"""The whole product on one machine: starts every part, seeds it, watches it, ends it (A14)."""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, Queue

from aws_lambda_powertools.logging import Logger

from emulator import aws, ports, stand_file
from emulator.child import Child, ChildEnded, ChildLine
from emulator.gateway import RunningGateway
from emulator.ports import HOST, Ports
from emulator.seed import Seed, seed
from emulator.stand_file import StandFacts
from lambdas.management.composition import build
from model.settings import Carrier, Settings
from model.tables import DEFAULT_PREFIX, access_keys_secret_name, cdr_bucket_name

READY_WITHIN_S = 20.0
_END_WITHIN_S = 1.8

News = ChildLine | ChildEnded


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
        """Return the settings with lab mode, private addresses and the simulated carrier."""
        pstn = Carrier(
            name="pstn",
            host=HOST,
            port=self.ports.pstn,
            sources=(f"{HOST}:{self.ports.pstn}",),
            media_networks=(f"{HOST}/32",),
        )
        return replace(
            self.settings,
            lab_mode=True,
            api=replace(self.settings.api, private_addresses=True),
            carriers=(pstn, *self.settings.carriers),
        )


class Stand:
    """Everything that runs; `close` ends it, and so does the end of this process."""

    def __init__(self, plan: StandPlan) -> None:
        """Start everything; returns when calls can be made. Raises StandError, PortProblemError."""
        self.news: Queue[News] = Queue()
        self._plan = plan
        self._settings = plan.effective_settings()
        self._open = ExitStack()
        self._children: list[Child] = []
        ports.check(plan.ports, listen=plan.listen, with_pbx=plan.with_pbx)
        try:
            self.facts = self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End every part, the edge first: its last records still need the others."""
        deadline = time.monotonic() + _END_WITHIN_S
        for child in reversed(self._children):
            child.stop()
            if child.name == "edge":
                child.wait(max(0.1, deadline - time.monotonic()))
        for child in self._children:
            child.wait(0.5)
        self._open.close()

    def _start(self) -> StandFacts:
        plan, settings = self._plan, self._settings
        self._start_phones()
        embedded = aws.start(account_id=settings.account_id, port=plan.ports.aws)
        self._open.callback(embedded.close)
        clients = embedded.clients(settings.region)
        aws.provision(clients, settings)
        self._start_edge(embedded.url)
        handler = build(
            settings=settings,
            table_prefix=DEFAULT_PREFIX,
            access_keys_secret=access_keys_secret_name(DEFAULT_PREFIX),
            dynamodb=clients.dynamodb,
            secretsmanager=clients.secretsmanager,
            log=Logger(service="management", level="CRITICAL", stream=sys.stderr),
        )
        gateway = RunningGateway(handler, host=HOST, port=plan.ports.api)
        self._open.callback(gateway.close)
        bucket = cdr_bucket_name(DEFAULT_PREFIX, settings.account_id, settings.region)
        seeded = self._seed(gateway.url, bucket)
        self._await_ready(time.monotonic() + READY_WITHIN_S)
        facts = self._facts(gateway.url, embedded.url, bucket, seeded)
        path = stand_file.write(facts, plan.ports.api)
        self._open.callback(path.unlink, missing_ok=True)
        return facts

    def _start_phones(self) -> None:
        plan = self._plan
        where = f"{HOST}:{plan.ports.pstn}"
        edge = f"--edge={plan.listen}:{plan.ports.sip}"
        self._child("pstn", "emulator.carrier", [f"--sip={where}", f"--control={where}", edge])
        if plan.with_pbx:
            self._child("pbx", "emulator.pbx", [f"--sip={HOST}:{plan.ports.pbx}"])

    def _start_edge(self, aws_url: str) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OVC_")},
            "AWS_ENDPOINT_URL": aws_url,
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": self._settings.region,
            "AWS_REGION": self._settings.region,
            "OVC_SETTINGS": self._settings.to_json(),
            "OVC_TABLE_PREFIX": DEFAULT_PREFIX,
            "OVC_SIP_LISTEN": f"{self._plan.listen}:{self._plan.ports.sip}",
        }
        self._child("edge", "emulator.edge_process", [], environment)

    def _child(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        environment: dict[str, str] | None = None,
    ) -> None:
        child = Child(name, module, arguments, news=self.news, environment=environment)
        self._children.append(child)

    def _seed(self, api_url: str, bucket: str) -> Seed:
        plan = self._plan
        allowed = ["127.0.0.0/8", *plan.allow]
        if plan.listen != HOST:
            allowed.insert(1, f"{plan.listen}/32")
        return seed(
            api_url,
            settings=self._settings,
            access_key=(aws.ACCESS_KEY_ID, aws.SECRET_ACCESS_KEY),
            cdr_bucket=bucket,
            pbx=(HOST, plan.ports.pbx),
            allowed=allowed,
        )

    def _await_ready(self, deadline: float) -> None:
        waiting = {child.name for child in self._children}
        while waiting:
            try:
                news = self.news.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                late = ", ".join(sorted(waiting))
                raise StandError(f"{late} did not become ready in {READY_WITHIN_S:.0f} s") from None
            if isinstance(news, ChildEnded):
                raise StandError(ending_text(news))
            if news.event == "ready":
                waiting.discard(news.child)

    def _facts(self, api_url: str, aws_url: str, bucket: str, seeded: Seed) -> StandFacts:
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
            connector_id=seeded.connector_id,
            connector_host=seeded.connector_host,
            numbers=seeded.numbers,
            control_address=f"{HOST}:{plan.ports.pstn}",
        )


def ending_text(news: ChildEnded) -> str:
    """Return what to tell a person of a child that has ended by itself."""
    said = "; ".join(line for line in news.last_lines if line.strip())
    return f"the part {news.child!r} has ended with code {news.exit_code}" + (
        f": {said}" if said else ""
    )


def settings_from(path: Path | None) -> Settings:
    """Read an operator's settings file; raises OSError and SettingsError."""
    return Settings() if path is None else Settings.from_json(path.read_text())
