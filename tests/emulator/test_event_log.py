"""The file with what the edge of a stand has told."""

import stat
import threading
from pathlib import Path

from emulator.event_log import EventLog, events_in


def numbers(path: Path) -> list[object]:
    return [it["n"] for it in events_in(path)]


def test_events_come_back_in_their_order(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    for number in range(3):
        log({"event": "x", "n": number, "text": "\x1b\n\u00e9"})
    assert numbers(log.path) == [0, 1, 2]
    assert next(iter(events_in(log.path)))["text"] == "\x1b\n\u00e9"
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    log.close()
    assert list(tmp_path.iterdir()) == [] and numbers(log.path) == []
    log({"n": 4})  # a part that is just ending
    assert list(tmp_path.iterdir()) == []


def test_there_are_never_more_than_two_files_worth(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events", largest_bytes=1_000)

    def write() -> None:
        for number in range(2_000):
            log({"n": number})

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(it.stat().st_size for it in tmp_path.iterdir()) <= 2_000
    assert 90 <= len(numbers(log.path)) <= 200
    assert 1_999 in numbers(log.path), "the latest is there"
    log.close()


def test_what_another_stand_has_left_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('{"n": 1}\n')
    path.with_name("events.1").write_text('{"n": 0}\n')
    log = EventLog(path)
    log({"n": 2})
    assert numbers(path) == [2]
    log.close()


def test_a_line_that_is_just_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('{"n": 1}\n[1]\n{"n": ')
    assert numbers(path) == [1]
