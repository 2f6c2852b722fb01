"""The terminal page of `ovc up`: what to paste where, then one line for each call.

It fits 80 columns by 24 rows, with room for calls, and reads as well from a pipe or a log file.
"""

import shlex
import sys
from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from emulator.stand_file import StandFacts

TEST_NUMBERS = (
    ("0100", "echo"),
    ("0101", "1 kHz tone"),
    ("0102", "busy (486)"),
    ("0103", "rings for ever"),
    ("0104", "no such number (404)"),
    ("0105", "declined (603)"),
    ("0106", "out of service (503)"),
    ("0107", "early media, then answers"),
    ("0108", "answers after 3 s"),
    ("0109", "hangs up after 2 s"),
    ("0110", "sends DTMF digits back"),
)
"""Last four digits of a called number, and what the simulated phone network does."""
_SHOWN_ACTIVE = 2
_PIPE_COLUMNS = 240


def welcome(facts: StandFacts, *, command: str, pbx: str, own_pbx: bool) -> RenderableType:
    """Return the page's head.

    `command` is how `ovc` is typed here; `pbx` is where the demo PBX is, or the user's own.
    """
    page = Table.grid(padding=(0, 2), pad_edge=False)
    page.add_column(style="bold cyan", no_wrap=True)
    page.add_column(overflow="fold")
    page.add_row("Shell", Text.assemble((f'eval "$({command} env)"', "bold")))
    page.add_row("AWS CLI", Text("aws chime-sdk-voice list-voice-connectors", "bold"))
    page.add_row("boto3", _boto3())
    page.add_row("Softphone", _softphone(facts))
    page.add_row("Dial\n+1212555\nand then", _digits())
    page.add_row("Be called", _be_called(facts, command, pbx, own_pbx))
    why = Text.assemble((f"{command} cdr tail", "bold"), "; why one failed: ")
    page.add_row("Records", why.append(f"{command} explain --last", "bold"))
    whole = Table.grid()
    whole.add_row(Text.assemble(("Open Voice Connector is up.", "bold green"), " Ctrl-C ends it."))
    whole.add_row(page)
    whole.add_row(Text("Calls", "bold cyan"))
    return whole


def call_line(fields: Mapping[str, object], at: datetime) -> Text:
    """Return the line of an ended call."""
    outbound = fields.get("disposition") == "Termination"
    status, milliseconds = told(fields, "status"), fields.get("duration_ms")
    done = status == "Completed"
    seconds = milliseconds / 1000 if isinstance(milliseconds, int | float) else 0.0
    return Text.assemble(
        (f"{at:%H:%M:%S}  ", "dim"),
        (f"{'out' if outbound else 'in':<5}", "cyan"),
        f"{told(fields, 'from_number'):<12} -> {told(fields, 'to_number'):<12}  ",
        (status, "green" if done else "yellow"),
        f"  {seconds:.1f} s" if done else f"  {told(fields, 'status_message')}",
        ("" if done else _explain(fields), "dim"),
    )


def refusal_line(fields: Mapping[str, object], at: datetime) -> Text:
    """Return the line of a refused call or source, with what would admit it."""
    answer = f"{told(fields, 'status')} {told(fields, 'reason')}" if "status" in fields else ""
    return Text.assemble(
        (f"{at:%H:%M:%S}  ", "dim"),
        (f"{told(fields, 'source')}  {answer or 'not answered'}", "yellow"),
        f": {told(fields, 'hint')}",
        (_explain(fields), "dim"),
    )


def _explain(fields: Mapping[str, object]) -> str:
    """Return what to paste for the whole story, empty for what is no call."""
    if fields.get("transaction_id"):
        return f"  ovc explain {told(fields, 'transaction_id')}"
    return f"  ovc explain {shlex.quote(told(fields, 'call_id'))}" if fields.get("call_id") else ""


def trouble_line(part: str, event: str, fields: Mapping[str, object], at: datetime) -> Text:
    """Return the line of something that a part of the stand complains about."""
    rest = ", ".join(f"{name} {told(fields, name)}" for name in fields if name not in _KNOWN)
    return Text.assemble(
        (f"{at:%H:%M:%S}  ", "dim"), (f"{part}: {event}", "red"), f"  {rest}" if rest else ""
    )


def footer(active: Mapping[str, tuple[str, datetime]], now: datetime) -> Text:
    """Return the last line: the calls that are up."""
    if not active:
        return Text("no call is up", style="dim")
    shown = list(active.values())[-_SHOWN_ACTIVE:]
    told_calls = [f"{who}, {(now - since).total_seconds():.0f} s" for who, since in shown]
    line = f"{len(active)} up: {'; '.join(told_calls)}"
    more = len(active) - len(shown)
    return Text(
        line + (f"; {more} more" if more else ""),
        style="cyan",
        no_wrap=True,
        overflow="ellipsis",
    )


def told(fields: Mapping[str, object], name: str) -> str:
    """Return a field as text that is safe on a terminal, wherever it came from."""
    text = str(fields.get(name, "?"))
    return "".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in text)


def plain_console() -> Console:
    """Return a console for pipes and files: no colour, no wrapping."""
    return Console(highlight=False, soft_wrap=True, no_color=True, force_terminal=False)


def page_console() -> Console:
    """Return a console for tables: a terminal's width, or that of the widest table in a pipe."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, no_color=True, force_terminal=False, width=_PIPE_COLUMNS)


_KNOWN = frozenset({"event", "at", "traceback"})


def _boto3() -> Text:
    return Text(
        "import boto3\n"
        'voice = boto3.client("chime-sdk-voice")\n'
        'print(voice.list_voice_connectors()["VoiceConnectors"])',
        "bold",
    )


def _softphone(facts: StandFacts) -> Text:
    return Text.assemble(
        "user ",
        (facts.numbers[0], "bold"),
        " (or any name), no registration, codec PCMU\ndomain ",
        (facts.connector_host, "bold"),
        "\noutbound proxy ",
        (f"sip:{facts.sip_address};transport=udp", "bold"),
        " or ",
        (f"{facts.tls_address};transport=tls", "bold"),
    )


def _digits() -> Table:
    table = Table.grid(padding=(0, 2), pad_edge=False)
    half = (len(TEST_NUMBERS) + 1) // 2
    pairs = zip(TEST_NUMBERS[:half], (*TEST_NUMBERS[half:], ("", "")), strict=True)
    for left, right in pairs:
        table.add_row(*_number(*left), *_number(*right))
    return table


def _number(digits: str, does: str) -> tuple[Text, str]:
    return Text(digits, "bold"), does


def _be_called(facts: StandFacts, command: str, pbx: str, own_pbx: bool) -> Text:
    answers = f"your PBX on {pbx} is called" if own_pbx else f"the demo PBX on {pbx} echoes"
    return Text.assemble((f"{command} call --to {facts.numbers[0]}", "bold"), f"\n{answers}")
