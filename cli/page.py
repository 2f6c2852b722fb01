"""The terminal page of `ovc up`: what to paste where, then one line for each call."""

from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
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
    ("0107", "early media, answers after 2 s"),
    ("0108", "answers after 3 s"),
    ("0109", "hangs up after 2 s"),
    ("0110", "sends DTMF digits back"),
)


def welcome(facts: StandFacts, pbx: str | None) -> RenderableType:
    """Return the page's head; `pbx` is where the demo PBX is, None when there is none."""
    return Group(
        Text.assemble(("Open Voice Connector is up.", "bold green"), "  Ctrl-C ends it."),
        Panel(_api_text(facts), title="API", title_align="left"),
        Panel(_softphone_text(facts), title="softphone", title_align="left"),
        Panel(_calls_text(facts, pbx), title="calls", title_align="left"),
    )


def call_line(fields: Mapping[str, object], at: datetime) -> Text:
    """Return the line of an ended call."""
    outbound = fields["disposition"] == "Termination"
    done = fields["status"] == "Completed"
    seconds = float(str(fields["duration_ms"])) / 1000
    return Text.assemble(
        (f"{at:%H:%M:%S}  ", "dim"),
        (f"{'out' if outbound else 'in':<4}", "cyan"),
        f"{fields['from_number']} -> {fields['to_number']}  ",
        (str(fields["status"]), "green" if done else "yellow"),
        f"  {fields['status_message']}" + (f", {seconds:.1f} s" if done else ""),
    )


def refusal_line(fields: Mapping[str, object], at: datetime) -> Text:
    """Return the line of a refused call or source, with what would admit it."""
    answer = f"{fields['status']} {fields['reason']}  " if "status" in fields else "ignored  "
    return Text.assemble(
        (f"{at:%H:%M:%S}  ", "dim"),
        (f"{fields['source']}  {answer}", "yellow"),
        str(fields["hint"]),
    )


def footer(active: Mapping[str, tuple[str, datetime]], now: datetime) -> Text:
    """Return the last line: the calls that are up."""
    if not active:
        return Text("no calls", style="dim")
    told = [f"{who} {(now - since).total_seconds():.0f} s" for who, since in active.values()]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return Text(f"{len(told)} up: {', '.join(told[:3])}{more}", style="cyan", overflow="ellipsis")


def plain_console() -> Console:
    """Return a console for pipes and files: no colour, no wrapping."""
    return Console(highlight=False, soft_wrap=True, no_color=True)


def _api_text(facts: StandFacts) -> Text:
    return Text.from_markup(
        "In another terminal:\n"
        '[bold]eval "$(ovc env)"[/]                     [dim]# .venv/bin/ovc, if not on PATH[/]\n'
        "[bold]aws chime-sdk-voice list-voice-connectors[/]\n"
        "[bold]python -c 'import boto3; "
        'print(boto3.client("chime-sdk-voice").list_voice_connectors())\'[/]\n'
        f"or by hand: endpoint {escape(facts.api_url)}, region {facts.region},\n"
        f"access key [bold]{escape(facts.access_key_id)}[/], "
        f"secret [bold]{escape(facts.secret_access_key)}[/]; "
        f"records in s3://{escape(facts.cdr_bucket)}"
    )


def _softphone_text(facts: StandFacts) -> Text:
    return Text.from_markup(
        f"user            [bold]{facts.numbers[0]}[/] [dim](or any name)[/], no registration\n"
        f"domain          [bold]{escape(facts.connector_host)}[/]\n"
        f"outbound proxy  [bold]sip:{escape(facts.sip_address)};transport=udp[/], codec PCMU"
    )


def _calls_text(facts: StandFacts, pbx: str | None) -> Table:
    table = Table.grid(padding=(0, 2))
    half = (len(TEST_NUMBERS) + 1) // 2
    table.add_row(Text.from_markup("Dial [bold]+1212555[/] and:"))
    for left, right in zip(TEST_NUMBERS[:half], (*TEST_NUMBERS[half:], ("", "")), strict=True):
        table.add_row(f"[bold]{left[0]}[/] {left[1]}", f"[bold]{right[0]}[/] {right[1]}")
    called = f"demo PBX on {pbx} answers and echoes" if pbx else "your PBX answers"
    outer = Table.grid()
    outer.add_row(table)
    outer.add_row(
        Text.from_markup(
            f"Be called ({escape(called)}):\n[bold]ovc call --to {facts.numbers[0]}[/]"
            f"   [dim]then[/] [bold]ovc cdr tail --once[/]"
        )
    )
    return outer
