"""Whole calls over a bad network: the node ends clean and keeps its books, whatever peers do.

Examples are not shrunk: the ladder that a failing link shows tells more, and a run is long.
"""

from collections import Counter

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from edge.flow import Address
from edge.sip.message import parse_datagram
from model.cdr import CallDetailRecord, CallStatus, Disposition
from tests.core.stand import (
    CARRIER,
    EDGE,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    SECOND_CARRIER,
    SECOND_PBX,
    Node,
    Stage,
    connector,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.circles import circles_of
from tests.support.link import Carried, Conditions, LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply

PEERS = ("A", "A2", "B", "B2")
USER = ("pbx", "secret")
TIMED = (("Supported", "timer"), ("Session-Expires", "100"))


def sensible(steps: list[Step]) -> tuple[Step, ...]:
    """Return steps as a peer can take them: after a final answer only other forks answer."""
    kept: list[Step] = []
    for step in steps:
        if not kept or kept[-1].status < 200 or (kept[-1].status < 300 and step.status == 200):
            kept.append(step)
    return tuple(kept)


a_while = st.floats(0.0, 12.0)
maybe_a_while = st.none() | a_while
seeds = st.integers(0, 2**32 - 1)
finals = st.sampled_from([200, 200, 200, 302, 404, 407, 408, 480, 486, 487, 500, 503, 603])
offers = st.lists(
    st.builds(
        Offer,
        after_s=a_while,
        direction=st.sampled_from(["sendrecv", "sendonly", "inactive", "recvonly"]),
        body=st.sampled_from([None, None, None, b""]),
        ack_direction=st.sampled_from(["sendrecv", "sendonly"]),
        cancel_after_s=st.none() | st.floats(0.0, 1.0),
        fields=st.just(()) | st.just(TIMED),
    ),
    max_size=3,
).map(tuple)
replies = st.lists(
    st.builds(
        Reply,
        status=st.sampled_from([200, 200, 200, 488, 491, 481, 408, 500, 422, 100, 0]),
        after_s=st.sampled_from([0.0, 0.0, 0.5, 3.0, 40.0]),
        direction=st.none() | st.sampled_from(["sendrecv", "inactive"]),
        body=st.sampled_from([None, None, None, b"", b"nonsense"]),
        fields=st.just(()) | st.just((("Session-Expires", "90;refresher=uac"),)),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
steps = st.lists(
    st.builds(
        Step,
        after_s=a_while,
        status=st.sampled_from([100, 100, 180, 183, 199]) | finals,
        sdp=st.booleans(),
        tag=st.none() | st.sampled_from(["fork-x", "fork-y"]),
        fields=st.just(()),
        port=st.sampled_from([30_000, 30_000, 30_002]),
        body=st.sampled_from([None, None, None, None, b""]),
    ),
    max_size=4,
).map(lambda found: sensible(sorted(found, key=lambda step: step.after_s)))
callees = st.builds(
    CalleePlan,
    steps=st.just(CalleePlan().steps) | steps,
    bye_after_s=maybe_a_while,
    heeds_cancel=st.booleans(),
    offers=offers,
    replies=replies,
)
callers = st.builds(
    CallerPlan,
    cancel_after_s=maybe_a_while,
    bye_after_s=maybe_a_while,
    reinvite_after_s=maybe_a_while,
    acknowledges=st.sampled_from([True, True, True, False]),
    credentials=st.sampled_from([USER, USER, ("pbx", "wrong"), None]),
    body=st.sampled_from([None, None, None, b""]),
    fields=st.just(()) | st.just(TIMED),
    ack_body=st.sampled_from([None, None, None, b""]),
    offers=offers,
    replies=replies,
)
calls = st.lists(st.tuples(st.booleans(), a_while, callers), min_size=1, max_size=4)
dead_addresses = st.sets(st.sampled_from([PBX, SECOND_PBX, CARRIER, SECOND_CARRIER]), max_size=2)
shares = st.sampled_from([0.0, 0.05, 0.2, 0.5])
bad_links = st.tuples(st.sampled_from([0.0, 0.05, 0.2, 0.4]), shares, shares).map(
    lambda found: Conditions(loss=found[0], duplication=found[1], reordering=found[2])
)
lossless_links = st.tuples(shares, shares).map(
    lambda found: Conditions(duplication=found[0], reordering=found[1])
)
STORM = settings(
    max_examples=60,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def play(
    link: LossyLink,
    plans: tuple[CalleePlan, CalleePlan, CalleePlan, CalleePlan],
    placed: list[tuple[bool, float, CallerPlan]],
    *,
    asks: bool = False,
) -> Stage:
    """Let all calls happen, from their first INVITE until nobody waits for anything."""
    node = Node(connector(user=USER if asks else None), seed=link.seed)
    pbx, second_pbx, carrier, second_carrier = plans
    stage = Stage(
        link,
        node=node,
        pbx=pbx,
        second_pbx=second_pbx,
        carrier=carrier,
        second_carrier=second_carrier,
    )
    for inbound, moment, plan in placed:
        agent, uri = (stage.carrier, INBOUND_URI) if inbound else (stage.pbx, OUTBOUND_URI)

        def place(now: float, agent=agent, uri=uri, plan=plan) -> None:  # type: ignore[no-untyped-def]  # binds the loop's values
            agent.call(uri, EDGE, plan, now)

        link.at(moment, place)
    link.run()
    return stage


def arrived(link: LossyLink, what: str, source: tuple[str, ...]) -> set[str]:
    """Return the Call-IDs of the requests of one kind that reached the edge from some peers."""
    return {
        call_id(it)
        for name in source
        for it in link.sent(name, "E", what)
        if not it.lost and b"\r\nTo: " in it.data and b";tag=" not in to_line(it)
    }


def to_line(carried: Carried) -> bytes:
    return carried.data.partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]


def call_id(carried: Carried) -> str:
    return parse_datagram(carried.data).call_id


def answered_by_the_edge(link: LossyLink, peers: tuple[str, ...]) -> set[str]:
    """Return the Call-IDs of the peers' own calls that the edge answered with 200."""
    own = arrived(link, "INVITE", peers)
    return own & {call_id(it) for name in peers for it in link.sent("E", name, "200")}


def assert_records_fit(stage: Stage, *, asks: bool) -> None:
    """EDGE C7: one record for every INVITE that passed the checks, and it tells the truth."""
    link, records = stage.link, stage.node.records
    outbound = arrived(link, "INVITE", ("A",))
    if asks:
        outbound = {
            call_id(it)
            for it in link.sent("A", "E", "INVITE")
            if not it.lost and b'username="pbx"' in it.data
        } - wrongly_authenticated(stage)
    inbound = arrived(link, "INVITE", ("B",))
    terminations = [it for it in records if it.disposition is Disposition.TERMINATION]
    originations = [it for it in records if it.disposition is Disposition.ORIGINATION]
    assert Counter(it.call_id for it in terminations) == Counter(dict.fromkeys(outbound, 1))
    assert len(originations) == len(inbound)
    assert len({it.transaction_id for it in records}) == len(records)
    completed = {it.call_id for it in terminations if it.status is CallStatus.COMPLETED}
    assert completed == answered_by_the_edge(link, ("A",))
    answered = [it for it in originations if it.status is CallStatus.COMPLETED]
    assert len(answered) == len(answered_by_the_edge(link, ("B",)))
    for record in records:
        assert_record_is_sound(record)


def wrongly_authenticated(stage: Stage) -> set[str]:
    """Return the Call-IDs of callers whose password is wrong: they are challenged for ever."""
    challenged = {call_id(it) for it in stage.link.sent("E", "A", "407")}
    accepted = {call_id(it) for it in stage.link.sent("E", "A", "100")}
    return challenged - accepted


def assert_record_is_sound(record: CallDetailRecord) -> None:
    assert record.ended_at >= record.started_at
    assert record.answered == (record.status is CallStatus.COMPLETED)
    assert record.status is not CallStatus.RATE_LIMITED
    assert record.status_message


@STORM
@given(
    seeds,
    bad_links,
    st.tuples(callees, callees, callees, callees),
    calls,
    dead_addresses,
    dead_addresses,
    st.booleans(),
)
def test_every_call_over_a_bad_link_ends_with_one_record_and_leaves_nothing(
    seed: int,
    conditions: Conditions,
    plans: tuple[CalleePlan, CalleePlan, CalleePlan, CalleePlan],
    placed: list[tuple[bool, float, CallerPlan]],
    silent: set[Address],
    refusing: set[Address],
    asks: bool,
) -> None:  # EDGE C7, Q1, X9; S8
    with lossy_link(seed, conditions) as link, circles_of("edge.call") as circles:
        link.silent, link.refusing = silent, refusing
        stage = play(link, plans, placed, asks=asks)
        assert stage.node.is_empty(), stage.node.core.pending
        stage.node.assert_journal_is_even()
        assert_records_fit(stage, asks=asks)
        assert circles() == [], "calls that nobody holds stay in memory"


@STORM
@given(seeds, lossless_links, st.tuples(callees, callees, callees, callees), calls)
def test_without_loss_both_peers_learn_that_the_call_is_over(
    seed: int,
    conditions: Conditions,
    plans: tuple[CalleePlan, CalleePlan, CalleePlan, CalleePlan],
    placed: list[tuple[bool, float, CallerPlan]],
) -> None:  # EDGE E1-E8, D1
    with lossy_link(seed, conditions) as link:
        stage = play(link, plans, placed)
        assert stage.node.is_empty(), stage.node.core.pending
        stage.node.assert_journal_is_even()
        for agent in stage.agents:
            for call in agent.placed:
                assert call.final is not None or call.no_response
                assert call.hung_up or not call.answered, "a caller still talks to nobody"
            for taken in agent.taken:
                assert taken.hung_up or taken.ack is None, "a callee still talks to nobody"
