"""`ovc up`: runs the stand and shows what happens on it."""

import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, ip_network
from pathlib import Path
from queue import Empty
from types import FrameType

from rich.console import Console
from rich.live import Live

from cli.errors import CommandError, ExitCode
from cli.page import call_line, footer, plain_console, refusal_line, welcome
from emulator.aws import AwsUnavailable
from emulator.child import ChildEnded, ChildLine
from emulator.gateway import GatewayUnavailable
from emulator.ports import HOST, PortProblemError, Ports
from emulator.stand import Stand, StandError, StandPlan, ending_text, settings_from
from model.settings import SettingsError

_REFRESH_S = 0.5


def run(
    *,
    api_port: int,
    sip_port: int,
    aws_port: int,
    pstn_port: int,
    pbx_port: int,
    listen: str,
    allow: tuple[str, ...],
    with_pbx: bool,
    settings_file: Path | None,
    plain: bool,
) -> None:
    """Start the stand, show the page until SIGINT or SIGTERM, end everything."""
    _check_addresses(listen, allow)
    try:
        plan = StandPlan(
            ports=Ports(api=api_port, aws=aws_port, sip=sip_port, pstn=pstn_port, pbx=pbx_port),
            listen=listen,
            allow=allow,
            with_pbx=with_pbx,
            settings=settings_from(settings_file),
        )
    except (OSError, SettingsError) as error:
        raise CommandError(f"--settings {settings_file}: {error}", ExitCode.USAGE) from error
    # SIGTERM and SIGINT end the stand in the same way, also while it is still starting.
    signal.signal(signal.SIGTERM, _interrupt)
    pbx = f"{HOST}:{pbx_port}" if with_pbx else None
    try:
        stand = Stand(plan)
    except PortProblemError as error:
        raise CommandError(str(error), ExitCode.PORT) from error
    except (StandError, AwsUnavailable, GatewayUnavailable) as error:
        raise CommandError(str(error)) from error
    with ExitStack() as ending:
        ending.callback(stand.close)
        fancy = sys.stdout.isatty() and not plain
        page = Page(Console(highlight=False) if fancy else plain_console(), live=fancy)
        ending.enter_context(page)
        page.console.print(welcome(stand.facts, pbx))
        try:
            page.follow(stand)
        except KeyboardInterrupt:
            return


class Page:
    """The scrolling part: a line for each ended call, and those that are up below it."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self.console = console
        self._active: dict[str, tuple[str, datetime]] = {}
        self._live = Live(console=console, auto_refresh=False) if live else None

    def __enter__(self) -> "Page":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def follow(self, stand: Stand) -> None:
        """Show news until a part of the stand ends by itself; raises CommandError then."""
        while True:
            try:
                news = stand.news.get(timeout=_REFRESH_S)
            except Empty:
                self._refresh()
                continue
            if isinstance(news, ChildEnded):
                raise CommandError(ending_text(news))
            self._show(news)
            self._refresh()

    def _show(self, news: ChildLine) -> None:
        fields, now = news.fields, datetime.now().astimezone()
        match news.event:
            case "call-started":
                who = f"{fields['from_number']} -> {fields['to_number']}"
                self._active[str(fields["transaction_id"])] = (who, now)
            case "call-ended":
                self._active.pop(str(fields["transaction_id"]), None)
                self.console.print(call_line(fields, now))
            case "call-refused" | "source-refused":
                self.console.print(refusal_line(fields, now))
            case "fault" | "configuration-missing" | "name-unresolved" | "address-refused":
                self.console.print(f"{news.child}: {news.event} {_told(fields)}", markup=False)

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(footer(self._active, datetime.now().astimezone()), refresh=True)


def _told(fields: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={it}" for name, it in fields.items() if name not in ("event", "at"))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _check_addresses(listen: str, allow: tuple[str, ...]) -> None:
    try:
        unspecified = IPv4Address(listen).is_unspecified
    except AddressValueError:
        raise CommandError(
            f"--listen is {listen!r}; an IPv4 address of this machine is wanted", ExitCode.USAGE
        ) from None
    if unspecified:
        raise CommandError(
            f"--listen is {listen}; phones need to know which address to send to: "
            "give the one that they reach this machine at",
            ExitCode.USAGE,
        )
    for network in allow:
        try:
            ip_network(network)
        except ValueError as error:
            raise CommandError(f"--allow is {network!r}: {error}", ExitCode.USAGE) from None
