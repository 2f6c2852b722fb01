"""Whole calls with SRTP on one leg or both, against the tests' own SRTP."""

import secrets
import time

import pytest

from edge.flow import Address, Transport
from emulator.audio import TONE
from tests.e2e.audio import (
    RTP_HEADER,
    Phone,
    assert_all_was_heard,
    assert_each_hears_the_other,
    assert_reports_cross,
    hear_out,
    open_the_way,
    say,
)
from tests.e2e.lab import CALLER, Lab, Route, Trunk
from tests.e2e.secure import SUITES, SecureCall, called, calling, new_crypto, secure_audio
from tests.e2e.sipp import free_address, free_host
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step
from tests.support.sdp import rtp_of
from tests.support.srtp_reference import Crypto, Kdf, SrtpEnd, crypto_lines
from tests.support.stream_wire import ListeningWire, StreamWire, run_together

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("media")]

FEW_FRAMES = 30
OLD_192 = "AES_192_CM_HMAC_SHA1_80"


class Site:
    """A connector that requires encryption, with the address and the number of its PBX."""

    def __init__(self, lab: Lab) -> None:
        self.trunk = lab.new_trunk(encrypted=True)
        self.at: Address = free_address(free_host())
        self.trunk.route(Route(self.at))
        self.number = self.trunk.number()
        self.trunk.permit()


@pytest.fixture(scope="module")
def site(lab: Lab) -> Site:
    made = Site(lab)
    made.trunk.await_effect()
    return made


@pytest.fixture
def trunk(site: Site) -> Trunk:
    return site.trunk


def secured(phone: Phone, call: SecureCall, ours: Crypto, kdf: Kdf = Kdf.RFC) -> None:
    """Let a phone encrypt as a call's descriptions have it."""
    (theirs,) = [it for it in crypto_lines(call.told) if it.suite == ours.suite]
    phone.edge = rtp_of(call.told)
    phone.srtp = SrtpEnd(ours, theirs, kdf)


@pytest.mark.parametrize("kdf", Kdf, ids=lambda it: it.name)
def test_a_pbx_with_either_kind_of_192_bit_keys_calls(
    lab: Lab, trunk: Trunk, callee: Phone, kdf: Kdf
) -> None:
    # EDGE K11: the edge finds out from the first packets which kind it is.
    ours = new_crypto(OLD_192)
    with (
        Phone(trunk.pbx) as phone,
        calling(lab, trunk, secure_audio(phone.address, ours), callee) as call,
    ):
        secured(phone, call, ours, kdf)
        assert_each_hears_the_other(phone, callee, FEW_FRAMES)
        assert_reports_cross(phone, callee)
        call.end()


@pytest.mark.parametrize("kdf", Kdf, ids=lambda it: it.name)
def test_a_pbx_with_either_kind_of_192_bit_keys_is_called(
    lab: Lab, site: Site, callee: Phone, kdf: Kdf
) -> None:
    # EDGE K11
    with Phone(site.at[0]) as phone:
        ours: list[Crypto] = []

        def answer(offer: bytes) -> bytes:
            (line,) = [it for it in crypto_lines(offer) if it.suite == OLD_192]
            ours.append(new_crypto(OLD_192, line.tag))
            return secure_audio(phone.address, *ours)

        with called(lab, site.number, site.at, answer, callee) as call:
            secured(phone, call, ours[0], kdf)
            assert_each_hears_the_other(phone, callee, FEW_FRAMES)
            assert_reports_cross(phone, callee)
            call.end()


def test_new_keys_leave_no_gap(lab: Lab, trunk: Trunk, callee: Phone) -> None:
    # EDGE K14: what the peer still sends under its old key counts until the first under the new.
    ours = new_crypto("AES_CM_128_HMAC_SHA1_80")
    with (
        Phone(trunk.pbx) as phone,
        calling(lab, trunk, secure_audio(phone.address, ours), callee) as call,
    ):
        secured(phone, call, ours)
        open_the_way(phone, callee)
        suites = ("AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32")
        for version, suite in enumerate(suites, start=2):
            say(phone, callee, frames=10)
            newer = new_crypto(suite)
            body = secure_audio(phone.address, newer, version=version)
            told = reinvite(call, body, phone, callee)
            (theirs,) = crypto_lines(told)
            assert theirs.suite == suite and rtp_of(told) == phone.edge
            phone.srtp.rekey(None, theirs)  # type: ignore[union-attr]  # secured() has set it
            say(phone, callee, frames=5)
            phone.srtp.rekey(newer, None)  # type: ignore[union-attr]  # as above
            say(phone, callee, frames=10)
        assert_all_was_heard(phone, callee)
        assert phone.garbled == 0
        call.end()


def test_the_same_keys_again_keep_the_rollover_counter(
    lab: Lab, trunk: Trunk, callee: Phone
) -> None:
    # EDGE K14
    ours = new_crypto("AES_CM_128_HMAC_SHA1_80")
    with (
        Phone(trunk.pbx) as phone,
        calling(lab, trunk, secure_audio(phone.address, ours), callee) as call,
    ):
        phone.sequence = 65_520
        secured(phone, call, ours)
        open_the_way(phone, callee)
        say(phone, callee, frames=30)
        assert phone.sequence > 65_535
        told = reinvite(call, secure_audio(phone.address, ours), phone, callee)
        phone.srtp.rekey(None, crypto_lines(told)[0])  # type: ignore[union-attr]  # secured() has set it
        say(phone, callee, frames=10)
        assert_all_was_heard(phone, callee)
        call.end()


def reinvite(call: SecureCall, body: bytes, phone: Phone, callee: Phone) -> bytes:
    """Return what a re-INVITE of the PBX brings; both ends go on talking meanwhile, and the phone
    listens again when it knows the answer."""

    def meanwhile() -> None:
        say(phone, callee, frames=1)
        callee.listen()

    return call.reinvite(body, meanwhile)


def test_a_new_address_with_new_keys_is_followed(lab: Lab, trunk: Trunk, callee: Phone) -> None:
    # EDGE K14, Q5: as when a PBX hands the call to another media server.
    ours = new_crypto("AES_CM_128_HMAC_SHA1_80")
    with (
        Phone(trunk.pbx) as phone,
        Phone(trunk.pbx) as server,
        calling(lab, trunk, secure_audio(phone.address, ours), callee) as call,
    ):
        secured(phone, call, ours)
        assert_each_hears_the_other(phone, callee, 10)
        newer = new_crypto("AES_256_CM_HMAC_SHA1_80")
        told = reinvite(call, secure_audio(server.address, newer, version=2), phone, callee)
        (theirs,) = crypto_lines(told)
        server.edge, server.srtp = rtp_of(told), SrtpEnd(newer, theirs)
        callee.heard.clear()
        open_the_way(server, callee)
        say(phone, server, callee, frames=10)
        hear_out(
            *(server, callee),
            last=lambda: (
                server.heard[-1] == callee.said[-1]
                and callee.heard[-1][RTP_HEADER:] == server.said[-1][RTP_HEADER:]
            ),
        )
        # The stream of another source goes on under the SSRC that the carrier knows (SD5).
        assert [it[RTP_HEADER:] for it in callee.spoken()] == [
            it[RTP_HEADER:] for it in server.said
        ]
        assert {it[8:12] for it in callee.heard} == {phone.ssrc.to_bytes(4, "big")}
        assert server.spoken() == callee.said
        call.end()


def test_an_offer_that_is_asked_for_has_keys(lab: Lab, trunk: Trunk, callee: Phone) -> None:
    # EDGE A1, K9: the ACK chooses from them.
    ours = new_crypto("AES_256_CM_HMAC_SHA1_80", tag=2)
    with Phone(trunk.pbx) as phone:
        answer = secure_audio(phone.address, ours)
        with calling(lab, trunk, b"", callee, ack_body=answer) as call:
            assert [it.suite for it in crypto_lines(call.told)] == list(SUITES)
            secured(phone, call, ours)
            assert_each_hears_the_other(phone, callee, 10)
            call.end()


def test_early_media_is_encrypted(lab: Lab, trunk: Trunk) -> None:
    # EDGE A2: the number plays a tone before it answers, two seconds later.
    ours = new_crypto("AES_CM_128_HMAC_SHA1_32")
    pbx = Agent(f"pbx-{secrets.token_hex(4)}", (trunk.pbx, 5061), transport=Transport.TLS)
    with (
        Phone(trunk.pbx) as phone,
        StreamWire(pbx, lab.tls, tls=lab.tls_context, name=trunk.host) as wire,
    ):
        plan = CallerPlan(body=secure_audio(phone.address, ours))
        uri = f"sip:+12125550107@{trunk.host}"
        call = pbx.call(uri, lab.tls, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: any(it.body for it in call.provisionals), "early media begins")
        early = next(it.body for it in call.provisionals if it.body)
        phone.edge, phone.srtp = rtp_of(early), SrtpEnd(ours, crypto_lines(early)[0])
        hear_out(phone, last=lambda: phone.heard)
        assert not call.answered
        assert phone.heard[0].endswith(TONE) and phone.garbled == 0
        wire.run_until(lambda: call.final, "the call is answered")
        assert call.final is not None and crypto_lines(call.final.body) == crypto_lines(early)
        call.hang_up(time.monotonic())
        wire.run_until(lambda: call.finals == [200], "the call ends")


def test_one_suite_meets_another(lab: Lab, site: Site) -> None:
    # EDGE K16, N1: keys and suites are a leg's own affair.
    other = Site(lab)
    other.trunk.await_effect()
    near_key, far_key = (
        new_crypto("AES_CM_128_HMAC_SHA1_32"),
        new_crypto("AES_256_CM_HMAC_SHA1_80", tag=2),
    )
    caller = Agent(f"near-{secrets.token_hex(4)}", (site.trunk.pbx, 5061), transport=Transport.TLS)
    with Phone(site.trunk.pbx) as phone, Phone(other.at[0]) as callee:
        answer = secure_audio(callee.address, far_key)
        plan = CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200, body=answer)))
        answerer = Agent(
            f"far-{secrets.token_hex(4)}", other.at, plan_of=lambda _: plan, transport=Transport.TLS
        )
        with (
            StreamWire(caller, lab.tls, tls=lab.tls_context, name=site.trunk.host) as near,
            ListeningWire(answerer, tls=lab.server_context(other.at[0])) as far,
        ):
            call = caller.call(
                f"sip:{other.number}@{site.trunk.host}",
                lab.tls,
                CallerPlan(body=secure_audio(phone.address, near_key)),
                time.monotonic(),
                caller=CALLER,
            )
            run_together(
                *(near, far),
                until=lambda: call.final and answerer.taken and answerer.taken[0].ack,
                what="the call is up",
            )
            assert call.final is not None and call.final.status == 200
            (offered,) = [it for it in answerer.taken]
            ends = ((phone, call.final.body, near_key), (callee, offered.request.body, far_key))
            for end, told, ours in ends:
                (theirs,) = [it for it in crypto_lines(told) if it.suite == ours.suite]
                end.edge, end.srtp = rtp_of(told), SrtpEnd(ours, theirs)
            assert_each_hears_the_other(phone, callee, FEW_FRAMES)
            call.hang_up(time.monotonic())
            run_together(near, far, until=lambda: call.finals == [200], what="the call ends")
