"""The simulated fleet: what must hold whatever the seed says, and what each part decides."""

import re
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from bench.scale.__main__ import main
from bench.scale.figures import Look, Met
from bench.scale.load import Lengths, share_of_peak, weights
from bench.scale.nodes import Node, Records, State
from bench.scale.parameters import Durations, NodeSize, Parameters, Shares
from bench.scale.peers import Manner, Peer
from bench.scale.report import hourly, spells_above, summary
from bench.scale.scaling import Scaling
from bench.scale.simulation import Simulation

SMALL = NodeSize(vcpu=1, target=50, limit=85, whole=100)
MORNING = Parameters(
    size=SMALL,
    concurrent=400,
    hours=10.0,
    calls_per_pbx=10,
    deployments=(8.0,),
    zone_failure=9.0,
    node_days=0.5,
    # As long as the longest call.
    max_drain_s=14_400.0,
)
"""From the night to the busiest hour, with everything that can happen to nodes."""
QUIET = replace(MORNING, node_days=1e6, zone_failure=None)
"""The same without any that die."""
SEEDS = (1, 2, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_call_is_counted_once_and_no_node_is_above_its_limit(seed: int) -> None:
    simulation = Simulation(replace(MORNING, seed=seed))
    figures = simulation.figures
    for second in range(round(MORNING.hours * 3600)):
        simulation.step(second)
        if second % 60 == 0:
            nodes = list(simulation.fleet.nodes)
            assert figures.active == sum(node.calls for node in nodes)
            assert all(0 <= node.calls <= SMALL.limit for node in nodes)
    assert figures.most_calls <= SMALL.limit
    assert min(figures.completed, figures.lost, figures.redialled, figures.failed_over) > 0
    assert figures.died > 3
    assert figures.active > 0


def test_the_same_seed_is_the_same_day_and_another_one_is_not() -> None:
    once, again = (Simulation(MORNING).run() for _ in range(2))
    assert once == again
    assert list(summary(MORNING, once)) == list(summary(MORNING, again))
    assert Simulation(replace(MORNING, seed=2)).run() != once


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("refuses_after_s", [None, 60.0])
def test_a_drained_node_loses_no_call(  # EDGE R31 (A11)
    seed: int, refuses_after_s: float | None
) -> None:
    # From the moment at which it refuses, a drain may last as long as the longest call.
    figures = Simulation(replace(QUIET, seed=seed, refuses_after_s=refuses_after_s)).run()
    assert len(figures.drains) >= 4
    assert sum(drain.calls for drain in figures.drains) > 100
    assert (figures.lost, figures.cut, figures.died) == (0, 0, 0)
    longest = max(drain.took_s for drain in figures.drains)
    assert 600.0 < longest <= QUIET.max_drain_s + 300.0


def test_a_drain_that_may_not_last_cuts_what_is_left() -> None:
    figures = Simulation(replace(MORNING, max_drain_s=60.0, refuses_after_s=None)).run()
    assert figures.cut > 0
    assert max(drain.took_s for drain in figures.drains) == 60.0


def test_leaving_dns_before_refusing_spares_peers_the_refusals() -> None:  # EDGE R31 (A11)
    patient = replace(QUIET, shares=Shares(holding=0.0))
    at_once = Simulation(replace(patient, refuses_after_s=None)).run()
    later = Simulation(patient).run()
    assert at_once.met[Met.DRAINING] > 20
    assert later.met[Met.DRAINING] == 0


def test_a_fleet_that_is_too_small_refuses_and_is_full() -> None:
    figures = Simulation(replace(QUIET, most_nodes=3)).run()
    assert figures.most_calls == SMALL.limit
    assert figures.refused > 0.1 * figures.offered


def test_new_nodes_start_in_the_zones_that_are_left() -> None:
    simulation = Simulation(replace(QUIET, zone_failure=9.0))
    simulation.run()
    zones = [node.zone for node in simulation.fleet.nodes]
    assert set(zones) == {1, 2}
    assert len(zones) >= simulation.fleet.scaling.desired


def serving(number: int) -> Node:
    """Return a node that takes calls."""
    node = Node(number, 0)
    node.serve()
    return node


def records_of(nodes: list[Node]) -> Records:
    """Return records that lead to nodes."""
    records = Records(in_answer=8)
    records.served = nodes
    return records


def test_an_answer_has_eight_different_addresses_at_most() -> None:
    records = records_of([serving(number) for number in range(20)])
    answer = records.answer(Random(1))
    assert len(set(answer)) == len(answer) == 8
    assert len(records_of([serving(1), serving(2)]).answer(Random(1))) == 2
    assert Records(in_answer=8).answer(Random(1)) == []


@pytest.mark.parametrize(
    ("manner", "changes_at_once", "changes_later"),
    [(Manner.ROTATING, True, True), (Manner.FIRST, False, True), (Manner.HOLDING, False, False)],
    ids=str,
)
def test_peers_keep_addresses_each_in_its_way(
    manner: Manner, changes_at_once: bool, changes_later: bool
) -> None:
    records = records_of([serving(number) for number in range(20)])
    peer = Peer(manner, records, 30.0, Random(1))
    assert (len({peer.first(1.0) for _ in range(50)}) > 1) is changes_at_once
    before = peer.first(1.0)
    moved = {peer.first(31.0 * turn) for turn in range(1, 9)}
    assert (moved != {before}) is changes_later


def test_a_peer_that_holds_moves_when_its_address_fails() -> None:
    records = records_of([serving(1), serving(2)])
    peer = Peer(Manner.HOLDING, records, 30.0, Random(1))
    failed = peer.first(0.0)
    (other,) = peer.others(failed, 0.0)
    peer.worked(other)
    assert peer.first(1e6) is other is not failed


def test_a_peer_without_a_name_calls_nobody() -> None:
    peer = Peer(Manner.FIRST, Records(in_answer=8), 30.0, Random(1))
    assert peer.first(0.0) is None
    assert peer.others(None, 0.0) == []


def scaled(averages: list[float], *, desired: int = 10, cpu: float = 0.0) -> int:
    """Return how many nodes are wanted after averages of so many minutes, one old by one, the CPU
    being idle, or used by `cpu`."""
    scaling = Scaling(MORNING, desired)
    for minute, average in enumerate([*averages, 0.0]):
        scaling.measure(average, cpu, minute * 60.0)
    return scaling.desired


def test_nodes_are_added_after_three_minutes_above_the_target() -> None:
    assert scaled([60.0, 60.0]) == 10
    assert scaled([60.0, 60.0, 60.0]) == 12
    assert scaled([60.0, 50.0, 60.0]) == 10
    # The next step waits until the first one shows.
    assert scaled([60.0] * 4) == 12


def test_nodes_are_taken_away_after_a_quarter_of_an_hour_below_it() -> None:
    assert scaled([40.0] * 14) == 10
    assert scaled([40.0] * 15) == 8
    assert scaled([40.0] * 14 + [46.0]) == 10
    assert scaled([0.0] * 15) == MORNING.least_nodes


def test_cpu_adds_nodes_that_calls_do_not_ask_for() -> None:
    assert scaled([40.0] * 3, cpu=0.61) == 11
    assert scaled([40.0] * 3, cpu=0.60) == 10
    # The larger wish counts.
    assert scaled([60.0] * 3, cpu=0.61) == 12


def test_nodes_are_taken_away_only_if_both_figures_are_low() -> None:
    assert scaled([40.0] * 15, cpu=0.55) == 10
    assert scaled([40.0] * 15, cpu=0.53) == 9
    assert scaled([46.0] * 15, cpu=0.1) == 10


def test_nodes_are_not_taken_away_during_a_deployment() -> None:
    scaling = Scaling(MORNING, 10)
    for minute in range(30):
        scaling.measure(40.0, 0.1, minute * 60.0, may_shrink=False)
    assert scaling.desired == 10
    scaling.measure(40.0, 0.1, 1_800.0)
    assert scaling.desired == 8


def test_no_node_that_takes_calls_tells_nothing() -> None:
    scaling = Scaling(MORNING, 10)
    for minute in range(30):
        scaling.measure(None, 0.1, minute * 60.0)
    assert scaling.desired == 10


def test_more_calls_are_met_within_minutes() -> None:
    # Twice as many calls from one minute to the next, on a fleet that has what it needs.
    surging = replace(QUIET, deployments=(), surge_at=9.0, hours=10.0, concurrent=2_000)
    figures = Simulation(surging).run()
    before, after = (
        [it for it in figures.looks if start <= it.at_s / 3600.0 < start + 0.5]
        for start in (8.5, 9.5)
    )
    assert max(it.average for it in figures.looks) > 1.3 * SMALL.target
    assert sum(it.serving for it in after) > 1.6 * sum(it.serving for it in before)
    assert max(it.average for it in after) < 1.1 * SMALL.target
    assert max(spells_above(figures.looks, 1.1 * SMALL.target)) < 15


def test_nodes_that_were_sized_for_less_are_saved_by_their_cpu() -> None:
    # A call takes 1.56 times the CPU that the nodes were sized for, as one with SRTP does.
    heavy = replace(QUIET, deployments=(), concurrent=2_000, size=replace(SMALL, whole=64))

    def cpu_at_the_peak(parameters: Parameters) -> float:
        looks = Simulation(parameters).run().looks
        return sum(it.average for it in looks[-30:]) / 30 / heavy.size.whole

    assert cpu_at_the_peak(heavy) < 0.65
    assert cpu_at_the_peak(replace(heavy, cpu_target=9.0)) > 0.7


def test_spells_of_too_many_calls_are_counted() -> None:
    look = Look(at_s=0.0, serving=2, draining=1, calls=120, served=100, busiest=60)
    full = look._replace(served=120)
    assert list(spells_above([look, full, full, look, full], 55.0)) == [2, 1]
    assert list(spells_above([look._replace(serving=0, served=0)], 0.0)) == []


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--concurrent 0", "concurrent is 0; a number above 0 is wanted"),
        ("--concurrent 100 -5", "concurrent is -5; a number above 0"),
        ("--hours -1", "hours is -1.0; a number above 0"),
        ("--hours 0.02", "hours is 0.02, and a call lasts 180 s: a time in which calls can end"),
        ("--call-seconds 0", "mean_call_s is 0; a number above 0"),
        ("--call-seconds nan", "mean_call_s is nan; a number above 0"),
        ("--call-seconds 20000", "mean_call_s is 20000, and the edge ends calls after 14400 s"),
        ("--vcpu 0", "argument --vcpu: invalid choice: 0"),
        ("--calls-per-node 0", "at 1 to 1,813 calls of a node, and not at 0"),
        ("--calls-per-node 1814", "refuses from 1,813 calls on"),
        ("--least-nodes 0", "least_nodes is 0; a number above 0"),
        ("--most-nodes 1", "most_nodes is 1; a whole number from 2, the least, to 90 is wanted"),
        ("--most-nodes 91", "most_nodes is 91"),
        ("--deployments 8 24", r"deployments\[1\] is 24; an hour from 0 to 24, the end"),
        ("--zone-failure -1", "zone_failure is -1; an hour from 0 to 24"),
        ("--surge 24", "surge_at is 24; an hour"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(
    typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(typed.split())
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert re.search(message, err)
    assert out == ""


def test_a_short_day_ends_before_the_usual_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    main("--concurrent 50 --hours 0.5".split())
    assert "50 calls at once, seed 1, 0.5 hours" in capsys.readouterr().out


def test_sizes_come_from_the_measured_figures() -> None:
    # 500 ms of a second: 100 packets of 4.56 us each, and 2.27 ms in 180 s (docs/scale.md).
    size = NodeSize.measured(1, mean_call_s=180.0)
    assert (size.target, size.limit, size.whole) == (1_066, 1_813, 2_133)
    assert NodeSize.measured(1, mean_call_s=180.0, srtp=True).target == 682
    assert NodeSize.fitting(10_000, mean_call_s=180.0).vcpu == 1
    assert NodeSize.fitting(100_000, mean_call_s=180.0).vcpu == 2


@pytest.mark.parametrize("durations", Durations)
def test_calls_are_as_long_as_wanted_and_never_too_long(durations: Durations) -> None:
    chosen = replace(MORNING, durations=durations, longest_call_s=14_400.0)
    lengths = Lengths(chosen, Random(1))
    drawn = [lengths.draw() for _ in range(100_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(180.0, rel=0.02)
    assert max(drawn) <= 14_400.0
    short = Lengths(replace(chosen, mean_call_s=9.0, longest_call_s=10.0), Random(1))
    assert max(short.draw() for _ in range(100)) == 10.0


def test_the_day_has_one_peak_of_one_and_no_steps() -> None:
    day = [share_of_peak(60.0 * minute) for minute in range(24 * 60 + 1)]
    assert max(day) == day[10 * 60] == 1.0
    assert day[0] == day[-1]
    assert max(abs(later - sooner) for sooner, later in pairwise(day)) < 0.01


def test_carriers_bring_their_share_and_large_pbxs_most_of_the_rest() -> None:
    shares = weights(replace(MORNING, concurrent=10_000), Random(1))
    assert sum(shares) == pytest.approx(1.0)
    assert sum(shares[:3]) == pytest.approx(MORNING.inbound)
    pbxs = shares[3:]
    assert sum(pbxs[: len(pbxs) // 5]) > 0.6 * sum(pbxs)


def test_a_look_tells_how_uneven_the_load_is() -> None:
    look = Look(at_s=3600.0, serving=4, draining=1, calls=120, served=100, busiest=40)
    assert look.unevenness == pytest.approx(1.6)
    assert look._replace(served=0).unevenness == 1.0
    assert list(hourly([look._replace(at_s=3660.0), look])) == [(1, look)]


def test_a_node_that_has_ended_has_no_calls() -> None:
    node = serving(1)
    node.calls = 3
    assert node.end(30.0) == 3
    assert (node.calls, node.state, node.is_open) == (0, State.GONE, False)
