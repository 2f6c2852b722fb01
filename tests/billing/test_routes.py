"""Quality records beside detail records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.routes import Companions, read_route
from model.cdr_reader import NotARecord, read_key
from model.cqr import QUALITY_PREFIX, CallRoute
from tests.billing.samples import KEY_PREFIX


def quality_key(place: str) -> str:
    return f"{QUALITY_PREFIX}/vc/2026/11/{place}"


def companion_of(companions: Companions, place: str) -> str | None:
    return companions.of(read_key(f"{KEY_PREFIX}/vc/2026/11/{place}"))


def test_the_record_of_the_same_call_is_found() -> None:
    # EDGE X10, C1: both separators
    keys = [
        quality_key("01/10.00.00.000_a"),
        quality_key("01/10.00.00.000_c"),
        quality_key("notes.txt"),
        quality_key("02/10.00.00.500_d"),
        quality_key("02/11.00.00.000_f"),
    ]
    companions = Companions(sorted(keys))
    wanted = {
        "01/10.00.00.000-a": keys[0],
        "01/10.00.00.000_b": None,
        "01/10.00.00.000_c": keys[1],
        "02/10.00.00.000_d": None,
        "02/10.00.00.500_d": keys[3],
        "02/10.30.00.000_e": None,
        "02/11.00.00.000_f": keys[4],
        "03/11.00.00.000_g": None,
    }
    assert {place: companion_of(companions, place) for place in wanted} == wanted


PLACES = st.sets(
    st.builds(
        "{:02d}/10.00.00.{:03d}_{}".format,
        st.integers(1, 3),
        st.integers(0, 3),
        st.sampled_from("abc"),
    )
)


@given(PLACES, PLACES)
def test_reading_in_step_finds_what_a_look_up_finds(details: set[str], quality: set[str]) -> None:
    companions = Companions(sorted(map(quality_key, quality)))
    for place in sorted(details):
        expected = quality_key(place) if place in quality else None
        assert companion_of(companions, place) == expected


@pytest.mark.parametrize("route", list(CallRoute))
def test_a_quality_record_says_the_route(route: CallRoute) -> None:
    # EDGE X10
    assert read_route(b'{"AwsAccountId":"1","Route":"%s"}' % route.value.encode()) is route


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"Route":"moon"}', b'{"Route":1}', b"\xff", b"[" * 60_000]
)
def test_what_says_no_route_is_refused(body: bytes) -> None:
    with pytest.raises(NotARecord, match="with a Route of pstn, on-net, conference"):
        read_route(body)


def test_what_is_too_large_is_not_read() -> None:
    with pytest.raises(NotARecord, match="it has 65537 octets"):
        read_route(b" " * 65_537)
