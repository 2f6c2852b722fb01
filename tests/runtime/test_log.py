"""Log lines: one JSON object each, harmless to a terminal, and never a reason to wait."""

import fcntl
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.runtime.log import LONGEST_LINE_BYTES, Field, JsonLines, line_of, metrics_line
from tests.runtime.records import a_quality
from tests.runtime.scripted import within

AT = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def test_a_line_is_one_json_object_that_begins_with_time_and_event() -> None:
    line = line_of("call-started", {"from_number": "+1", "count": 3, "rate": 0.5, "none": None}, AT)
    assert line == (
        b'{"at":"2026-07-01T12:00:00.250+00:00","event":"call-started",'
        b'"from_number":"+1","count":3,"rate":0.5,"none":null}\n'
    )


@pytest.mark.parametrize("hostile", ["a\nb", "\x1b[31mred", "\x7f", "\x85", "‮", "\ud800", '"},{'])
def test_text_from_outside_cannot_leave_its_line_or_reach_a_terminal(hostile: str) -> None:
    # EDGE S14
    line = line_of("fault", {"error": hostile}, AT)
    assert all(0x20 <= octet < 0x7F for octet in line[:-1]) and line[-1:] == b"\n"
    assert json.loads(line)["error"] == hostile


@pytest.mark.parametrize("length", [10, 1_500, 1_501, 100_000])
@pytest.mark.parametrize("character", ["x", "\x01"])
def test_a_line_fits_into_one_write_to_a_pipe(length: int, character: str) -> None:
    fields: dict[str, Field] = {"first": "kept", "a": character * length, "b": character * length}
    line = line_of("fault", fields, AT)
    assert len(line) <= LONGEST_LINE_BYTES
    assert json.loads(line)["first"] == "kept"


def test_a_reader_that_stalls_costs_lines_and_not_time() -> None:
    reader, writer = os.pipe()
    log = JsonLines(writer, lambda: AT)
    with within(2.0):
        for number in range(2_000):
            log("call-started", {"number": number, "padding": "x" * 200})
    received = b""
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
    while chunk := os.read(reader, 65_536):
        received += chunk
        if len(chunk) < 65_536:
            break
    log("call-ended", {})
    received += os.read(reader, 65_536)
    lines = [json.loads(line) for line in received.splitlines()]
    kept = [line["number"] for line in lines if line["event"] == "call-started"]
    assert kept == list(range(len(kept))) and 0 < len(kept) < 2_000
    assert lines[-2]["event"] == "log-lines-dropped"
    assert lines[-2]["count"] == 2_000 - len(kept)
    assert lines[-1]["event"] == "call-ended"
    os.close(reader)
    os.close(writer)


def test_lines_of_one_moment_go_together_as_far_as_a_pipe_takes_them_whole() -> None:
    reader, writer = os.pipe()
    log, due = JsonLines(writer, lambda: AT), list[Callable[[], None]]()
    log.gather(due.append)
    for number in range(30):
        log("call-started", {"number": number, "padding": "x" * 200})
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        os.read(reader, 65_536)
    (flush,) = due
    flush()
    log.flush()
    lines = os.read(reader, 65_536).splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(30))
    log("call-ended", {})
    assert len(due) == 2, "the next line waits anew"
    os.close(reader)
    os.close(writer)


def test_a_moment_that_finds_no_room_is_counted_line_by_line() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2 * LONGEST_LINE_BYTES)
    log = JsonLines(writer, lambda: AT)
    log.gather(lambda flush: None)
    for number in range(10):
        log("call-started", {"number": number, "padding": "x" * 1_000})
    log.flush()
    taken = os.read(reader, 65_536).splitlines()
    log("call-ended", {})
    log.flush()
    dropped, last = [json.loads(line) for line in os.read(reader, 65_536).splitlines()]
    assert dropped["count"] == 10 - len(taken) and 0 < len(taken) < 10
    assert last["event"] == "call-ended"
    os.close(reader)
    os.close(writer)


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    JsonLines(writer)("call-started", {})
    os.close(writer)


def test_lines_go_to_a_file_as_well(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        JsonLines(file.fileno(), lambda: AT)("call-started", {})
    assert json.loads((tmp_path / "log").read_bytes())["event"] == "call-started"


def test_figures_are_a_line_that_cloudwatch_makes_metrics_of() -> None:
    # EDGE X2; the embedded metric format's members and units
    figures = {
        "CustomerToVcRtpPackets": 3_000,
        "CustomerToVcJitter": 250,
        "RTTBetweenVcAndCustomer": 20_000,
        "MOSBetweenVcAndCustomer": 4.39,
    }
    line = metrics_line({"VoiceConnectorId": "one", "Region": "us-east-1"}, figures, AT)
    assert json.loads(line) == {
        "at": "2026-07-01T12:00:00.250+00:00",
        "event": "metrics",
        "_aws": {
            "Timestamp": 1_782_907_200_250,
            "CloudWatchMetrics": [
                {
                    "Namespace": "OpenVoiceConnector",
                    "Dimensions": [["VoiceConnectorId", "Region"]],
                    "Metrics": [
                        {"Name": "CustomerToVcRtpPackets", "Unit": "Count"},
                        {"Name": "CustomerToVcJitter", "Unit": "Microseconds"},
                        {"Name": "RTTBetweenVcAndCustomer", "Unit": "Microseconds"},
                        {"Name": "MOSBetweenVcAndCustomer", "Unit": "None"},
                    ],
                }
            ],
        },
        "VoiceConnectorId": "one",
        "Region": "us-east-1",
        **figures,
    }


def test_all_figures_of_a_call_fit_into_a_line() -> None:
    side = a_quality(2**40).customer
    whole = a_quality()._replace(customer=side, remote=side)
    figures = {name: max(value, 2**40) for name, value in whole.members().items()}
    assert len(figures) == 28
    line = metrics_line({"VoiceConnectorId": "x" * 36, "Region": "ap-southeast-1"}, figures, AT)
    assert len(line) <= LONGEST_LINE_BYTES


def test_figures_wait_for_no_reader_either() -> None:
    reader, writer = os.pipe()
    log = JsonLines(writer, lambda: AT)
    with within(2.0):
        for _ in range(2_000):
            log.metrics({"Region": "us-east-1"}, {"CustomerToVcRtpPackets": 1})
    lines = os.read(reader, 1 << 20).splitlines()
    log("call-ended", {})
    dropped = json.loads(os.read(reader, 1 << 20).splitlines()[0])
    assert (dropped["event"], dropped["count"]) == ("log-lines-dropped", 2_000 - len(lines))
    os.close(reader)
    os.close(writer)
