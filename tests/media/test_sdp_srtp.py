"""Encryption in session descriptions, read and written (EDGE R12, R13, R38, K3, K15, SD8, 1.13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.keying import Keying
from edge.media.local_sdp import LocalDescription
from edge.media.sdes import CryptoLine, SdesRules
from edge.media.sdp import RemoteDescription, SdpError, read
from edge.media.session import Direction
from edge.media.srtp_keys import Suite
from edge.media.terms import Encryption, EncryptionFault, Terms
from model.srtp import SrtpSettings
from tests.support.ids import CountingIds
from tests.support.sdp import AES_128, AES_256, SAVP, audio, crypto

ALL = frozenset(Suite)
KEYS = (crypto(1, AES_128), crypto(2, AES_256))
NO_KEYS = ("1 AES_CM_128_HMAC_SHA1_80 inline:short", "2 F8_128_HMAC_SHA1_80 inline:" + "A" * 40)
PLAIN = audio()
PLAIN_WITH_KEYS = audio(crypto=KEYS)
ENCRYPTED = audio(profile=SAVP, crypto=KEYS)
WITHOUT_KEYS = audio(profile=SAVP)
USELESS_KEYS = audio(profile=SAVP, crypto=NO_KEYS)
DTLS = audio(profile="UDP/TLS/RTP/SAVPF", crypto=KEYS)
SAVPF = audio(profile="RTP/SAVPF", crypto=KEYS)
NEVER, ALLOWED = Encryption.NEVER, Encryption.ALLOWED
BEST_EFFORT, REQUIRED = Encryption.BEST_EFFORT, Encryption.REQUIRED


def terms(encryption: Encryption, suites: frozenset[Suite] = ALL) -> Terms:
    return Terms(encryption, suites)


# (what is allowed, offer, tags of the keys that count)
ACCEPTED = [
    (NEVER, PLAIN, []),
    (NEVER, PLAIN_WITH_KEYS, []),  # EDGE K15: ignored
    (ALLOWED, PLAIN, []),
    (ALLOWED, PLAIN_WITH_KEYS, []),  # EDGE K15: ignored
    (ALLOWED, ENCRYPTED, ["1", "2"]),  # EDGE R13
    (ALLOWED, audio(profile="rtp/savp", crypto=KEYS), ["1", "2"]),
    (BEST_EFFORT, PLAIN, []),
    (BEST_EFFORT, PLAIN_WITH_KEYS, ["1", "2"]),  # EDGE K15
    (BEST_EFFORT, audio(crypto=NO_KEYS), []),
    (BEST_EFFORT, ENCRYPTED, ["1", "2"]),
    (REQUIRED, ENCRYPTED, ["1", "2"]),  # EDGE R12
    (REQUIRED, audio(profile=SAVP, crypto=(*NO_KEYS, crypto(3))), ["3"]),
]


@pytest.mark.parametrize(("encryption", "body", "tags"), ACCEPTED)
def test_what_is_taken_of_an_offer(encryption: Encryption, body: bytes, tags: list[str]) -> None:
    assert [it.tag for it in read(body, terms(encryption)).crypto] == tags


# (what is allowed, offer, warning, fault)
REFUSED = [
    (NEVER, ENCRYPTED, 302, EncryptionFault.IN_CLEAR),  # EDGE R13, K16
    (NEVER, WITHOUT_KEYS, 302, EncryptionFault.IN_CLEAR),
    (REQUIRED, PLAIN, 302, EncryptionFault.MISSING),  # EDGE R12
    (REQUIRED, PLAIN_WITH_KEYS, 302, EncryptionFault.MISSING),  # EDGE K15
    (ALLOWED, WITHOUT_KEYS, 306, EncryptionFault.NO_KEYS),  # EDGE K15
    (BEST_EFFORT, USELESS_KEYS, 306, EncryptionFault.NO_KEYS),
    (REQUIRED, WITHOUT_KEYS, 306, EncryptionFault.NO_KEYS),  # EDGE R12
    (REQUIRED, USELESS_KEYS, 306, EncryptionFault.NO_KEYS),
    *[(it, body, 302, None) for it in Encryption for body in (DTLS, SAVPF)],  # EDGE SD8
]


@pytest.mark.parametrize(("encryption", "body", "warning", "fault"), REFUSED)
def test_what_is_refused_of_an_offer(
    encryption: Encryption, body: bytes, warning: int, fault: EncryptionFault | None
) -> None:
    with pytest.raises(SdpError) as caught:
        read(body, terms(encryption))
    assert (caught.value.status, caught.value.warning, caught.value.fault) == (488, warning, fault)
    assert "inline" not in str(caught.value)


def test_suites_that_the_operator_left_out_are_no_keys() -> None:  # EDGE K9, K15
    wanted = frozenset({Suite.AES_256_CM_HMAC_SHA1_80})
    assert [it.tag for it in read(ENCRYPTED, terms(REQUIRED, wanted)).crypto] == ["2"]
    with pytest.raises(SdpError):
        read(ENCRYPTED, terms(REQUIRED, frozenset({Suite.AES_CM_128_HMAC_SHA1_32})))


ONE_OF_EACH = audio(profile=SAVP, crypto=KEYS) + PLAIN.partition(b"t=0 0\r\n")[2]


@pytest.mark.parametrize(
    ("encryption", "body", "index"),
    [
        (NEVER, ONE_OF_EACH, 1),
        (ALLOWED, ONE_OF_EACH, 0),
        (REQUIRED, PLAIN + ENCRYPTED.partition(b"t=0 0\r\n")[2], 1),
        (ALLOWED, PLAIN + ENCRYPTED.partition(b"t=0 0\r\n")[2], 0),
    ],
)
def test_the_first_line_is_taken_that_is_usable_here(
    encryption: Encryption, body: bytes, index: int
) -> None:  # EDGE R38
    offer = read(body, terms(encryption))
    assert offer.audio == index
    assert bool(offer.crypto) == (offer.lines[index].profile == SAVP)


class Leg:
    """One leg with the keys of our side."""

    def __init__(self) -> None:
        self.keying = Keying(SdesRules.of(SrtpSettings()), CountingIds("sdp"))
        self.local = LocalDescription(42, "198.51.100.20", 20000)

    def offer(self, lines: tuple[CryptoLine, ...] | None = None) -> list[str]:
        """Offer encrypted media."""
        self.local.begin(encrypted=True)
        body = self.local.offer(crypto=self.keying.fresh() if lines is None else lines)
        return body.decode().split("\r\n")

    def answer(self, offer: RemoteDescription) -> list[str]:
        """Answer an offer."""
        body = self.local.answer(
            offer, True, Direction.SENDRECV, crypto=self.keying.answer(offer.crypto)
        )
        return body.decode().split("\r\n")


def test_our_offer_has_six_lines_behind_the_formats() -> None:  # EDGE SD4, K9, 1.13
    lines = Leg().offer()
    assert lines[5:9] == [
        "m=audio 20000 RTP/SAVP 0 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
    ]
    assert [it.partition(" inline:")[0] for it in lines[9:15]] == [
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80",
        "a=crypto:2 AES_256_CM_HMAC_SHA1_80",
        "a=crypto:3 AES_192_CM_HMAC_SHA1_80",
        "a=crypto:4 AES_CM_128_HMAC_SHA1_32",
        "a=crypto:5 AES_256_CM_HMAC_SHA1_32",
        "a=crypto:6 AES_192_CM_HMAC_SHA1_32",
    ]
    assert lines[15:] == ["a=ptime:20", "a=rtcp:20001", "a=sendrecv", ""]


def test_our_answer_has_the_profile_of_the_offer_and_one_line() -> None:  # EDGE K3, SD8
    leg = Leg()
    offer = read(audio(profile=SAVP, crypto=(*NO_KEYS, *KEYS)[1:]), terms(ALLOWED))
    lines = leg.answer(offer)
    assert "m=audio 20000 RTP/SAVP 0 101" in lines
    (line,) = [it for it in lines if it.startswith("a=crypto")]
    assert line.startswith("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:")
    assert crypto(1, AES_128).split(":")[1] not in line, "the key is our own"


def test_keys_in_a_plain_offer_are_answered_under_its_profile() -> None:  # EDGE K15
    leg = Leg()
    lines = leg.answer(read(PLAIN_WITH_KEYS, terms(BEST_EFFORT)))
    assert "m=audio 20000 RTP/AVP 0 101" in lines
    assert any(it.startswith("a=crypto:1 ") for it in lines)
    assert not any("crypto" in it for it in Leg().answer(read(PLAIN_WITH_KEYS, terms(ALLOWED))))


def test_the_same_keys_are_the_same_version() -> None:  # EDGE SD2, K14
    leg = Leg()
    offer = read(ENCRYPTED, terms(ALLOWED))
    first = leg.answer(offer)
    assert leg.answer(offer) == first
    again = leg.local.offer(crypto=leg.keying.again()).decode().split("\r\n")
    assert again == first and leg.local.repeated().decode().split("\r\n") == first
    fresh = leg.local.offer(crypto=leg.keying.fresh()).decode().split("\r\n")
    assert fresh[1] == "o=- 42 2 IN IP4 198.51.100.20"


def test_a_refused_offer_takes_its_keys_with_it() -> None:  # EDGE D7, RFC 4568 §7.1.4
    leg = Leg()
    leg.offer()
    offered = leg.local.crypto
    leg.keying.settle(offered, read(audio(crypto=KEYS), terms(BEST_EFFORT)).crypto)
    leg.local.offer(direction=Direction.SENDONLY, crypto=leg.keying.again())
    assert leg.local.crypto == leg.keying.again() == offered[:1]
    assert leg.local.withdraw()
    assert leg.local.crypto == offered, "a refresh repeats all of them"


# (answer to our RTP/SAVP offer, warning)
UNUSABLE = [
    (PLAIN, 302),  # EDGE K15
    (PLAIN_WITH_KEYS, 302),
    (WITHOUT_KEYS, 306),  # EDGE K15
    (USELESS_KEYS, 306),
    (audio(profile=SAVP, crypto=(crypto(1, "AES_CM_128_HMAC_SHA1_32"),)), 306),
    (DTLS, 302),
]


@pytest.mark.parametrize(("body", "warning"), UNUSABLE)
def test_our_encrypted_offer_wants_an_encrypted_answer(body: bytes, warning: int) -> None:
    leg = Leg()
    leg.offer(leg.keying.fresh()[:2])
    with pytest.raises(SdpError) as caught:
        leg.local.read_answer(body)
    assert (caught.value.status, caught.value.warning) == (488, warning)


def test_our_plain_offer_wants_a_plain_answer() -> None:  # EDGE K16
    leg = Leg()
    leg.local.offer()
    assert leg.local.read_answer(PLAIN_WITH_KEYS).crypto == ()
    with pytest.raises(SdpError):
        leg.local.read_answer(ENCRYPTED)


def test_an_answer_may_leave_the_keys_of_a_plain_offer() -> None:  # EDGE K15
    leg = Leg()
    leg.answer(read(PLAIN_WITH_KEYS, terms(BEST_EFFORT)))
    leg.local.offer(crypto=leg.keying.again())
    assert leg.local.read_answer(PLAIN).crypto == ()
    assert [it.tag for it in leg.local.read_answer(PLAIN_WITH_KEYS).crypto] == ["1"]


def test_another_target_may_be_plain() -> None:  # EDGE F12, N2
    leg = Leg()
    assert any("RTP/SAVP" in it for it in leg.offer())
    leg.local.begin(encrypted=False)
    body = leg.local.offer()
    assert b"RTP/AVP" in body and b"crypto" not in body and b"o=- 42 2 IN" in body
    assert leg.local.crypto == ()


FRAGMENTS = [
    *("v=0", "o=- 1 1 IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1", "m=audio 4000 RTP/SAVP 0 9"),
    *("m=audio 4000 RTP/AVP 0", "a=crypto:", "a=crypto:1", f"a=crypto:{crypto()}"),
    *(f"a=crypto:{crypto(2, AES_256)}|2^31|1:1", "a=crypto:1 x inline:y", "a=rtpmap:9 G722/8000"),
    *("a=inactive", "", "\xff"),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.sampled_from(Encryption))
def test_any_order_of_lines_is_a_description_or_the_declared_error(
    lines: list[str], encryption: Encryption
) -> None:
    try:
        offer = read("\r\n".join(lines).encode("latin-1"), terms(encryption))
    except SdpError as error:
        assert error.status in (400, 488)
    else:
        is_encrypted = offer.lines[offer.audio].profile == SAVP
        assert is_encrypted <= bool(offer.crypto)
        assert encryption is not REQUIRED or is_encrypted
        answer = Leg().answer(offer)
        assert sum("crypto" in it for it in answer) == bool(offer.crypto)
