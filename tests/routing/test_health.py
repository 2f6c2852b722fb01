"""The blacklist (EDGE F9)."""

import pytest

import edge.routing.health
from edge.flow import Transport
from edge.routing.health import Health
from edge.routing.targets import Target
from model.settings import RoutingSettings


def target(host: str = "192.0.2.1", transport: Transport = Transport.UDP) -> Target:
    return Target((host, 5060), transport, host, host)


def out_for(health: Health, since: float) -> float:
    """Return for how many whole seconds a target stays out."""
    seconds = 0
    while health.is_out(target(), since + seconds):
        seconds += 1
    return seconds


def test_an_outage_doubles_up_to_its_cap() -> None:
    health, now, lengths = Health(RoutingSettings()), 100.0, []
    for _ in range(6):
        health.failed(target(), now)
        lengths.append(out_for(health, now))
        now += lengths[-1]
    assert lengths == [30, 60, 120, 240, 300, 300]


def test_the_end_of_an_outage_is_known_while_it_lasts() -> None:
    health = Health(RoutingSettings())
    assert health.out_until(target(), 0.0) is None
    health.failed(target(), 0.0)
    assert (health.out_until(target(), 29.9), health.out_until(target(), 30.0)) == (30.0, None)


def test_the_first_success_clears_the_history() -> None:
    health = Health(RoutingSettings())
    health.failed(target(), 0.0)
    health.failed(target(), 30.0)
    health.succeeded(target())
    assert not health.is_out(target(), 31.0)
    assert len(health) == 0
    health.failed(target(), 40.0)
    assert out_for(health, 40.0) == 30


def test_calls_that_fail_together_count_once() -> None:
    health = Health(RoutingSettings())
    for at in (0.0, 0.1, 4.0):
        health.failed(target(), at)
    assert out_for(health, 0.0) == 30


@pytest.mark.parametrize(("retry_after_s", "length"), [(60.0, 60), (5.0, 5), (9_999.0, 300)])
def test_retry_after_says_how_long(retry_after_s: float, length: int) -> None:
    health = Health(RoutingSettings())
    health.failed(target(), 0.0, retry_after_s=retry_after_s)
    assert out_for(health, 0.0) == length


def test_a_short_retry_after_does_not_shorten_an_outage() -> None:
    health = Health(RoutingSettings())
    health.failed(target(), 0.0)
    health.failed(target(), 1.0, retry_after_s=1.0)
    assert out_for(health, 0.0) == 30


def test_address_port_and_transport_are_one_target() -> None:
    health = Health(RoutingSettings())
    health.failed(target(), 0.0)
    assert not health.is_out(target(transport=Transport.TCP), 1.0)
    assert not health.is_out(target("192.0.2.2"), 1.0)


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.routing.health, "TARGETS", 3)
    health = Health(RoutingSettings())
    for number in range(10):
        health.failed(target(f"192.0.2.{number}"), float(number))
    assert len(health) == 3
    assert health.is_out(target("192.0.2.9"), 10.0)
