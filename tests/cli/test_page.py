"""The page of `ovc up`, at 80 columns and through a pipe."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console, RenderableType

from cli.page import (
    TEST_NUMBERS,
    call_line,
    footer,
    plain_console,
    refusal_line,
    trouble_line,
    welcome,
)
from emulator.pstn_plan import PLANS
from tests.cli.test_env import FACTS

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDED = {
    "disposition": "Origination",
    "from_number": "+12125552001",
    "to_number": "+12065552001",
    "status": "Completed",
    "status_message": "Normal Call Clearing",
    "duration_ms": 12_345,
}


def shown(what: RenderableType) -> list[str]:
    """Return what a terminal of 80 columns shows."""
    console = Console(width=80, file=io.StringIO(), record=True, force_terminal=True)
    console.print(what)
    return console.export_text().rstrip("\n").split("\n")


def test_the_head_fits_a_small_terminal_and_leaves_room_for_calls() -> None:
    lines = shown(welcome(FACTS, command=".venv/bin/ovc", pbx="127.0.0.1:5080", own_pbx=False))
    assert len(lines) <= 20
    assert max(len(line.rstrip()) for line in lines) <= 80


@pytest.mark.parametrize(
    "pasted",
    [
        'eval "$(.venv/bin/ovc env)"',
        "aws chime-sdk-voice list-voice-connectors",
        'voice = boto3.client("chime-sdk-voice")',
        "user +12065552001",
        "domain demo000000000000000000.voiceconnector.localhost",
        "outbound proxy sip:127.0.0.1:5060;transport=udp",
        ".venv/bin/ovc call --to +12065552001",
        ".venv/bin/ovc cdr tail",
        "the demo PBX on 127.0.0.1:5080 echoes",
    ],
)
def test_the_head_says_what_to_paste_without_breaking_it(pasted: str) -> None:
    lines = shown(welcome(FACTS, command=".venv/bin/ovc", pbx="127.0.0.1:5080", own_pbx=False))
    assert any(pasted in line for line in lines)


def test_without_the_demo_pbx_the_users_own_is_named() -> None:
    lines = shown(welcome(FACTS, command="ovc", pbx="127.0.0.1:5080", own_pbx=True))
    assert any("your PBX on 127.0.0.1:5080 is called" in line for line in lines)


def test_every_test_number_is_told() -> None:
    assert [digits for digits, _ in TEST_NUMBERS] == list(PLANS)
    lines = shown(welcome(FACTS, command="ovc", pbx="127.0.0.1:5080", own_pbx=False))
    for digits, does in TEST_NUMBERS:
        assert any(digits in line and does in line for line in lines)


def test_a_call_is_one_line() -> None:
    assert shown(call_line(ENDED, AT)) == [
        "03:04:05  in   +12125552001 -> +12065552001  Completed  12.3 s"
    ]


def test_a_call_that_failed_says_why() -> None:
    fields = {
        **ENDED,
        "disposition": "Termination",
        "status": "Rejected",
        "status_message": "Busy Here",
    }
    assert shown(call_line(fields, AT)) == [
        "03:04:05  out  +12125552001 -> +12065552001  Rejected  Busy Here"
    ]


def test_a_refusal_names_source_answer_and_remedy() -> None:
    fields = {"source": "192.0.2.9:5060", "status": 403, "reason": "Forbidden", "hint": "do this"}
    assert shown(refusal_line(fields, AT)) == [
        "03:04:05  192.0.2.9:5060  403 Forbidden: do this",
    ]
    assert shown(refusal_line({"source": "192.0.2.9:5060", "hint": "do this"}, AT)) == [
        "03:04:05  192.0.2.9:5060  not answered: do this",
    ]


def test_trouble_is_told_with_its_fields() -> None:
    fields = {"at": "x", "event": "media-worker-lost", "worker": 0, "restart_in_s": 0.5}
    assert shown(trouble_line("SIP edge", "media-worker-lost", fields, AT)) == [
        "03:04:05  SIP edge: media-worker-lost  worker 0, restart_in_s 0.5"
    ]


def test_what_a_stranger_wrote_cannot_steer_the_terminal() -> None:
    # EDGE S14
    fields = {**ENDED, "from_number": "\x1b[2J\x07[red]\n\u202e", "to_number": "\x9b31m"}
    (line,) = shown(call_line(fields, AT))
    assert "\ufffd[2J\ufffd[red]\ufffd\ufffd -> \ufffd31m" in line


def test_a_line_that_was_cut_short_still_shows() -> None:
    assert shown(call_line({}, AT)) == ["03:04:05  in   ?            -> ?             ?  ?"]
    assert shown(refusal_line({}, AT)) == ["03:04:05  ?  not answered: ?"]


def test_the_footer_counts_the_calls_that_are_up() -> None:
    active = {str(n): (f"a{n} -> b{n}", AT) for n in range(4)}
    assert shown(footer({}, AT)) == ["no call is up"]
    assert shown(footer(active, AT + timedelta(seconds=7))) == [
        "4 up: a2 -> b2, 7 s; a3 -> b3, 7 s; 2 more"
    ]


def test_a_pipe_gets_text_without_escape_sequences_or_breaks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hint = "long " * 40
    plain_console().print(refusal_line({"source": "192.0.2.9:5060", "hint": hint}, AT))
    out = capsys.readouterr().out
    assert out.rstrip("\n") == f"03:04:05  192.0.2.9:5060  not answered: {hint}"
