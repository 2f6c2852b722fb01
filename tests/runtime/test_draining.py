"""How a commanded drain goes on: by the order, the records of DNS, the calls and the time."""

import pytest

from edge.runtime.aws_messages import DrainOrder
from edge.runtime.draining import DRAINING, Act, Draining, DrainTimes, Happened, Remains, Stage
from model.drain import LONGEST_DRAIN_S, MAX_DRAIN_S, SERVES_UNLISTED_S, SERVES_UNNOTED_S

TIMES = DrainTimes(unlisted_s=60.0, unnoted_s=900.0, longest_s=9_000.0)
LISTED = DrainOrder("surplus", is_unlisted=False, given="one")
UNLISTED = LISTED._replace(is_unlisted=True)
CALLS = Remains(is_quiet=False, is_safe=True, is_stored=True)
DONE = Remains(is_quiet=True, is_safe=True, is_stored=True)
BEGAN = 1_000.0


def draining(*, times: DrainTimes = TIMES, end_is_final: bool = True) -> Draining:
    made = Draining(times, end_is_final=end_is_final)
    assert made.told(LISTED, BEGAN) is Act.NOTE
    assert made.stage is Stage.LEAVING
    return made


def refusing() -> Draining:
    made = draining()
    made.told(UNLISTED, BEGAN)
    assert made.look(CALLS, BEGAN + 60.0) is Act.REFUSE
    return made


def test_calls_are_taken_for_a_minute_after_the_record_has_gone() -> None:  # A11, EDGE R31
    drain = draining()
    assert drain.told(UNLISTED, BEGAN + 100.0) is None
    assert drain.look(DONE, BEGAN + 159.9) is None
    assert drain.look(DONE, BEGAN + 160.0) is Act.REFUSE
    assert drain.stage is Stage.REFUSING


def test_where_nobody_notes_records_the_order_counts_alone() -> None:  # A11
    drain = draining()
    assert drain.look(DONE, BEGAN + 899.9) is None
    assert drain.look(DONE, BEGAN + 900.0) is Act.REFUSE


def test_a_record_that_goes_late_does_not_keep_it_longer_than_that() -> None:
    drain = draining()
    drain.told(UNLISTED, BEGAN + 890.0)
    assert drain.look(DONE, BEGAN + 900.0) is Act.REFUSE


def test_it_has_ended_when_nothing_is_left() -> None:  # A11
    drain = refusing()
    ending = Remains(is_quiet=True, is_safe=False, is_stored=False)
    waiting_for_s3 = Remains(is_quiet=True, is_safe=True, is_stored=False)
    for remains in (CALLS, ending, waiting_for_s3):
        assert drain.look(remains, BEGAN + 100.0) is None
    assert drain.look(DONE, BEGAN + 100.0) is Act.RELEASE
    assert drain.stage is Stage.ENDED
    assert drain.look(DONE, BEGAN + 9_001.0) is None


def test_calls_that_are_left_at_the_limit_are_hung_up() -> None:  # A11, EDGE C9
    drain = refusing()
    assert drain.look(CALLS, BEGAN + 8_999.9) is None
    assert drain.look(CALLS, BEGAN + 9_000.0) is Act.HANG_UP
    assert drain.look(CALLS, BEGAN + 9_000.1) is None
    # Their rows say what is due: S3 is not waited for any more, a journal is.
    assert drain.look(DONE._replace(is_safe=False, is_stored=False), BEGAN + 9_001.0) is None
    assert drain.look(DONE._replace(is_stored=False), BEGAN + 9_002.0) is Act.RELEASE


def test_a_limit_below_the_delay_refuses_and_hangs_up_at_once() -> None:
    drain = draining(times=DrainTimes(longest_s=10.0))
    assert drain.look(CALLS, BEGAN + 9.0) is None
    assert drain.look(CALLS, BEGAN + 10.0) is Act.REFUSE
    assert drain.look(CALLS, BEGAN + 10.0) is Act.HANG_UP


def test_taking_the_order_back_returns_it_to_service() -> None:
    drain = draining()
    assert drain.told(None, BEGAN + 1.0) is Act.NOTE
    assert drain.stage is Stage.SERVING
    assert drain.look(DONE, BEGAN + 10_000.0) is None
    drain = refusing()
    assert drain.told(None, BEGAN + 100.0) is Act.RESUME
    drain = refusing()
    drain.look(CALLS, BEGAN + 9_000.0)
    assert drain.told(None, BEGAN + 9_001.0) is Act.RESUME


def test_a_task_that_may_be_stopped_does_not_return() -> None:
    drain = refusing()
    drain.look(DONE, BEGAN + 100.0)
    assert drain.told(None, BEGAN + 101.0) is None
    assert drain.stage is Stage.ENDED


def test_where_nobody_stops_tasks_it_returns_even_then() -> None:
    drain = draining(end_is_final=False)
    assert drain.look(DONE, BEGAN + 900.0) is Act.REFUSE
    assert drain.look(DONE, BEGAN + 900.0) is Act.RELEASE
    assert drain.told(None, BEGAN + 901.0) is Act.RESUME


def test_another_order_begins_from_the_start() -> None:
    drain = draining()
    drain.told(UNLISTED, BEGAN)
    # Taken back and given anew between two looks: it may have had a record meanwhile.
    drain.told(LISTED._replace(given="two"), BEGAN + 59.0)
    assert drain.look(DONE, BEGAN + 61.0) is None
    assert drain.look(DONE, BEGAN + 959.0) is Act.REFUSE
    drain.told(None, BEGAN + 960.0)
    drain.told(UNLISTED._replace(given="three"), BEGAN + 970.0)
    assert drain.look(DONE, BEGAN + 1_029.0) is None
    assert drain.look(DONE, BEGAN + 1_030.0) is Act.REFUSE


def test_without_an_order_nothing_happens() -> None:
    drain = Draining(DrainTimes(longest_s=0.0), end_is_final=True)
    assert drain.told(None, BEGAN) is None
    assert drain.look(DONE, 1e9) is None
    assert drain.stage is Stage.SERVING


@pytest.mark.parametrize("stage", Stage)
def test_every_order_can_be_taken_back_and_each_stage_left(stage: Stage) -> None:
    inputs = {happened for known, happened in DRAINING if known is stage}
    assert Happened.UNDONE in inputs or stage is Stage.SERVING
    assert inputs


def test_the_times_fit_each_other() -> None:
    assert DrainTimes() == DrainTimes(
        unlisted_s=SERVES_UNLISTED_S, unnoted_s=SERVES_UNNOTED_S, longest_s=MAX_DRAIN_S
    )
    # CloudFormation's three hours, of which new tasks take some minutes.
    assert MAX_DRAIN_S + 900.0 < 3 * 3_600.0
    assert MAX_DRAIN_S < LONGEST_DRAIN_S
