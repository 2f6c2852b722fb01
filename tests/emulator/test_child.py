"""Child processes: what they say, and that they never outlive their parent."""

import os
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.child import Child, ChildEnded, ChildLine, News

pytestmark = pytest.mark.sockets

PATIENCE_S = 10.0


class Nursery:
    """Starts children from scripts and hears what they tell."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self.children: list[Child] = []

    def start(self, script: str, *arguments: str) -> Child:
        (self._folder / "script_of_a_child.py").write_text(script)
        environment = {**os.environ, "PYTHONPATH": str(self._folder)}
        child = Child(
            "it",
            "script_of_a_child",
            arguments,
            tell=self._news.put,
            environment=environment,
        )
        self.children.append(child)
        return child

    def next(self) -> News:
        return self._news.get(timeout=PATIENCE_S)


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    running = Nursery(tmp_path)
    yield running
    for child in running.children:
        child.stop()
        child.wait(PATIENCE_S)


def test_json_objects_are_news_and_everything_else_is_kept_for_the_end(nursery: Nursery) -> None:
    nursery.start(
        "import sys\n"
        'print(\'{"event": "ready", "n": 1}\', flush=True)\n'
        "print('no event', flush=True)\n"
        "print('[1]', flush=True)\n"
        "print('a complaint', file=sys.stderr, flush=True)\n"
        "sys.exit(int(sys.argv[1]))\n",
        "7",
    )
    assert nursery.next() == ChildLine("it", {"event": "ready", "n": 1})
    ended = nursery.next()
    assert isinstance(ended, ChildEnded)
    assert ended.exit_code == 7
    assert set(ended.last_lines) == {"no event", "[1]", "a complaint"}


def test_only_the_last_lines_are_kept(nursery: Nursery) -> None:
    nursery.start("for n in range(100):\n    print('line', n)\n")
    ended = nursery.next()
    assert isinstance(ended, ChildEnded)
    assert ended.last_lines == tuple(f"line {n}" for n in range(92, 100))


def test_an_end_is_told_to_people() -> None:
    assert str(ChildEnded("SIP edge", 3, ("one", "", "two"))) == (
        "SIP edge has ended by itself with code 3:\n  one\n  two"
    )
    assert str(ChildEnded("SIP edge", -9, ())) == "SIP edge has ended by itself with signal 9"


def test_a_child_waits_to_be_told(nursery: Nursery) -> None:
    child = nursery.start("print('{\"event\": \"' + input() + '\"}')\n")
    child.go()
    news = nursery.next()
    assert isinstance(news, ChildLine) and news.event == "go"


def test_telling_a_child_that_has_ended_is_no_error(nursery: Nursery) -> None:
    child = nursery.start("")
    assert isinstance(nursery.next(), ChildEnded)
    child.go()


def test_a_child_that_does_not_listen_is_killed(nursery: Nursery) -> None:
    child = nursery.start(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'{"event": "ready"}\', flush=True)\n'
        "time.sleep(60)\n"
    )
    nursery.next()
    child.stop()
    child.wait(0.05)
    ended = nursery.next()
    assert isinstance(ended, ChildEnded) and ended.exit_code == -9


def test_a_child_has_its_own_group_so_that_ctrl_c_is_its_parents(nursery: Nursery) -> None:
    child = nursery.start('print(\'{"event": "ready"}\', flush=True)\ninput()\n')
    nursery.next()
    assert os.getpgid(child.pid) == child.pid != os.getpgrp()
    assert os.getsid(child.pid) == os.getsid(0)
