"""The faults that EDGE C9 and C10 name, one by one, with the edge's and the reaper's own code."""

import resource
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from model.tables import CONNECTORS, DEFAULT_PREFIX
from tests.chaos import faults
from tests.chaos.fault_proxy import Rule
from tests.chaos.plan import Kind, What
from tests.chaos.stage import Stage, stage
from tests.chaos.storm import MOMENTS
from tests.chaos.verdict import EDGE_LOST, NORMAL

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("chaos-scenarios")]

MINUTE_S = 60.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path) as made:
        yield made


def test_an_edge_that_dies_between_row_and_2xx_bills_nothing(running: Stage) -> None:  # EDGE C9
    moment_of_row = MOMENTS[What.KILL_AFTER_ROW]
    place = running.place
    over = place.dynamodb.once(Rule(faults.acting_after(place.kill), matches=moment_of_row.matches))
    entry = running.call()
    running.until(lambda: over.is_set() and entry.is_over, "the edge is dead")
    place.bury()
    assert entry.caller_answered_at is None and entry.callee_answered_at is not None
    running.reaper.close_all()
    (told,) = running.records()
    assert told.members["StatusMessage"] == EDGE_LOST
    assert told.members["BillableDuration"] == 0
    running.assert_right()


def test_two_minutes_without_a_database_close_nobody(running: Stage) -> None:  # EDGE C9
    entry = running.answered_call()
    reaper, place = running.reaper, running.place
    reaper.run(after_s=0.0)
    place.dynamodb.refuse()
    reaper.dynamodb.refuse()
    for _ in range(2):
        reaper.fail(after_s=MINUTE_S)
    place.dynamodb.accept()
    reaper.dynamodb.accept()
    # Nobody has renewed the lease yet: these runs see the one from before the outage.
    for after_s in (1.0, MINUTE_S, MINUTE_S):
        assert reaper.run(after_s=after_s)["closed"] == 0
    assert not entry.placed.hung_up and running.rows("live_node")
    running.hang_up(entry)
    (told,) = running.await_records(1)
    assert told.members["StatusMessage"] == NORMAL
    running.until(lambda: not running.rows("live_node"), "the row is done")
    running.assert_right()


def test_a_node_that_dies_an_hour_after_s3_went_away_does_not_overbill(
    running: Stage,
) -> None:  # EDGE C9, C10
    place = running.place
    place.s3.set_rules(Rule(faults.unavailable))
    running.hang_up(running.answered_call())
    running.until(lambda: running.rows("bucket"), "the end is in the row")
    running.kill()
    running.world.renew_leases(timedelta(hours=1))
    running.reaper.close_all()
    (told,) = running.records()
    assert told.members["StatusMessage"] == NORMAL
    running.assert_right()


def test_a_node_is_not_shown_before_it_knows_its_connectors(running: Stage) -> None:  # A11
    running.kill()
    place, shown = running.place, len(running.world.nodes())
    table = CONNECTORS.physical_name(DEFAULT_PREFIX).encode()
    place.dynamodb.set_rules(Rule(faults.unavailable, matches=lambda it: table in it.body))
    life = place.begin()
    running.until(lambda: life.edge.of("configuration-missing"), "it gives up waiting")
    assert len(running.world.nodes()) == shown, "calls that it would refuse went to it"
    place.dynamodb.set_rules()
    running.until(lambda: life.is_ready, "it knows them")
    running.until(lambda: len(running.world.nodes()) > shown, "it is shown")


def test_the_aws_worker_dies_alone(running: Stage) -> None:  # EDGE C9
    place = running.place
    place.s3.set_rules(Rule(faults.unavailable))
    up, ended = running.answered_call(), running.answered_call()
    running.hang_up(ended)
    running.until(lambda: place.s3.faults["PUT"], "its record is refused")
    ringing = running.call()
    place.kill_aws_worker()
    place.s3.set_rules()
    running.until(lambda: ringing.caller_answered_at, "a call is answered meanwhile")
    running.hang_up(up)
    running.hang_up(ringing)
    running.await_records(3)
    running.until(lambda: not running.rows("live_node"), "the rows are done")
    running.assert_right()


def test_the_disk_is_full_while_the_table_is_away(running: Stage) -> None:  # EDGE C9
    place = running.place
    # As on a full disk, no file of the worker's grows any more: EFBIG in place of ENOSPC.
    resource.prlimit(place.aws_worker(), resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    place.dynamodb.set_rules(Rule(faults.unavailable))
    entry = running.answered_call()
    running.until(lambda: place.life.edge.of("journal-refuses"), "an alarm")
    place.dynamodb.set_rules()
    running.hang_up(entry)
    (told,) = running.await_records(1)
    assert told.members["StatusMessage"] == NORMAL
    running.until(lambda: not running.rows("live_node"), "the row is done")
    running.assert_right()


def test_a_row_that_only_a_disk_has_is_not_lost(running: Stage) -> None:  # EDGE C9
    place = running.place
    place.dynamodb.set_rules(Rule(faults.unavailable))
    entry = running.answered_call()
    running.kill()
    place.dynamodb.set_rules()
    assert not running.rows("live_node")
    running.revive()
    running.until(lambda: running.rows("live_node"), "the next life writes the row")
    running.reaper.close_all()
    (told,) = running.records()
    assert told.members["StatusMessage"] == EDGE_LOST
    assert entry.placed.answered
    running.assert_right()


def test_an_end_that_only_a_disk_has_is_not_lost(running: Stage) -> None:  # EDGE C9
    place = running.place
    place.dynamodb.set_rules(Rule(faults.unavailable))
    place.s3.set_rules(Rule(faults.unavailable))
    running.hang_up(running.answered_call())
    running.pass_time(1.0)
    running.kill()
    place.dynamodb.set_rules()
    place.s3.set_rules()
    running.revive()
    running.until(lambda: running.rows("status"), "the next life writes the row")
    running.reaper.close_all()
    (told,) = running.records()
    assert told.members["StatusMessage"] == NORMAL
    running.assert_right()


def test_a_stepped_clock_bills_nobody_for_its_steps(tmp_path: Path) -> None:  # EDGE C6, C9
    with stage(tmp_path, edges=2) as running:
        steps = dict(zip(running.places, (3_600.0, -3_600.0), strict=True))
        lost = [running.answered_call(place=place) for place in steps]
        normal = [running.answered_call(kind=Kind.ON_NET, place=place) for place in steps]
        for place, step_s in steps.items():
            place.clock.step(step_s)
        before = [place.life.fate.renewed_at for place in steps]
        running.until(
            lambda: all(
                it.life.fate.renewed_at != was for it, was in zip(steps, before, strict=True)
            ),
            "the leases are renewed",
        )
        for entry in normal:
            running.hang_up(entry)
        running.await_records(4)
        for place in steps:
            running.kill(place)
        running.reaper.close_all()
        lasted = [
            told.duration_s
            for told in running.records()
            if told.members["StatusMessage"] == EDGE_LOST
        ]
        # The renewal that they were up at is billed, an hour is not.
        assert len(lasted) == len(lost) and min(lasted) > 1.0
        running.assert_right()


def test_a_node_that_dies_without_its_aws_worker_loses_nothing(running: Stage) -> None:  # EDGE C9
    place = running.place
    up = running.answered_call()
    ended = running.call()

    def without_worker(moment: str) -> object:
        """Tell whether something has happened, and let no new worker come up."""
        place.kill_aws_worker()
        return getattr(ended, moment)

    running.until(lambda: without_worker("caller_answered_at"), "a call is answered meanwhile")
    ended.placed.hang_up(time.monotonic())
    running.until(lambda: without_worker("is_over"), "and ends")
    running.pass_time(0.5)
    running.kill()
    running.revive()
    running.until(lambda: len(running.world.calls()) == 2, "the next life writes the rows")
    running.reaper.close_all()
    messages = {it.members["CallId"]: it.members["StatusMessage"] for it in running.records()}
    assert messages == {
        up.placed.invite.call_id: EDGE_LOST,
        ended.placed.invite.call_id: NORMAL,
    }
    running.assert_right()
