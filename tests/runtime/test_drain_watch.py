"""A node's look at its own order to drain."""

from datetime import UTC, datetime

import pytest

from edge.runtime.aws_messages import DrainOrder, DrainTold
from edge.runtime.drain_watch import DrainMarks, watch_drain
from model.codec import moment_text
from model.drain import DrainMark, DrainReason, drain_members
from model.tables import DRAIN, NODES
from tests.runtime.local_aws import Deployment
from tests.runtime.records import NODE
from tests.runtime.scripted import Lines

pytestmark = pytest.mark.sockets
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MARK = DrainMark(node_id=NODE.node_id, ordered_at=NOW, reason=DrainReason.SURPLUS)
ORDER = DrainOrder("surplus", is_unlisted=False, given=moment_text(NOW))


class Desk:
    """The marks of a deployment, and the node that reads its own."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.log = deployment, Lines()
        self.marks = DrainMarks(
            deployment.aws.client("dynamodb"),
            table_prefix=deployment.prefix,
            node_id=NODE.node_id,
            log=self.log,
        )

    def put(self, **members: str | None) -> None:
        self.deployment.put(NODES, drain_members(MARK) | members)


@pytest.fixture
def desk(deployment: Deployment) -> Desk:
    return Desk(deployment)


def test_each_change_is_told_once_and_the_first_look_always(desk: Desk) -> None:  # A11
    marks = desk.marks
    assert marks.news() == DrainTold(None)
    assert marks.news() is None
    desk.put()
    assert marks.news() == DrainTold(ORDER)
    assert marks.news() is None
    desk.put(unlisted_at=moment_text(NOW))
    assert marks.news() == DrainTold(ORDER._replace(is_unlisted=True))
    desk.deployment.take_out(NODES, DRAIN, NODE.node_id)
    assert marks.news() == DrainTold(None)


def test_the_mark_of_another_node_is_not_its_own(desk: Desk) -> None:
    desk.put(sk="another")
    assert desk.marks.news() == DrainTold(None)


@pytest.mark.parametrize(
    "damage", [{"ordered_at": "yesterday"}, {"reason": "whim"}, {"unlisted_at": "soon"}]
)
def test_a_damaged_mark_is_an_order_all_the_same(desk: Desk, damage: dict[str, str]) -> None:
    # A11: whoever keeps the records goes by its being there.
    desk.put(**damage)
    assert desk.marks.news() == DrainTold(DrainOrder("unreadable", is_unlisted=False))
    assert desk.marks.news() is None
    (told,) = desk.log.of("drain-mark-damaged")
    assert "--undo" in str(told["hint"])


def test_while_the_table_is_away_what_was_told_last_stands(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:  # A9
    looks = iter(["away", "order", "away", "same", "undone"])

    def pause(seconds: float) -> None:
        match next(looks, None):
            case "order":
                desk.deployment.aws.start_again()
                desk.put()
            case "away":
                desk.deployment.aws.stop()
            case "same":
                desk.deployment.aws.start_again()
            case "undone":
                desk.deployment.take_out(NODES, DRAIN, NODE.node_id)
            case None:
                raise KeyboardInterrupt

    monkeypatch.setattr("edge.runtime.drain_watch.time.sleep", pause)
    told: list[DrainTold] = []
    with pytest.raises(KeyboardInterrupt):
        watch_drain(desk.marks, every_s=2.0, publish=told.append)
    assert told == [DrainTold(None), DrainTold(ORDER), DrainTold(None)]
