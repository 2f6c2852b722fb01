"""`ovc call`: the simulated phone network calls somebody."""

import json
import socket
import sys
from typing import Any

from cli.errors import CommandError, ExitCode
from cli.stand import running_stand
from model.numbers import is_e164

_PATIENCE_S = 70.0
"""Longer than the network lets a phone ring."""


def run(
    *, from_number: str, to_number: str, duration_s: float, api_port: int | None, as_json: bool
) -> None:
    """Place the call, print how it ended; a call that failed sets the exit code."""
    for name, number in (("--from", from_number), ("--to", to_number)):
        if not is_e164(number):
            raise CommandError(
                f"{name} is {number!r}; an E.164 number is wanted, as in +12065550123",
                ExitCode.USAGE,
            )
    host, _, port = running_stand(api_port).control_address.rpartition(":")
    order = {"from": from_number, "to": to_number, "duration_s": duration_s}
    result = _place(order, (host, int(port)), duration_s + _PATIENCE_S)
    sys.stdout.write((json.dumps(result) if as_json else _told(result)) + "\n")
    code = exit_code(result)
    if code:
        sys.exit(code)


def exit_code(result: dict[str, Any]) -> int:
    """Return 0 for a call that was answered and heard something."""
    if not result["answered"]:
        return ExitCode.CALL_FAILED
    return 0 if result["packets_received"] else ExitCode.NO_AUDIO


def _place(order: dict[str, object], control: tuple[str, int], patience_s: float) -> dict[str, Any]:
    try:
        with socket.create_connection(control, timeout=patience_s) as connection:
            connection.sendall(json.dumps(order).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        raise CommandError(f"the simulated phone network does not answer: {error}") from error
    result: dict[str, Any] = json.loads(line) if line else {"error": "it closed the connection"}
    if "error" in result:
        raise CommandError(f"the simulated phone network: {result['error']}")
    return result


def _told(result: dict[str, Any]) -> str:
    if not result["answered"]:
        status = result["status"] or "no answer"
        return f"not answered: {status} {result['reason']}"
    return (
        f"answered, {result['duration_ms'] / 1000:.1f} s, ended by {result['ended_by']}; "
        f"{result['packets_sent']} packets sent, {result['packets_received']} received"
    )
