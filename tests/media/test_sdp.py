"""Session descriptions read (RFC 4566, RFC 3264; EDGE SD1-SD10, R12, R13, R17, R38, D8)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.sdp import SdpError, read, read_answer
from edge.media.session import Direction, PayloadTypes
from edge.media.terms import Codec, Terms
from tests.support.circles import circles_of

HEAD = "v=0\r\no=pbx 7 1 IN IP4 203.0.113.9\r\ns=call\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n"
AUDIO = "m=audio 30000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"


def sdp(*lines: str, head: str = HEAD) -> bytes:
    return (head + "".join(f"{line}\r\n" for line in lines)).encode()


def test_a_usual_offer() -> None:
    offer = read((HEAD + AUDIO + "a=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n").encode())
    assert offer.rtp == ("203.0.113.9", 30000)
    assert offer.rtcp == ("203.0.113.9", 30001)
    assert offer.payload_types == PayloadTypes(0, 101)
    assert offer.direction is Direction.SENDRECV
    assert (offer.ptime, offer.maxptime) == (20, 60)
    assert offer.origin == "pbx 7 1 IN IP4 203.0.113.9"
    assert offer.audio == 0 and offer.lines[0].formats == ("0", "101")


def test_line_ends_may_be_lf_and_s_and_t_may_miss() -> None:  # EDGE SD1
    body = b"v=0\no=- 1 1 IN IP4 192.0.2.1\nx=odd\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n"
    assert read(body).rtp == ("192.0.2.1", 4000)
    assert read(body.rstrip()).rtp == ("192.0.2.1", 4000)


# (name, body, status, warning)
FAULTS: list[tuple[str, bytes, int, int | None]] = [
    ("empty", b"", 400, None),
    ("no v", sdp(AUDIO, head=HEAD.partition("\r\n")[2]), 400, None),
    ("v is 1", sdp(AUDIO, head=HEAD.replace("v=0", "v=1")), 400, None),
    ("no o", sdp(AUDIO, head="v=0\r\ns=-\r\nc=IN IP4 203.0.113.9\r\n"), 400, None),
    ("no m", HEAD.encode(), 400, None),
    ("no c", sdp(AUDIO, head="v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n"), 400, None),
    (
        "c only in another line",
        sdp(AUDIO, "m=video 4 RTP/AVP 9", "c=IN IP4 1.2.3.4", head="v=0\r\no=- 1\r\n"),
        400,
        None,
    ),
    ("short c", sdp("m=audio 30000 RTP/AVP 0", "c=203.0.113.9"), 400, None),
    ("short m", sdp("m=audio 30000"), 400, None),
    ("port is a word", sdp("m=audio many RTP/AVP 0"), 400, None),
    ("port too high", sdp("m=audio 65536 RTP/AVP 0"), 400, None),
    ("port very long", sdp("m=audio " + "9" * 5000 + " RTP/AVP 0"), 400, None),
    ("superscript port", HEAD.encode() + "m=audio ²² RTP/AVP 0".encode("latin-1"), 400, None),
    ("no audio", sdp("m=video 30000 RTP/AVP 31", "m=image 30002 udptl t38"), 488, 305),  # SD7
    ("audio port 0", sdp("m=audio 0 RTP/AVP 0"), 488, 305),
    ("no PCMU", sdp("m=audio 30000 RTP/AVP 8 3"), 488, 305),  # EDGE SD3, R17
    ("no formats", sdp("m=audio 30000 RTP/AVP"), 488, 305),
    ("0 is another codec", sdp("m=audio 30000 RTP/AVP 0", "a=rtpmap:0 L16/8000"), 488, 305),
    ("PCMU at 16 kHz", sdp("m=audio 30000 RTP/AVP 96", "a=rtpmap:96 PCMU/16000"), 488, 305),
    ("PT 200", sdp("m=audio 30000 RTP/AVP 200", "a=rtpmap:200 PCMU/8000"), 488, 305),
    ("SAVP", sdp("m=audio 30000 RTP/SAVP 0"), 488, 302),  # EDGE R12, R13
    (
        "SAVP with keys in the clear",
        sdp("m=audio 30000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40),
        488,
        302,
    ),
    ("SAVPF", sdp("m=audio 30000 RTP/SAVPF 0"), 488, 302),  # EDGE SD8
    ("DTLS", sdp("m=audio 30000 UDP/TLS/RTP/SAVPF 0"), 488, 302),
    ("first fault", sdp("m=audio 30000 RTP/SAVP 0", "m=audio 30000 RTP/AVP 8"), 488, 302),
    ("IPv6", sdp("m=audio 30000 RTP/AVP 0", "c=IN IP6 2001:db8::1"), 488, 301),  # EDGE SD9
    ("host name", sdp("m=audio 30000 RTP/AVP 0", "c=IN IP4 pbx.example.net"), 488, 301),  # SD10
    ("odd octets", sdp("m=audio 30000 RTP/AVP 0", "c=IN IP4 010.0.0.256"), 488, 301),
    ("ATM", sdp("m=audio 30000 RTP/AVP 0", "c=ATM NSAP 47.0091"), 488, 300),
]


@pytest.mark.parametrize(
    ("body", "status", "warning"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_what_cannot_be_used_names_status_and_warning(
    body: bytes, status: int, warning: int | None
) -> None:
    with pytest.raises(SdpError) as caught:
        read(body)
    assert (caught.value.status, caught.value.warning) == (status, warning)
    assert caught.value.detail in str(caught.value)


def test_what_cannot_be_used_is_let_go_at_once() -> None:  # EDGE X9: no search for circles
    with circles_of("edge.") as circles:
        for _, body, _, _ in FAULTS:
            with suppress(SdpError):
                read(body)
        assert circles() == []


# (name, audio section, payload types)
PAYLOAD_TYPES: list[tuple[str, tuple[str, ...], PayloadTypes]] = [
    ("static", ("m=audio 4000 RTP/AVP 0",), PayloadTypes(0, None)),
    ("static among others", ("m=audio 4000 RTP/AVP 8 0 18",), PayloadTypes(0, None)),
    (
        "dynamic",
        ("m=audio 4000 RTP/AVP 8 96 97", "a=rtpmap:96 pcmu/8000/1", "a=rtpmap:97 L16/8000"),
        PayloadTypes(96, None),
    ),
    (
        "first of two",
        ("m=audio 4000 RTP/AVP 96 0", "a=rtpmap:96 PCMU/8000"),
        PayloadTypes(96, None),
    ),
    (
        "events at 48 kHz only",
        ("m=audio 4000 RTP/AVP 0 102", "a=rtpmap:102 telephone-event/48000"),
        PayloadTypes(0, None),
    ),
    (
        "events at both rates",
        (
            "m=audio 4000 RTP/AVP 0 102 103",
            "a=rtpmap:102 telephone-event/48000",
            "a=rtpmap:103 Telephone-Event/8000",
        ),
        PayloadTypes(0, 103),
    ),
    (
        "mapped but not in the line",
        ("m=audio 4000 RTP/AVP 0", "a=rtpmap:101 telephone-event/8000"),
        PayloadTypes(0, None),
    ),
    (
        "keys in a plain offer are ignored",  # EDGE K15
        ("m=audio 4000 RTP/AVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40),
        PayloadTypes(0, None),
    ),
    ("feedback profile", ("m=audio 4000 RTP/AVPF 0", "a=rtcp-fb:* nack"), PayloadTypes(0, None)),
    ("port count", ("m=audio 4000/2 RTP/AVP 0",), PayloadTypes(0, None)),
]


@pytest.mark.parametrize(
    ("lines", "expected"), [row[1:] for row in PAYLOAD_TYPES], ids=[row[0] for row in PAYLOAD_TYPES]
)
def test_payload_types(lines: tuple[str, ...], expected: PayloadTypes) -> None:  # EDGE SD3
    offer = read(sdp(*lines))
    assert offer.payload_types == expected
    assert offer.rtp[1] == 4000


MEETING = Terms(codecs=frozenset(Codec))
"""A call to a meeting's bridge (EDGE M1)."""

# (name, audio section, payload types, codecs in the peer's order)                   RFC 3551 §4.5.2
WIDEBAND: list[tuple[str, tuple[str, ...], PayloadTypes, list[Codec]]] = [
    (
        "static",
        ("m=audio 4000 RTP/AVP 9 0",),
        PayloadTypes(0, None, 9),
        [Codec.G722, Codec.PCMU],
    ),
    (
        "static with its rtpmap",
        ("m=audio 4000 RTP/AVP 0 9", "a=rtpmap:9 G722/8000"),
        PayloadTypes(0, None, 9),
        [Codec.PCMU, Codec.G722],
    ),
    (
        "dynamic",
        (
            "m=audio 4000 RTP/AVP 101 97",
            "a=rtpmap:97 g722/8000/1",
            "a=rtpmap:101 telephone-event/8000",
        ),
        PayloadTypes(None, 101, 97),
        [Codec.G722],
    ),
    (
        "alone",
        ("m=audio 4000 RTP/AVP 9",),
        PayloadTypes(None, None, 9),
        [Codec.G722],
    ),
    (
        "the clock rate that it has not",
        ("m=audio 4000 RTP/AVP 97 0", "a=rtpmap:97 G722/16000"),
        PayloadTypes(0, None, None),
        [Codec.PCMU],
    ),
    (
        "9 is another codec",
        ("m=audio 4000 RTP/AVP 9 0", "a=rtpmap:9 L16/8000"),
        PayloadTypes(0, None, None),
        [Codec.PCMU],
    ),
]


@pytest.mark.parametrize(
    ("lines", "expected", "codecs"), [row[1:] for row in WIDEBAND], ids=[row[0] for row in WIDEBAND]
)
def test_g722_counts_where_it_is_wanted(
    lines: tuple[str, ...], expected: PayloadTypes, codecs: list[Codec]
) -> None:  # EDGE M1, M3
    offer = read(sdp(*lines), MEETING)
    assert (offer.payload_types, list(offer.codecs)) == (expected, codecs)
    if Codec.PCMU in codecs:
        plain = read(sdp(*lines))
        assert plain.payload_types == expected._replace(g722=None)
        assert plain.codecs == (Codec.PCMU,)
    else:
        with pytest.raises(SdpError) as caught:
            read(sdp(*lines))
        assert (caught.value.warning, caught.value.detail) == (305, "PCMU is not offered")


def test_a_meeting_without_any_codec_of_ours_is_told_which_are() -> None:  # EDGE R17, M1
    with pytest.raises(SdpError) as caught:
        read(sdp("m=audio 4000 RTP/AVP 8 18"), MEETING)
    assert caught.value.detail == "PCMU or G722 is not offered"


# (address, session level, media level, expected)                          RFC 3264 §8.4, EDGE D8
DIRECTIONS = [
    ("1.2.3.4", None, None, Direction.SENDRECV),
    ("1.2.3.4", None, "sendonly", Direction.SENDONLY),
    ("1.2.3.4", "inactive", None, Direction.INACTIVE),
    ("1.2.3.4", "sendonly", "recvonly", Direction.RECVONLY),
    ("0.0.0.0", None, None, Direction.SENDONLY),
    ("0.0.0.0", None, "sendonly", Direction.SENDONLY),
    ("0.0.0.0", None, "recvonly", Direction.INACTIVE),
    ("0.0.0.0", None, "inactive", Direction.INACTIVE),
]


@pytest.mark.parametrize(("host", "session", "media", "expected"), DIRECTIONS)
def test_direction(host: str, session: str | None, media: str | None, expected: Direction) -> None:
    head = HEAD + (f"a={session}\r\n" if session else "")
    lines = ["m=audio 4000 RTP/AVP 0", f"c=IN IP4 {host}", *([f"a={media}"] if media else [])]
    assert read(sdp(*lines, head=head)).direction is expected


RTCP = [
    ("", ("203.0.113.9", 4001)),
    ("a=rtcp:5555", ("203.0.113.9", 5555)),
    ("a=rtcp:5555 IN IP4 192.0.2.7", ("192.0.2.7", 5555)),
    ("a=rtcp:5555 IN IP4 host.example", ("203.0.113.9", 4001)),
    ("a=rtcp:99999", ("203.0.113.9", 4001)),
    ("a=rtcp:", ("203.0.113.9", 4001)),
    ("a=rtcp:0", ("203.0.113.9", 4001)),
    ("a=rtcp-mux", ("203.0.113.9", 4001)),
]


@pytest.mark.parametrize(("attribute", "expected"), RTCP)
def test_rtcp_address(attribute: str, expected: tuple[str, int]) -> None:  # EDGE SD8, RFC 3605
    assert read(sdp("m=audio 4000 RTP/AVP 0", attribute)).rtcp == expected


def test_the_highest_port_has_no_next_one() -> None:
    assert read(sdp("m=audio 65535 RTP/AVP 0")).rtcp == ("203.0.113.9", 65535)


def test_the_media_level_address_rules_and_ttl_is_cut() -> None:
    assert read(sdp(AUDIO + "c=IN IP4 192.0.2.8/127")).rtp[0] == "192.0.2.8"


def test_a_mapped_ipv6_address_is_unmapped() -> None:  # EDGE SD9
    assert read(sdp(AUDIO + "c=IN IP6 ::ffff:192.0.2.8")).rtp[0] == "192.0.2.8"


def test_the_first_usable_audio_line_is_taken() -> None:  # EDGE R38
    offer = read(
        sdp(
            "m=video 4000 RTP/AVP 31",
            "m=audio 5000 RTP/SAVP 0",
            "m=audio 6000 RTP/AVP 0",
            "m=audio 7000 RTP/AVP 0",
        )
    )
    assert offer.audio == 2 and offer.rtp[1] == 6000 and len(offer.lines) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20", 20), ("20.0", 20), (" 30 ", 30), ("", None), ("soon", None), ("9" * 99, None)],
)
def test_ptime_is_a_number_or_nothing(text: str, expected: int | None) -> None:  # EDGE SD6
    assert read(sdp(AUDIO + f"a=ptime:{text}")).ptime == expected


def test_an_answer_must_take_our_line() -> None:
    assert read_answer((HEAD + AUDIO).encode()).rtp == ("203.0.113.9", 30000)
    for body in (
        sdp("m=audio 0 RTP/AVP 0"),
        sdp("m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0"),
    ):
        with pytest.raises(SdpError) as caught:
            read_answer(body)
        assert (caught.value.status, caught.value.warning) == (488, 305)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_description_or_the_declared_error(body: bytes) -> None:
    try:
        assert 0 < read(body).rtp[1] <= 65535
    except SdpError as error:
        assert error.status in (400, 488)


FRAGMENTS = [
    *("v=0", "o=- 1 1 IN IP4 192.0.2.1", "c=IN IP4 192.0.2.1", "c=IN IP6 ::1", "c=", "c=IN"),
    *("m=audio 4000 RTP/AVP 0 101", "m=audio", "m=", "m=audio 4000 RTP/AVP", "m=video 0 X 1"),
    *("a=rtpmap:", "a=rtpmap:0", "a=rtpmap:101 telephone-event/8000", "a=ptime:x", "a=rtcp:1 2"),
    *("a=inactive", "a", "", "=", "\x85", "\xff"),
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12), st.sampled_from(["\r\n", "\n", "\r"]))
def test_any_order_of_lines_is_a_description_or_the_declared_error(
    lines: list[str], end: str
) -> None:
    try:
        description = read(end.join(lines).encode("latin-1"))
    except SdpError as error:
        assert error.status in (400, 488)
    else:
        assert description.lines[description.audio].kind == "audio"
