"""A short soak, and what a long one is judged by."""

import subprocess
import sys

import pytest

from bench.soak import in_memory
from bench.soak.kinds import KINDS, Kind, number_of
from bench.soak.verdict import (
    JUDGED_FROM_S,
    MOST_GROWTH_KIB_PER_MINUTE,
    SETTLED_AFTER_S,
    Made,
    Record,
    growth,
    judge_growth,
    judge_left_over,
    judge_records,
)
from bench.soak.watch import Sample
from edge.sip.timers import LEAST_CLEARED
from tests.support.circles import circles_of

KIND = Kind("busy", "uac_refused", "uas_refuse", 0.1, "486 Busy Here")
CHALLENGED = Kind("wrong", "uac_digest_refused", None, 0.1, None)
INBOUND = KIND._replace(inbound=True)
ENDED_WELL = [Record("a", "1", "486 Busy Here"), Record("b", "2", "486 Busy Here")]
IDLE = {"calls": 0, "timers": 0, "free_ports": 10, "media_sockets": 20}
LOAD_S = SETTLED_AFTER_S + JUDGED_FROM_S + 10


@pytest.mark.sockets
@pytest.mark.sipp
@pytest.mark.xdist_group("soak")
def test_six_seconds_of_mixed_calls_leave_nothing() -> None:
    # EDGE C7, C9, X9, S8, D2: the process says itself what is wrong.
    command = [sys.executable, "-m", "bench.soak", "--minutes", "0.1", "--rate", "30"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| unacknowledged | 4 | 0 | 4 |" in done.stdout


def test_what_the_core_holds_depends_on_the_calls_that_are_up_alone() -> None:
    # EDGE X9, S8: the same after eleven minutes as after six, when the first nonces expire.
    with circles_of("edge.") as circles:
        world = in_memory.World(rate=5)
        world.run(330.0)
        early = in_memory.tables_of(world.core)
        world.run(330.0)
        late = in_memory.tables_of(world.core)
        world.stop_calling()
        world.run(200.0)
        assert circles() == [], "this waits for a search that hardly ever comes"
    assert late.pop(in_memory.HEAP) <= LEAST_CLEARED  # with entries of stopped timers
    assert {path for path, size in late.items() if size > 1.2 * early[path] + 8} == set()
    assert not any(number for what, number in world.core.pending.items() if what != "free_ports")
    assert (world.calls, world.records) == (0, world.began)


def test_kinds_are_a_whole_and_have_numbers_of_their_own() -> None:
    assert sum(kind.share for kind in KINDS) == pytest.approx(1.0)
    assert len({number_of(kind) for kind in KINDS}) == len(KINDS)


def test_one_record_for_each_call_is_right() -> None:
    assert judge_records(Made(KIND, ["a", "b"], 0), ENDED_WELL) == []
    assert judge_records(Made(CHALLENGED, ["a", "b"], 0), []) == []
    of_the_edge = [Record("x", "1", "486 Busy Here"), Record("y", "2", "486 Busy Here")]
    assert judge_records(Made(INBOUND, ["a", "b"], 0), of_the_edge) == []


@pytest.mark.parametrize(
    ("made", "records", "complaint"),
    [
        (Made(KIND, ["a", "b"], 0, 1), ENDED_WELL, "SIPp has ended without making 1 calls"),
        (Made(KIND, ["a", "b", "c"], 0), ENDED_WELL, "1 without a record, e.g. c"),
        (Made(KIND, ["a"], 0), ENDED_WELL, "1 extra, e.g. b"),
        (Made(KIND, ["a", "b"], 0), [*ENDED_WELL, ENDED_WELL[0]], "1 extra, e.g. a"),
        (Made(CHALLENGED, ["a"], 0), ENDED_WELL[:1], "1 extra, e.g. a"),
        (Made(KIND, ["a"], 0), [Record("a", "1", "other")], "records say {'other': 1}"),
        (Made(KIND, ["a", "b"], 1), ENDED_WELL, "SIPp says that 1 calls failed"),
        (Made(INBOUND, ["a", "b", "c"], 0), ENDED_WELL, "2 records of 3 calls"),
        (Made(INBOUND, ["a", "b"], 0), [ENDED_WELL[0]] * 2, "2 records of 2 calls"),
    ],
)
def test_records_that_do_not_fit_are_found(
    made: Made, records: list[Record], complaint: str
) -> None:
    assert any(complaint in it for it in judge_records(made, records))


def test_an_idle_edge_is_right() -> None:
    assert judge_left_over(IDLE, {"fd": 10}, {"fd": 20}) == []


@pytest.mark.parametrize(
    ("pending", "after", "complaint"),
    [
        (IDLE | {"timers": 1}, 10, "1 timers are left"),
        (IDLE | {"media_sockets": 22}, 10, "22 sockets for 10 free ports"),
        (IDLE, 100, "fd: 10 before, 100 after"),
    ],
)
def test_what_is_left_is_found(pending: dict[str, int], after: int, complaint: str) -> None:
    assert any(complaint in it for it in judge_left_over(pending, {"fd": 10}, {"fd": after}))


def grown(kib_per_minute: float, *, seconds: float = LOAD_S) -> dict[str, float] | None:
    """Return the growth of a process that first fills up, and then grows at a rate."""
    samples = [
        Sample(at, {"edge": 50_000 + 100 * min(at, 60) + at / 60 * kib_per_minute})
        for at in map(float, range(round(seconds)))
    ]
    return growth(samples, seconds)


def test_memory_that_fills_up_and_stays_is_right() -> None:
    assert judge_growth(grown(MOST_GROWTH_KIB_PER_MINUTE / 2)) == []


def test_memory_that_goes_on_growing_is_found() -> None:
    (complaint,) = judge_growth(grown(2 * MOST_GROWTH_KIB_PER_MINUTE))
    assert complaint == "edge grows by 200 KiB per minute"


def test_a_short_run_is_not_judged_by_its_memory() -> None:
    assert grown(1_000.0, seconds=SETTLED_AFTER_S + JUDGED_FROM_S / 2) is None
