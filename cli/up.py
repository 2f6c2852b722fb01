"""`ovc up`: runs the stand and shows what happens on it."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, ip_network
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live

from cli import page
from cli.errors import CommandError, ExitCode
from emulator.aws import AwsUnavailable
from emulator.child import ChildEnded, ChildLine
from emulator.environment import isolate
from emulator.gateway import GatewayUnavailable
from emulator.ports import HOST, PortProblemError, Ports
from emulator.stand import Stand, StandError, StandPlan
from model.settings import Settings, SettingsError

_REFRESH_S = 0.25
_QUIET = frozenset(
    {
        *("ready", "stopping", "stopped", "record-stored", "certificate-loaded"),
        *("unknown-sources", "call-attempt", "new-destination"),
        *("metrics", "media-metrics"),
    }
)
"""Events that are nothing to tell, or that `ovc explain` tells."""
_USUAL_CHALLENGES = frozenset({"no-credentials", "stale-nonce"})
"""What every call with credentials meets."""
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(
    *,
    ports: Ports,
    listen: str,
    allow: tuple[str, ...],
    with_pbx: bool,
    settings_file: Path | None,
    plain: bool,
) -> None:
    """Start the stand, show the page until told to end, end everything."""
    check_addresses(listen, allow)
    plan = StandPlan(
        ports=ports,
        listen=listen,
        allow=allow,
        with_pbx=with_pbx,
        settings=settings_from(settings_file),
    )
    isolate(os.environ)
    for number in _ENDINGS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it for SIGHUP
            signal.signal(number, _interrupt)
    pbx = f"{HOST}:{ports.pbx}"
    with ExitStack() as ending:
        stand = started(plan)
        ending.callback(stand.close)
        fancy = sys.stdout.isatty() and not plain
        news = NewsView(Console(highlight=False) if fancy else page.plain_console(), live=fancy)
        ending.enter_context(news)
        command = command_here(sys.argv[0], Path.cwd())
        welcome = page.welcome(stand.facts, command=command, pbx=pbx, own_pbx=not with_pbx)
        try:
            # Whoever reads that it is up may end it before this line is over.
            news.console.print(welcome)
            news.follow(stand)
        except KeyboardInterrupt:
            return


def started(plan: StandPlan) -> Stand:
    """Return the running stand; raises CommandError."""
    try:
        return Stand(plan)
    except PortProblemError as error:
        raise CommandError(str(error), ExitCode.PORT) from error
    except (StandError, AwsUnavailable, GatewayUnavailable, OSError) as error:
        raise CommandError(str(error)) from error


def settings_from(path: Path | None) -> Settings:
    """Read an operator's settings file; raises CommandError."""
    try:
        return Settings() if path is None else Settings.from_json(path.read_text())
    except (OSError, UnicodeDecodeError, SettingsError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"--settings {path}: {reason}", ExitCode.USAGE) from error


def command_here(program: str, directory: Path) -> str:
    """Return how this program is typed in a shell of this directory."""
    path = Path(program).resolve()
    found = shutil.which(path.name)
    if found is not None and Path(found).resolve() == path:
        return path.name
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)


def check_addresses(listen: str, allow: tuple[str, ...]) -> None:
    """Raise CommandError for an address or network that cannot be used."""
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


class NewsView:
    """The scrolling part: a line for each ended call, and those that are up below it."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self.console = console
        self._active: dict[str, tuple[str, datetime]] = {}
        self._live = Live(console=console, auto_refresh=False) if live else None
        self._refreshed_at = 0.0

    def __enter__(self) -> "NewsView":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def follow(self, stand: Stand) -> None:
        """Show news until a part of the stand ends by itself; raises CommandError then."""
        while True:
            news = stand.next_news(_REFRESH_S)
            if isinstance(news, ChildEnded):
                raise CommandError(str(news))
            if news is not None:
                self.show(news, datetime.now().astimezone())
            if time.monotonic() - self._refreshed_at >= _REFRESH_S:
                self._refresh()

    def show(self, news: ChildLine, now: datetime) -> None:
        """Take one event."""
        fields = news.fields
        match news.event:
            case "call-started":
                who = f"{page.told(fields, 'from_number')} -> {page.told(fields, 'to_number')}"
                self._active[_call_of(fields)] = (who, now)
            case "call-ended":
                self._active.pop(_call_of(fields), None)
                self.console.print(page.call_line(fields, now))
            case "call-challenged" if fields.get("code") in _USUAL_CHALLENGES:
                pass
            case "call-refused" | "source-refused" | "call-challenged":
                self.console.print(page.refusal_line(fields, now))
            case event if event not in _QUIET:
                # Among the lost lines may have been the ends of calls; a dead edge tells none.
                if event in ("log-lines-dropped", "started-again"):
                    self._active.clear()
                self.console.print(page.trouble_line(news.child, event, fields, now))

    def _refresh(self) -> None:
        self._refreshed_at = time.monotonic()
        if self._live is not None:
            self._live.update(page.footer(self._active, datetime.now().astimezone()), refresh=True)


def _call_of(fields: Mapping[str, object]) -> str:
    return str(fields.get("transaction_id"))


def _interrupt(number: int, frame: FrameType | None) -> None:
    # The end is on its way now and takes 2 s at most; a second Ctrl-C must not cut it short.
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt
