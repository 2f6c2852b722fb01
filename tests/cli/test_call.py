"""`ovc call`: how a call ended, for people and for scripts."""

import json

import pytest

from cli.call import Report, report_of, run
from cli.errors import CommandError, ExitCode


def report(**changes: object) -> Report:
    members: dict[str, object] = {
        "answered": True,
        "status": 200,
        "reason": "OK",
        "ended_by": "us",
        "duration_ms": 2_500,
        "packets_sent": 126,
        "packets_received": 125,
    }
    return report_of(json.dumps(members | changes).encode())


UNANSWERED = {"answered": False, "ended_by": "nobody", "packets_sent": 0, "packets_received": 0}
OUTCOMES = [
    ({}, 0, "answered, 2.5 s, the caller hung up; 126 packets sent, 125 received"),
    (
        {"ended_by": "them"},
        0,
        "answered, 2.5 s, the called side hung up; 126 packets sent, 125 received",
    ),
    (
        {"packets_received": 0},
        ExitCode.NO_AUDIO,
        "answered, 2.5 s, the caller hung up; 126 packets sent, 0 received",
    ),
    (
        {"ended_by": "nobody"},
        ExitCode.FAILED,
        "answered, 2.5 s, the call was lost; 126 packets sent, 125 received",
    ),
    (
        {**UNANSWERED, "status": 486, "reason": "Busy Here"},
        ExitCode.REFUSED,
        "not answered: 486 Busy Here",
    ),
    (
        {**UNANSWERED, "status": 404, "reason": "Not Found"},
        ExitCode.REFUSED,
        "not answered: 404 Not Found",
    ),
    (
        {**UNANSWERED, "status": 487, "reason": "Request Terminated"},
        ExitCode.UNANSWERED,
        "not answered: 487 Request Terminated",
    ),
    (
        {**UNANSWERED, "status": 0, "reason": "no response"},
        ExitCode.UNANSWERED,
        "not answered: no response",
    ),
]


@pytest.mark.parametrize(("changes", "code", "text"), OUTCOMES, ids=[it[2] for it in OUTCOMES])
def test_an_outcome_has_its_exit_code_and_sentence(
    changes: dict[str, object], code: int, text: str
) -> None:
    told = report(**changes)
    assert (told.exit_code, str(told)) == (code, text)


def test_what_the_network_refuses_is_said() -> None:
    with pytest.raises(CommandError, match="the simulated phone network: it cannot"):
        report_of(b'{"error": "it cannot"}\n')


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b"null", b'{"answered": tr'])
def test_an_answer_that_breaks_off_is_the_end_of_the_stand(line: bytes) -> None:
    with pytest.raises(CommandError, match="the stand ended before the call did"):
        report_of(line)


@pytest.mark.parametrize("number", ["12065552001", "+1 206 555 2001", "alice", "+", ""])
def test_a_number_that_is_none_is_named_before_anything_else(number: str) -> None:
    with pytest.raises(CommandError) as refused:
        run(
            from_number="+12125552001",
            to_number=number,
            duration_s=1.0,
            api_port=None,
            as_json=False,
        )
    assert str(refused.value).startswith(f"--to is {number!r}; an E.164 number is wanted")
    assert refused.value.exit_code == ExitCode.USAGE
