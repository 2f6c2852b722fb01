"""`ovc cdr tail`: a record as one line."""

import re

import pytest

from cli.cdr import line_of

SAMPLE = {
    "AwsAccountId": "000000000000",
    "VoiceConnectorId": "demo000000000000000000",
    "FromNumber": "+12125552001",
    "ToNumber": "+12065552001",
    "StatusMessage": "Normal Call Clearing",
    "Disposition": "Origination",
    "Status": "Completed",
    "BillableDuration": 30,
    "StartTime": 1_552_026_398_563,
    "EndTime": 1_552_026_428_036,
}


BUSY = {"Status": "Rejected", "StatusMessage": "486 Busy Here", "BillableDuration": 0}
CUT = {"StatusMessage": "Media timeout"}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "in   +12125552001 -> +12065552001  Completed, billed 30 s"),
        (
            {"Disposition": "Termination"},
            "out  +12125552001 -> +12065552001  Completed, billed 30 s",
        ),
        (BUSY, "in   +12125552001 -> +12065552001  Rejected, 486 Busy Here"),
        (CUT, "in   +12125552001 -> +12065552001  Completed, billed 30 s, Media timeout"),
    ],
)
def test_a_record_is_one_line(changes: dict[str, object], shown: str) -> None:
    # EDGE C2 C4
    time, _, rest = line_of({**SAMPLE, **changes}).partition("  ")
    assert re.fullmatch(r"\d\d:\d\d:38", time)
    assert rest == shown
