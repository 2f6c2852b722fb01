"""Records as people read them, whatever a peer has put into them."""

from dataclasses import replace
from typing import Any

import pytest

from cli.records.lines import call_line, described, time_in_utc
from model.cdr import CallStatus, Disposition
from tests.cli.records.samples import V2, a_call, read

BUSY = {"status": CallStatus.REJECTED, "status_message": "486 Busy Here"}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "out  +12065550100 -> +12065550001  Completed, billed 30 s"),
        (
            {"disposition": Disposition.ORIGINATION, "form": V2},
            "in   +12065550100 -> +12065550001  Completed, billed 30 s",
        ),
        (BUSY, "out  +12065550100 -> +12065550001  Rejected, 486 Busy Here"),
        (
            {"status_message": "Media timeout"},
            "out  +12065550100 -> +12065550001  Completed, billed 30 s, Media timeout",
        ),
    ],
)
def test_a_record_is_one_line(changes: dict[str, Any], shown: str) -> None:
    # EDGE C2 C3 C4
    assert call_line(read(a_call(1, **changes))) == shown
    assert time_in_utc(read(a_call(1))) == "2026-11-20 12:01:00Z"


def test_a_record_is_described_member_by_member() -> None:
    lines = described(read(a_call(1)))
    assert [line.split()[0] for line in lines] == [
        *("Format", "AwsAccountId", "TransactionId", "CallId", "VoiceConnectorId", "FromNumber"),
        *("ToNumber", "StatusMessage", "Disposition", "Status", "BillableDuration", "StartTime"),
        *("EndTime", "ObjectKey"),
    ]
    assert lines[1] == "AwsAccountId        111122223333"
    assert "UsageType           USE1-US-US-outbound-minutes" in described(read(a_call(form=V2)))


def test_no_record_commands_a_terminal() -> None:
    call = read(a_call())
    foreign = replace(call, call_id="a\x1b[31mb\nc", status_message="\x9b2J\r")
    told = "\n".join([*described(foreign), call_line(foreign)])
    assert all(line.isprintable() for line in told.split("\n"))
    assert "a[31mbc" in told
