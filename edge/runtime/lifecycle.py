"""The life of a node: start everything, say when it takes calls, stop without losing a record."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.flow import Address, Transport
from edge.media.srtp_leg import Aes192Kdf, SrtpRules
from edge.routing.credentials import Credentials
from edge.runtime.aws_control import AwsControl
from edge.runtime.aws_messages import Begin, DrainTold, News, RoutesNamed, SecretRead
from edge.runtime.commanded_drain import SHUTDOWN_MESSAGE, CommandedDrain
from edge.runtime.dns_client import DnsClient
from edge.runtime.draining import DrainTimes
from edge.runtime.driver import CoreLike, Driver
from edge.runtime.liveness import Liveness
from edge.runtime.load import LoadProbe
from edge.runtime.log import NodeLog
from edge.runtime.media_workers import MediaWorkers
from edge.runtime.resolver import Resolver
from edge.runtime.stream_node import StreamNode, StreamPlan
from edge.runtime.udp import UdpTransport
from edge.seam import CredentialsChanged, Drain, HangUp, Resolved
from model.metrics import deployment_dimensions
from model.node import RENEWED_EVERY_S

READY_AFTER_S = 2.0
"""Without DynamoDB the node takes calls this long after its start, with what it knows (A9)."""
PROTECTED_WITHIN_S = 10.0
"""Likewise where ECS does not protect the task (A11): it is new, and others serve."""
LAST_WORK_S = 1.55
"""After the last hang-up: BYEs are repeated, records and rows stored; 2 s with the rest."""
LAST_ROWS_S = 6.0
"""For what is neither in the table nor on the disk by then; with the draining that is less than the
120 s after which Fargate kills."""
LAST_MEASURES_S = 0.3
"""Of that, for what the media workers have to say of the calls: rows and records tell it."""
LOOK_EVERY_S = 0.05
PUBLISHED_EVERY_S = 1.0
"""How often the other nodes may learn of other numbers of calls (EDGE R16)."""
MEASURED_EVERY_S = 60.0
"""How often metrics are told (EDGE X1, X7); CloudWatch's own finest step for alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """What a node is made of, besides its Core."""

    begin: Begin
    sip_socket: socket.socket
    streams: StreamPlan
    sip_address: Address
    """As advertised; the socket may be bound to another one."""
    media_address: str
    """Local address that media ports are bound at."""
    media_workers: int
    drain_s: float
    """How long calls may go on once the node is told to stop."""
    drain_times: DrainTimes = field(default_factory=DrainTimes)
    """How long they may once it is told to drain, and new ones until then."""
    dns_servers: tuple[Address, ...] = ()
    """Asked instead of the system's name servers."""
    health_socket: socket.socket | None = None
    """Bound; who asks on it hears whether the node lives."""


class Node:
    """Everything that runs, round one Core; made on a running event loop."""

    def __init__(self, core: CoreLike, plan: NodePlan, log: NodeLog) -> None:
        self._plan = plan
        self._log = log
        self._loop = loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        settings = plan.begin.settings
        self._resolver = Resolver(
            names=DnsClient(plan.dns_servers),
            report=lambda directory: self._driver.feed(Resolved(*directory)),
            log=log,
            private_addresses=settings.lab_mode,
        )
        self._aws = AwsControl(plan.begin, loop=loop, feed=self._heard, log=log)
        self._driver = Driver(
            core,
            loop=loop,
            log=log,
            command_media=lambda worker, command: self._media.command(worker, command),
            write_record=self._aws.write,
            write_log=self._aws.write_log,
            put_metrics=lambda it: log.metrics(it.dimensions, it.figures),
            journal=self._aws.journal,
            record=self._aws.record,
            count=self._aws.count,
        )
        self._drain = CommandedDrain(
            plan.drain_times,
            is_protected=plan.begin.agent_uri is not None,
            loop=loop,
            driver=self._driver,
            aws=self._aws,
            renew=self._renew,
            stop=self._stop.set,
            log=log,
        )
        self._renewal: asyncio.TimerHandle | None = None
        self._measuring: asyncio.TimerHandle | None = None
        self._streams: StreamNode | None = None
        self._secrets: dict[str, str] = {}
        """What has been read before the ports were opened."""
        self._published: Mapping[str, int] = {}
        self._media = MediaWorkers(
            count=plan.media_workers,
            address=plan.media_address,
            settings=settings.media,
            srtp=SrtpRules(Aes192Kdf(settings.srtp.aes192_kdf.value), settings.srtp.srtcp_tag32),
            loop=loop,
            feed=self._driver.feed,
            log=log,
        )

    async def run(self) -> None:
        """Take calls until SIGTERM or SIGINT, then stop; a second signal ends the draining.

        SIGUSR1 asks for a log line with everything that is held, SIGHUP for another look at
        certificates and secrets.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        self._loop.add_signal_handler(signal.SIGUSR1, self._tell_pending)
        self._loop.add_signal_handler(signal.SIGHUP, self._look_again)
        resolving = self._loop.create_task(self._resolver.run())
        showing = self._loop.create_task(self._show())
        await self._prepared()
        transport = UdpTransport(
            self._plan.sip_socket,
            advertised=self._plan.sip_address,
            loop=self._loop,
            receiver=self._driver,
        )
        streams = self._streams = StreamNode(self._plan.streams, self._driver, self._log)
        for secret_id, text in self._secrets.items():
            streams.take(secret_id, text)
        self._secrets.clear()
        streams.tell_closed()
        self._driver.add_transport(Transport.UDP, transport)
        for stream in (Transport.TCP, Transport.TLS):
            self._driver.add_transport(stream, streams.streams)
        self._driver.set_closer(streams.streams)
        self._tell_ready(transport, streams)
        answering = self._loop.create_task(self._answer_health_checks())
        probe = LoadProbe(self._driver.feed, loop=self._loop)
        self._measuring = self._loop.call_later(MEASURED_EVERY_S, self._measure)
        if self._plan.begin.settings.admission.concurrent_calls_per_connector is not None:
            self._publish_calls()
        await self._stop.wait()
        showing.cancel()
        await self._wind_down()
        self._measuring.cancel()
        self._tell_figures()
        probe.close()
        answering.cancel()
        resolving.cancel()
        transport.close()
        streams.close()
        self._driver.close()
        self._media.close()
        self._aws.close()
        self._log(
            "stopped",
            {
                "records_lost": self._aws.unsettled,
                "records_due": self._aws.backlog - self._aws.unsettled,
                "faults": self._driver.faults,
            },
        )

    async def _answer_health_checks(self) -> None:
        """Let health checks ask from the first configuration on.

        Without one every call is refused: a version that may not read it never becomes healthy,
        and its deployment is rolled back. Later DynamoDB may be away as long as it likes (A9).
        """
        bound = self._plan.health_socket
        if bound is None:
            return
        try:
            await self._aws.configured.wait()
            liveness = Liveness(bound, self._loop)
            try:
                await self._loop.create_future()
            finally:
                liveness.close()
        finally:
            bound.close()

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    def _tell_pending(self) -> None:
        """Say what the node holds, for whoever suspects that it forgets to let go."""
        self._log(
            "pending",
            {
                **self._driver.pending,
                "records": self._aws.backlog,
                "faults": self._driver.faults,
            },
        )

    async def _show(self) -> None:
        """Show the node from its first configuration on: who is shown gets calls (A11), and would
        refuse them as long as it knows no connector."""
        await self._aws.configured.wait()
        self._renew()

    def _renew(self) -> None:
        """Say how the node is doing, now and every ten seconds from now on."""
        tls = None if self._streams is None else self._streams.tls_state
        self._aws.renew(self._driver.report()._replace(tls=tls))
        self._rest_from_renewing()
        self._renewal = self._loop.call_later(RENEWED_EVERY_S, self._renew)

    def _measure(self) -> None:
        """Tell what the last minute brought, now and every minute from now on."""
        self._measuring = self._loop.call_later(MEASURED_EVERY_S, self._measure)
        self._tell_figures()

    def _tell_figures(self) -> None:
        begin = self._plan.begin
        whole = deployment_dimensions(begin.table_prefix, begin.settings.region)
        node, *others = self._driver.minute()
        streams = {} if self._streams is None else self._streams.figures
        ours = {"CdrBacklog": self._aws.backlog, **streams}
        self._log.metrics(whole, node.figures | ours)
        for dimensions, figures, is_of_connector in others:
            self._log.metrics(dimensions if is_of_connector else whole | dimensions, figures)

    def _publish_calls(self) -> None:
        """Say how many calls each connector has, at most once a second while that changes (R16)."""
        calls = self._driver.report().connector_calls
        if calls != self._published and self._renewal is not None:
            self._published = calls
            self._renew()
        self._loop.call_later(PUBLISHED_EVERY_S, self._publish_calls)

    def _rest_from_renewing(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    def _heard(self, news: News) -> None:
        if isinstance(news, RoutesNamed):
            self._resolver.set_names(news.hosts, news.services)
        elif isinstance(news, SecretRead):
            self._take_secret(news)
        elif isinstance(news, DrainTold):
            self._drain.told(news.order)
        else:
            self._driver.feed(news)

    def _take_secret(self, read: SecretRead) -> None:
        for carrier in self._plan.begin.settings.carriers:
            if carrier.secret_id == read.secret_id:
                known_by = Credentials(carrier.username, read.text)
                self._driver.feed(CredentialsChanged(carrier.name, known_by))
        if self._streams is None:
            self._secrets[read.secret_id] = read.text
        else:
            self._streams.take(read.secret_id, read.text)

    def _look_again(self) -> None:
        self._aws.look_at_secrets()
        if self._streams is not None:
            self._streams.refresh()

    async def _prepared(self) -> None:
        """Wait for configuration, lease, certificate, protection and media ports; datagrams wait in
        the socket meanwhile. A call that is taken before the lease is written would be
        nobody's, should the node die (EDGE C9); one before the protection, ECS might end (A11)."""
        aws, stop = self._aws, self._stop.is_set
        wanted = (aws.configured, aws.leased, aws.secrets_looked, self._media.ready)
        await self._until(lambda: all(it.is_set() for it in wanted), READY_AFTER_S, stop)
        await self._until(aws.protected.is_set, PROTECTED_WITHIN_S - READY_AFTER_S, stop)

    def _tell_ready(self, transport: UdpTransport, streams: StreamNode) -> None:
        if not self._aws.configured.is_set():
            remedy = "calls are refused until DynamoDB answers; is AWS_ENDPOINT_URL right?"
            self._log("configuration-missing", {"hint": remedy})
        host, port = self._plan.sip_address
        self._log(
            "ready",
            {
                "sip": f"{host}:{port}",
                "tls_port": self._plan.streams.tls_listen[1] if streams.tls_is_open else None,
                "media_workers": self._plan.media_workers,
                "receive_buffer_bytes": transport.receive_buffer_bytes,
            },
        )

    async def _wind_down(self) -> None:
        driver = self._driver
        self._drain.close()
        self._log("stopping", {"active_calls": driver.active_calls, "drain_s": self._plan.drain_s})
        driver.feed(Drain())
        self._renew()
        await self._until(lambda: not driver.active_calls, self._plan.drain_s, self._hurry.is_set)
        driver.feed(HangUp(SHUTDOWN_MESSAGE))
        self._rest_from_renewing()
        began_at = time.monotonic()
        await self._until(lambda: not driver.pending["calls"], LAST_MEASURES_S)
        self._aws.leave()
        # A BYE is repeated after 0.5 and 1.5 s (RFC 3261 §17.1.2.2): stay until it is answered.
        await self._until(self._is_done, LAST_WORK_S - (time.monotonic() - began_at))
        # What is due is in its row, and the reaper stores it; what is not there yet would be lost.
        await self._until(lambda: not self._aws.unsettled, LAST_ROWS_S)

    def _is_done(self) -> bool:
        is_stored = not self._aws.unsettled and not self._aws.recordings
        pending = self._driver.pending
        is_quiet = not pending["dialogs"] and not pending["recordings"]
        return self._aws.left.is_set() and is_stored and is_quiet

    async def _until(
        self,
        condition: Callable[[], bool],
        longest_s: float,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        deadline = time.monotonic() + longest_s
        while not condition() and not enough() and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)
