"""The overload meter, look by look (EDGE R30)."""

from itertools import product

import pytest

from edge.policy.overload import _NEXT, CALM_S, Load, Measured, OverloadMeter, _Reading
from model.settings import AdmissionSettings

SETTINGS = AdmissionSettings()
IDLE = Measured(0.001, 0.1, 1.0)


def after(*looks: Measured, every_s: float = 0.1) -> list[Load]:
    """Return how a fresh node is after each of some looks."""
    meter = OverloadMeter(SETTINGS)
    return [meter.take(look, number * every_s) for number, look in enumerate(looks)]


def test_the_table_is_whole() -> None:
    assert set(_NEXT) == set(product(Load, _Reading))


@pytest.mark.parametrize(
    ("look", "load"),
    [
        (IDLE, Load.NORMAL),
        (Measured(0.1, 0.1, 1.0), Load.NORMAL),
        (Measured(0.101, 0.1, 1.0), Load.OVERLOADED),
        (Measured(0.0, 0.85, 1.0), Load.NORMAL),
        (Measured(0.0, 0.86, 1.0), Load.OVERLOADED),
        (Measured(0.0, 0.1, 0.05), Load.NORMAL),
        (Measured(0.0, 0.1, 0.049), Load.OVERLOADED),
        (Measured(0.6, 0.1, 1.0), Load.DROWNING),
        (Measured(0.0, 0.99, 1.0), Load.DROWNING),
        (Measured(0.0, 0.98, 1.0), Load.OVERLOADED),
    ],
    ids=str,
)
def test_each_measure_has_its_limit(look: Measured, load: Load) -> None:
    assert after(look, look, look)[-1] is load


def test_one_late_turn_is_no_overload() -> None:
    late = IDLE._replace(lag_s=0.9)
    assert set(after(IDLE, late, IDLE, late, IDLE)) == {Load.NORMAL}


def test_nobody_drowns_who_has_not_refused_before() -> None:
    extreme = IDLE._replace(cpu=1.0)
    assert after(extreme, extreme) == [Load.OVERLOADED, Load.DROWNING]


def test_it_ends_when_all_has_been_well_for_a_moment() -> None:
    busy = IDLE._replace(cpu=0.9)
    loads = after(busy, *[IDLE] * 10)
    assert loads.index(Load.NORMAL) == 1 + round(CALM_S / 0.1)
    assert set(loads[loads.index(Load.NORMAL) :]) == {Load.NORMAL}


def test_at_the_brink_nothing_swings() -> None:
    busy, brink = IDLE._replace(cpu=0.86), IDLE._replace(cpu=0.75)
    assert set(after(busy, *[brink] * 30)) == {Load.OVERLOADED}
    assert set(after(brink, *[brink] * 30)) == {Load.NORMAL}


def test_what_comes_between_begins_the_wait_anew() -> None:
    busy, brink = IDLE._replace(cpu=0.9), IDLE._replace(cpu=0.75)
    looks = [busy, *[*[IDLE] * 4, brink] * 5]
    assert set(after(*looks)) == {Load.OVERLOADED}


def test_a_drowning_node_reads_again_before_it_takes_calls_again() -> None:
    extreme, brink = IDLE._replace(cpu=1.0), IDLE._replace(cpu=0.75)
    assert after(extreme, extreme, brink, *[IDLE] * 7)[2:] == [
        *[Load.OVERLOADED] * 6,
        *[Load.NORMAL] * 2,
    ]
