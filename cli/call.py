"""`ovc call`: the simulated phone network calls somebody."""

import json
import socket
import sys
from dataclasses import dataclass, fields

from cli.errors import CommandError, ExitCode
from cli.stand import running_stand
from model.numbers import is_e164

_PATIENCE_S = 70.0
"""Longer than the network lets a phone ring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a call ended, as the network tells it."""

    answered: bool
    status: int
    """Final SIP status; 0 when there was none."""
    reason: str
    ended_by: str
    duration_ms: int
    packets_sent: int
    packets_received: int

    @property
    def exit_code(self) -> int:
        """Return 0 for a call that was answered, heard something and was ended by a side."""
        if self.answered and self.ended_by == "nobody":
            return ExitCode.FAILED
        if self.answered:
            return 0 if self.packets_received else ExitCode.NO_AUDIO
        return ExitCode.UNANSWERED if self.status in (0, 408, 480, 487) else ExitCode.REFUSED

    def __str__(self) -> str:
        """Return one line for people."""
        if not self.answered:
            return f"not answered: {f'{self.status} ' if self.status else ''}{self.reason}"
        enders = {"us": "the caller hung up", "them": "the called side hung up"}
        how = enders.get(self.ended_by, "the call was lost")
        return (
            f"answered, {self.duration_ms / 1000:.1f} s, {how}; "
            f"{self.packets_sent} packets sent, {self.packets_received} received"
        )


def run(
    *, from_number: str, to_number: str, duration_s: float, api_port: int | None, as_json: bool
) -> None:
    """Place the call, print how it ended; a call that failed sets the exit code."""
    for option, number in (("--from", from_number), ("--to", to_number)):
        if not is_e164(number):
            raise CommandError(
                f"{option} is {number!r}; an E.164 number is wanted, as in +12065550123",
                ExitCode.USAGE,
            )
    host, _, port = running_stand(api_port).control_address.rpartition(":")
    order = {"from": from_number, "to": to_number, "duration_s": duration_s}
    line = _place(order, (host, int(port)), duration_s + _PATIENCE_S)
    report = report_of(line)
    sys.stdout.write((line.decode().strip() if as_json else str(report)) + "\n")
    if report.exit_code:
        sys.exit(report.exit_code)


def report_of(line: bytes) -> Report:
    """Read the network's answer; raises CommandError when it tells of no call."""
    try:
        members = json.loads(line)
        if "error" in members:
            raise CommandError(f"the simulated phone network: {members['error']}")
        return Report(**{field.name: members[field.name] for field in fields(Report)})
    except (ValueError, TypeError, KeyError) as error:
        raise CommandError("the stand ended before the call did") from error


def _place(order: dict[str, object], control: tuple[str, int], patience_s: float) -> bytes:
    try:
        with socket.create_connection(control, timeout=patience_s) as connection:
            connection.sendall(json.dumps(order).encode() + b"\n")
            with connection.makefile("rb") as answers:
                return answers.readline()
    except OSError as error:
        raise CommandError(f"the simulated phone network does not answer: {error}") from error
