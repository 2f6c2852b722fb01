"""rtpengine as the SRTP side of whole calls, in all six suites; the carrier's side is plain."""

import secrets
from collections.abc import Iterator

import pytest

from edge.flow import Address
from tests.e2e.audio import (
    Phone,
    assert_all_was_heard,
    assert_each_hears_the_other,
    assert_reports_cross,
    say,
)
from tests.e2e.lab import Lab, Route, Trunk
from tests.e2e.secure import SUITES, called, calling
from tests.e2e.sipp import free_address, free_host
from tests.interop.rtpengine import Rtpengine, with_suite_alone
from tests.support.sdp import audio, rtp_of
from tests.support.srtp_reference import crypto_lines

pytestmark = [pytest.mark.sockets, pytest.mark.interop, pytest.mark.xdist_group("interop")]

FEW_FRAMES = 30


@pytest.fixture(scope="module")
def engine(lab: Lab) -> Iterator[Rtpengine]:
    with Rtpengine(lab.folder) as running:
        yield running


@pytest.fixture(scope="module")
def pbx_at() -> Address:
    return free_address(free_host())


@pytest.fixture(scope="module")
def trunk(lab: Lab, pbx_at: Address) -> Trunk:
    made = lab.new_trunk(encrypted=True)
    made.route(Route(pbx_at))
    return made


@pytest.fixture(scope="module")
def number(trunk: Trunk) -> str:
    """Return the PBX's number; the connector takes calls both ways from then on."""
    ordered = trunk.number()
    trunk.permit()
    trunk.await_effect()
    return ordered


@pytest.fixture
def callee(lab: Lab) -> Iterator[Phone]:
    with Phone(lab.second_carrier[0]) as phone:
        yield phone


@pytest.mark.parametrize("suite", SUITES)
def test_a_pbx_behind_rtpengine_calls(
    lab: Lab, trunk: Trunk, number: str, engine: Rtpengine, callee: Phone, suite: str
) -> None:
    # EDGE K1, K5, K11, K16: its base64 has no padding, its keys of 192 bits are RFC 6188's.
    relayed = engine.call(secrets.token_hex(4))
    with Phone(free_host()) as phone:
        offer = with_suite_alone(relayed.offer(audio(*phone.address), "RTP/SAVP"), suite)
        assert [it.suite for it in crypto_lines(offer)] == [suite]
        with calling(lab, trunk, offer, callee) as call:
            assert [it.suite for it in crypto_lines(call.told)] == [suite]
            phone.edge = rtp_of(relayed.answer(call.told))
            assert_each_hears_the_other(phone, callee, FEW_FRAMES)
            assert_reports_cross(phone, callee)
            call.end()


@pytest.mark.parametrize("suite", SUITES)
def test_a_pbx_behind_rtpengine_is_called(
    lab: Lab, number: str, pbx_at: Address, engine: Rtpengine, callee: Phone, suite: str
) -> None:
    # EDGE K1, K9, K16
    relayed = engine.call(secrets.token_hex(4))
    with Phone(free_host()) as phone:

        def answer(offer: bytes) -> bytes:
            assert [it.suite for it in crypto_lines(offer)] == list(SUITES)
            to_phone = relayed.offer(with_suite_alone(offer, suite), "RTP/AVP")
            phone.edge = rtp_of(to_phone)
            return relayed.answer(audio(*phone.address))

        with called(lab, number, pbx_at, answer, callee) as call:
            assert_each_hears_the_other(phone, callee, FEW_FRAMES)
            assert_reports_cross(phone, callee)
            call.end()


def test_rtpengine_changes_its_keys(
    lab: Lab, trunk: Trunk, number: str, engine: Rtpengine, callee: Phone
) -> None:
    # EDGE K14: its first re-INVITE brings another suite, its second one the same key again. In the
    # other direction it knows no old key: what it has not yet heard of, it cannot decrypt.
    relayed = engine.call(secrets.token_hex(4))
    with Phone(free_host()) as phone:
        offer = with_suite_alone(relayed.offer(audio(*phone.address), "RTP/SAVP"), SUITES[0])
        with calling(lab, trunk, offer, callee) as call:
            phone.edge = rtp_of(relayed.answer(call.told))
            assert_each_hears_the_other(phone, callee, FEW_FRAMES)
            for version in (2, 3):
                plain = audio(*phone.address, version=version)
                again = relayed.offer(plain, "RTP/SAVP", is_first=False)
                body = with_suite_alone(again, SUITES[1])
                told = call.reinvite(body, lambda: say(phone, frames=1))
                assert [it.suite for it in crypto_lines(told)] == [SUITES[1]]
                assert rtp_of(relayed.answer(told)) == phone.edge
                say(phone, callee, frames=10)
            assert_all_was_heard(phone, callee)
            call.end()
