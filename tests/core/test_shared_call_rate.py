"""Calls per second that several nodes count together (A10, EDGE R15)."""

import heapq
import random
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.policy.call_rates import AWAY_S, COUNT_WITHIN_S
from edge.policy.call_slots import MOST_SLOTS, slots_of
from edge.runtime.call_counter import CallCounter
from edge.seam import Count, Counted, PeersSeen
from model.cdr import CallStatus
from tests.core.stand import (
    CONNECTOR_ID,
    EDGE,
    HOST,
    OUTBOUND_URI,
    PBX,
    SETTINGS,
    Node,
    Stage,
    connector,
    ladder,
    responses,
)
from tests.support.agent import CallerPlan
from tests.support.counting_table import CountingTable
from tests.support.link import LossyLink, lossy_link

ONE_OTHER = PeersSeen(1, {})
OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    b"m=audio 20000 RTP/AVP 0\r\n"
)


def caller(number: int) -> str:
    """Return the caller id that tells calls apart."""
    return f"+1206555{number:04d}"


def invite(number: int) -> bytes:
    """Return an INVITE that nobody answers in time: its call costs a node little."""
    return (
        f"INVITE sip:+12125550100@{HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {PBX[0]}:5060;branch=z9hG4bK{number};rport\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{caller(number)}@{PBX[0]}>;tag=a\r\nTo: <sip:+12125550100@{HOST}>\r\n"
        f"Call-ID: {number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{PBX[0]}>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(OFFER)}\r\n\r\n"
    ).encode() + OFFER


class Cluster:
    """Nodes with one table on a simulated clock."""

    def __init__(self, nodes: int, limit: int, latency_s: float = 0.004) -> None:
        self.now = 0.0
        self.limit = limit
        self.table = CountingTable()
        self.latency_s = latency_s
        self.is_table_away = False
        self.admitted: list[float] = []
        """When the calls came that were admitted."""
        self.refused = 0
        self._numbers = count()
        self._came_at: dict[str, float] = {}
        self._due: list[tuple[float, int, int, Counted | None]] = []
        self._sequence = count()
        self._counters = []
        self.nodes = [Node(connector(cps_limit=limit), seed=seed) for seed in range(nodes)]
        choice = random.Random(1)
        for node in self.nodes:
            node.hear(PeersSeen(nodes - 1, {}), 0.0)
            self._counters.append(
                CallCounter(
                    self.table.update_item,
                    "limits",
                    monotonic=lambda: self.now,
                    wall=lambda: 1e9 + self.now,
                    choose=choice.sample,
                )
            )

    def call(self, at: float, node: int) -> None:
        """Let a call come to a node."""
        self.run_until(at)
        number = next(self._numbers)
        self._came_at[caller(number)] = at
        self.nodes[node].ask(invite(number), PBX, at)
        self._look(node)

    def run_until(self, until: float) -> None:
        """Deliver answers, fire timers."""
        while True:
            ticks = [
                (at, number)
                for number, node in enumerate(self.nodes)
                if (at := node.core.deadline()) is not None
            ]
            moments = [self._due[0][0]] if self._due else []
            moments += [min(ticks)[0]] if ticks else []
            if not moments or min(moments) > until:
                break
            self.now = max(self.now, min(moments))
            if self._due and self._due[0][0] <= self.now:
                _, _, number, answer = heapq.heappop(self._due)
                if answer is not None:
                    self.nodes[number].hear(answer, self.now)
            else:
                number = min(ticks)[1]
                self.nodes[number].tick(self.now)
            self._look(number)
        self.now = until

    def most_in_any_second(self) -> int:
        """Return the most calls that came within less than a second and were admitted."""
        came = sorted(self.admitted)
        most = first = 0
        for last, at in enumerate(came):
            while at - came[first] >= 1.0 - 1e-6:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _look(self, number: int) -> None:
        node = self.nodes[number]
        for asked in node.asked:
            self._count(number, asked)
        node.asked.clear()
        for line in node.logs:
            if line.event == "call-started":
                self.admitted.append(self._came_at[str(line.fields["from_number"])])
        node.logs.clear()
        self.refused += sum(it.status is CallStatus.RATE_LIMITED for it in node.records)
        node.records.clear()

    def _count(self, number: int, asked: Count) -> None:
        answer = None if self.is_table_away else self._counters[number].count(asked)
        due = (self.now + self.latency_s, next(self._sequence), number, answer)
        heapq.heappush(self._due, due)


arrivals = st.lists(st.tuples(st.floats(0.0, 0.12), st.integers(0, 2)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(arrivals, st.sampled_from([1, 2, 3, 10, 20]), st.floats(0.0, 0.09))
def test_three_nodes_admit_no_more_than_the_limit_in_any_second(
    found: list[tuple[float, int]], limit: int, latency_s: float
) -> None:  # A10, EDGE R15: exact for small limits
    # A call that comes just after a question waits for two answers, 0.2 s at the most.
    cluster = Cluster(3, limit, latency_s)
    now = 0.0
    for gap, node in found:
        now += gap
        cluster.call(now, node)
    cluster.run_until(now + 1.0)
    assert cluster.most_in_any_second() <= limit
    assert len(cluster.admitted) + cluster.refused == len(found)


@pytest.mark.parametrize("limit", [10, 100, 300])
@pytest.mark.parametrize("nodes", [2, 3])
def test_a_saturated_connector_gets_its_limit_and_at_most_a_tenth_more(
    nodes: int, limit: int
) -> None:  # EDGE R15: waste and overshoot are both at most 10 %
    cluster = Cluster(nodes, limit)
    chance = random.Random(7)
    seconds, now = 6.0, 0.0
    while now < seconds:
        now += chance.expovariate(2.5 * limit)
        cluster.call(now, chance.randrange(nodes))
        for node in cluster.nodes:
            if node.core.active_calls > 20:
                release(node, now)
    assert cluster.most_in_any_second() <= 1.1 * limit
    steady = sum(1.0 <= at < seconds for at in cluster.admitted)
    assert 0.9 * limit <= steady / (seconds - 1.0) <= 1.1 * limit


def release(node: Node, now: float) -> None:
    """End all calls of a node, whose media ports are few."""
    # A worker that is lost takes its calls and its ports; another one comes.
    node.replace_worker(now)


def test_the_second_call_is_refused_wherever_it_arrives() -> None:  # EDGE R15: CpsLimit 1
    cluster = Cluster(3, 1)
    for at, node in ((0.0, 0), (0.3, 1), (0.6, 2), (0.99, 0), (1.0, 1), (1.5, 2)):
        cluster.call(at, node)
    cluster.run_until(2.0)
    assert cluster.admitted == [0.0, 1.0]
    assert cluster.refused == 4


def test_what_is_known_to_be_in_vain_is_not_asked() -> None:  # A10
    cluster = Cluster(2, 1)
    cluster.call(0.0, 0)
    for number in range(50):
        cluster.call(0.1 + 0.01 * number, 1)
    assert cluster.refused == 50
    assert cluster.table.writes == 1 and cluster.table.refusals == 1


def test_a_node_that_is_alone_asks_nobody() -> None:  # A10
    cluster = Cluster(1, 2)
    for at in (0.0, 0.1, 0.2):
        cluster.call(at, 0)
    assert (len(cluster.admitted), cluster.refused) == (2, 1)
    assert cluster.table.writes == 0


def test_without_the_table_each_node_counts_for_itself() -> None:  # A9, EDGE R15
    cluster = Cluster(2, 1)
    cluster.is_table_away = True
    cluster.call(0.0, 0)
    cluster.run_until(COUNT_WITHIN_S - 0.01)
    assert cluster.admitted == []
    cluster.run_until(COUNT_WITHIN_S + 0.01)
    assert cluster.admitted == [0.0]
    # One that is late is a hiccup: the next calls ask again.
    cluster.call(0.3, 0)
    cluster.call(0.6, 0)
    assert cluster.refused == 1
    cluster.run_until(0.6 + COUNT_WITHIN_S)
    assert cluster.refused == 2
    # After three nobody waits.
    cluster.call(1.1, 0)
    assert cluster.admitted == [0.0, 1.1]
    # Later the table is asked again, and one node hears of the other's calls.
    cluster.is_table_away = False
    cluster.run_until(0.8 + AWAY_S + 0.5)
    for node in (0, 1):
        cluster.call(cluster.now + 0.1, node)
    cluster.run_until(cluster.now + 1.0)
    assert cluster.table.writes == 1 and cluster.refused == 3


def test_calls_are_set_up_through_two_minutes_without_the_database() -> None:  # A9
    cluster = Cluster(2, 10)
    cluster.is_table_away = True
    for second in range(120):
        cluster.call(float(second), second % 2)
        if second % 20 == 19:
            for node in cluster.nodes:
                release(node, cluster.now)
    cluster.run_until(121.0)
    assert (len(cluster.admitted), cluster.refused) == (120, 0)
    held = [node.core.active_calls for node in cluster.nodes]
    cluster.is_table_away = False
    for number in range(30):
        cluster.call(125.0 + 0.001 * number, number % 2)
    cluster.run_until(126.0)
    # The count is common again, and has ended nobody's call.
    assert (len(cluster.admitted), cluster.refused) == (130, 20)
    assert sum(node.core.active_calls for node in cluster.nodes) == sum(held) + 10


def test_calls_that_come_together_are_asked_for_together() -> None:  # A10
    cluster = Cluster(2, 20, latency_s=0.05)
    for number in range(15):
        cluster.call(0.001 * number, 0)
    cluster.run_until(0.2)
    assert len(cluster.admitted) == 15
    assert cluster.table.writes == 2


def test_large_limits_are_leased_in_blocks() -> None:  # A10
    cluster = Cluster(2, 500)
    for number in range(40):
        cluster.call(0.005 * number, 0)
        if number % 20 == 19:
            release(cluster.nodes[0], cluster.now)
    cluster.run_until(0.3)
    assert len(cluster.admitted) == 40
    assert cluster.table.writes <= 10


@pytest.mark.parametrize("limit", [1, 10, MOST_SLOTS, MOST_SLOTS + 1, 250, 2_000])
def test_slots_stand_for_the_limit(limit: int) -> None:  # A10
    slots = slots_of(limit)
    assert limit <= sum(slots.sizes) <= 1.1 * limit
    assert len(slots.sizes) <= MOST_SLOTS
    assert max(slots.sizes) - min(slots.sizes) <= 1
    assert slots.taken_for_s == 1.0 + slots.valid_s


def a_stage(link: LossyLink) -> Stage:
    """Return a stage whose node is not the only one."""
    stage = Stage(link, node=Node(connector(cps_limit=1)))
    stage.node.hear(ONE_OTHER, 0.0)
    return stage


def test_a_call_waits_for_its_count_with_a_100() -> None:  # EDGE B7, R15
    with lossy_link(1) as link:
        stage = a_stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.at(0.15, lambda now: stage.node.hear(Counted(CONNECTOR_ID, 1, now), now))
        link.run()
        (asked,) = stage.node.asked
        assert (asked.connector_id, asked.limit, asked.wanted) == (CONNECTOR_ID, 1, 1)
        assert ladder(link).startswith("A>E INVITE  E>A 100  E>B INVITE  B>E 100  B>E 180")
        assert link.sent("E", "B", "INVITE")[0].at >= 0.15
        assert stage.record.status is CallStatus.COMPLETED
        stage.assert_quiet()


def test_a_call_whose_count_says_no_is_refused() -> None:  # EDGE R15, C7
    with lossy_link(1) as link:
        stage = a_stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.at(0.1, lambda now: stage.node.hear(Counted(CONNECTOR_ID, 0, now, now + 0.5), now))
        link.run()
        assert ladder(link) == "A>E INVITE  E>A 100  E>A 503  A>E ACK"
        assert responses(link, "503")[0].get("retry-after") == "1"
        assert stage.record.status is CallStatus.RATE_LIMITED
        assert stage.record.status_message == "Calls per second exceeded"
        stage.assert_quiet()


def test_an_invite_that_is_repeated_while_it_waits_gets_its_100_again() -> None:  # EDGE B9
    with lossy_link(1) as link:
        stage = a_stage(link)
        link.lose(1)  # the 100
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert len(stage.node.asked) == 1
        assert len(stage.node.records) == 1
        stage.assert_quiet()


def test_a_caller_may_cancel_while_the_call_waits() -> None:  # EDGE E1
    with lossy_link(1) as link:
        stage = a_stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=0.08), 0.0)
        link.at(0.15, lambda now: stage.node.hear(Counted(CONNECTOR_ID, 1, now), now))
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  A>E CANCEL  E>A 200(CANCEL)  E>A 487  A>E ACK"
        )
        assert stage.record.status_message == "487 Request Terminated"
        assert stage.record.status is CallStatus.REJECTED
        stage.assert_quiet()


def test_an_answer_that_never_comes_ends_the_waiting() -> None:  # EDGE R15
    with lossy_link(1) as link:
        stage = a_stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        sent_at = link.sent("E", "B", "INVITE")[0].at
        assert COUNT_WITHIN_S <= sent_at <= COUNT_WITHIN_S + 0.05
        assert stage.record.status is CallStatus.COMPLETED
        stage.assert_quiet()


def test_a_count_that_failed_ends_the_waiting_at_once() -> None:  # EDGE R15
    with lossy_link(1) as link:
        stage = a_stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.at(0.05, lambda now: stage.node.hear(Counted(CONNECTOR_ID, None, now), now))
        link.run()
        assert 0.05 <= link.sent("E", "B", "INVITE")[0].at <= 0.06
        stage.assert_quiet()


def test_a_node_that_drains_meanwhile_refuses_the_call() -> None:  # EDGE R31
    with lossy_link(1) as link:
        stage = a_stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.at(0.05, lambda now: stage.node.drain(now))
        link.at(0.1, lambda now: stage.node.hear(Counted(CONNECTOR_ID, 1, now), now))
        link.run()
        assert responses(link, "503")[0].get("retry-after") == "30"
        stage.assert_quiet()


def test_a_late_answer_covers_no_call_that_came_after_it() -> None:  # EDGE R15
    node = Node(connector(cps_limit=1))
    node.hear(ONE_OTHER, 0.0)
    node.ask(invite(1), PBX, 0.0)
    node.tick(COUNT_WITHIN_S)
    assert node.core.active_calls == 1
    node.hear(Counted(CONNECTOR_ID, 1, 0.0), 1.3)
    node.ask(invite(2), PBX, 1.4)
    assert node.core.active_calls == 1
    assert [it.first_at for it in node.asked] == [0.0, 1.4]


def test_other_nodes_calls_count_against_the_connectors_limit() -> None:  # EDGE R16
    admission = replace(SETTINGS.admission, concurrent_calls_per_connector=3)
    node = Node(settings=replace(SETTINGS, admission=admission))
    node.hear(PeersSeen(1, {CONNECTOR_ID: 2}), 0.0)
    for number in (1, 2):
        node.ask(invite(number), PBX, 0.0)
        node.hear(Counted(CONNECTOR_ID, 1, 0.0), 0.0)
    assert node.core.active_calls == 1
    assert node.records[0].status_message == "Concurrent calls exceeded"
    assert node.core.report(0.0).connector_calls == {CONNECTOR_ID: 1}
    node.hear(PeersSeen(1, {CONNECTOR_ID: 1}), 0.1)
    node.ask(invite(3), PBX, 0.1)
    node.hear(Counted(CONNECTOR_ID, 1, 0.1), 0.1)
    assert node.core.active_calls == 2
