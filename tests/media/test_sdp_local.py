"""Session descriptions written: our side of a leg (EDGE SD2, SD4, SD5, SD8, D8, B2)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.local_sdp import LocalDescription
from edge.media.sdp import RemoteDescription, read, read_answer
from edge.media.session import Direction, PayloadTypes
from edge.media.terms import Codec, Terms

HEAD = "v=0\r\no=pbx 7 1 IN IP4 203.0.113.9\r\ns=call\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n"


def local() -> LocalDescription:
    return LocalDescription(42, "198.51.100.20", 20000)


def offered(*lines: str) -> RemoteDescription:
    return read((HEAD + "".join(f"{line}\r\n" for line in lines)).encode())


PLAIN = offered("m=audio 30000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000")


def lines_of(body: bytes) -> list[str]:
    text = body.decode()
    assert text.endswith("\r\n") and "\n\n" not in text
    return text.removesuffix("\r\n").split("\r\n")


def test_our_offer_has_the_specified_shape() -> None:  # EDGE SD4, 1.13
    assert lines_of(local().offer()) == [
        "v=0",
        "o=- 42 1 IN IP4 198.51.100.20",
        "s=-",
        "c=IN IP4 198.51.100.20",
        "t=0 0",
        "m=audio 20000 RTP/AVP 0 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=rtcp:20001",
        "a=sendrecv",
    ]


def test_events_are_offered_only_when_asked_for() -> None:  # EDGE SD4
    description = local()
    body = description.offer(telephone_event=False)
    assert "m=audio 20000 RTP/AVP 0" in lines_of(body)
    assert b"telephone-event" not in body and b"fmtp" not in body
    assert description.expects == PayloadTypes(0, None)


def test_maxptime_of_the_other_side_is_passed() -> None:  # EDGE SD6
    assert b"\r\na=ptime:20\r\na=maxptime:40\r\n" in local().offer(maxptime=40)
    assert b"a=maxptime:60\r\n" in local().answer(PLAIN, True, Direction.SENDRECV, maxptime=60)


def test_the_version_grows_with_the_content_and_only_then() -> None:  # EDGE SD2
    description = local()
    assert (description.current, description.expects) == (None, PayloadTypes(0, None))
    first = description.offer()
    assert description.offer() is first is description.current
    held = description.offer(direction=Direction.SENDONLY)
    assert b"o=- 42 2 IN" in held and b"a=sendonly" in held
    assert b"o=- 42 3 IN" in description.offer()
    answer = description.answer(PLAIN, True, Direction.SENDRECV)
    assert b"o=- 42 3 IN" in answer, "the same content is the same version, offer or answer"
    assert description.answer(PLAIN, True, Direction.SENDRECV) == answer


def test_an_answer_has_the_lines_of_the_offer_in_their_order() -> None:  # EDGE SD2, SD7, SD8
    offer = offered(
        "a=group:BUNDLE 0 1 2",
        "m=video 4000 RTP/AVP 31 32",
        "a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host",
        "m=audio 5000 RTP/AVPF 8 96 97",
        "a=rtpmap:96 PCMU/8000",
        "a=rtpmap:97 telephone-event/8000",
        "a=rtcp-mux",
        "a=ice-ufrag:x",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,
        "m=image 6000 udptl t38",
        "m=application 7000 UDP/DTLS/SCTP",
    )
    description = local()
    body = description.answer(offer, True, Direction.SENDRECV)
    assert lines_of(body)[5:] == [
        "m=video 0 RTP/AVP 31 32",
        "m=audio 20000 RTP/AVPF 96 97",
        "a=rtpmap:96 PCMU/8000",
        "a=rtpmap:97 telephone-event/8000",
        "a=fmtp:97 0-15",
        "a=ptime:20",
        "a=rtcp:20001",
        "a=sendrecv",
        "m=image 0 udptl t38",
        "m=application 0 UDP/DTLS/SCTP 0",
    ]
    assert description.expects == PayloadTypes(96, 97)


def test_events_are_answered_only_when_offered_and_wanted() -> None:  # EDGE SD4
    assert b"telephone-event" not in local().answer(PLAIN, False, Direction.SENDRECV)
    without = offered("m=audio 30000 RTP/AVP 0")
    assert b"telephone-event" not in local().answer(without, True, Direction.SENDRECV)


def test_numbers_announced_once_are_kept_in_later_offers() -> None:  # RFC 3264 §8.3.2
    description = local()
    offer = offered(
        "m=audio 5000 RTP/AVP 101 110",
        "a=rtpmap:101 PCMU/8000",
        "a=rtpmap:110 telephone-event/8000",
    )
    description.answer(offer, True, Direction.SENDRECV)
    description.offer(telephone_event=False)
    assert b"m=audio 20000 RTP/AVP 101 110\r\n" in description.offer()


def test_our_event_number_gives_way_to_the_peers_pcmu() -> None:
    description = local()
    offer = offered("m=audio 5000 RTP/AVP 101", "a=rtpmap:101 PCMU/8000")
    description.answer(offer, True, Direction.SENDRECV)
    assert b"m=audio 20000 RTP/AVP 101 102\r\n" in description.offer()


BOTH = (Codec.G722, Codec.PCMU)
MEETING = Terms(codecs=frozenset(BOTH))


def wideband(*lines: str) -> RemoteDescription:
    return read((HEAD + "".join(f"{line}\r\n" for line in lines)).encode(), MEETING)


def test_g722_is_offered_in_the_order_that_is_asked_for() -> None:  # EDGE M1
    description = local()
    lines = lines_of(description.offer(codecs=BOTH))
    assert lines[5:8] == ["m=audio 20000 RTP/AVP 9 0 101", "a=rtpmap:9 G722/8000", PCMU_MAP]
    assert description.expects == PayloadTypes(0, 101, 9)
    assert description.codecs == frozenset(BOTH)
    alone = lines_of(description.offer(telephone_event=False, codecs=(Codec.G722,)))
    assert alone[5:8] == ["m=audio 20000 RTP/AVP 9", "a=rtpmap:9 G722/8000", "a=ptime:20"]
    assert description.expects == PayloadTypes(None, None, 9)
    assert description.codecs == frozenset({Codec.G722})


PCMU_MAP = "a=rtpmap:0 PCMU/8000"


def test_an_answer_takes_the_codecs_that_the_other_side_has() -> None:  # EDGE M1
    offer = wideband("m=audio 5000 RTP/AVP 0 97", "a=rtpmap:97 G722/8000")
    assert lines_of(local().answer(offer, True, Direction.SENDRECV))[5:8] == [
        "m=audio 20000 RTP/AVP 0 97",
        PCMU_MAP,
        "a=rtpmap:97 G722/8000",
    ]
    description = local()
    only = description.answer(offer, True, Direction.SENDRECV, codecs=(Codec.G722,))
    assert lines_of(only)[5:7] == ["m=audio 20000 RTP/AVP 97", "a=rtpmap:97 G722/8000"]
    assert description.expects == PayloadTypes(None, None, 97)
    assert lines_of(description.offer(codecs=BOTH))[5] == "m=audio 20000 RTP/AVP 97 0 101"


@pytest.mark.parametrize(
    ("offer", "formats"),
    [
        (("m=audio 5000 RTP/AVP 9", "a=rtpmap:9 PCMU/8000"), "106 9 101"),
        (("m=audio 5000 RTP/AVP 101", "a=rtpmap:101 G722/8000"), "101 0 102"),
        (("m=audio 5000 RTP/AVP 101 9", "a=rtpmap:101 PCMU/8000"), "9 101 102"),
    ],
)
def test_no_two_formats_have_one_number(offer: tuple[str, ...], formats: str) -> None:
    description = local()
    description.answer(wideband(*offer), False, Direction.SENDRECV)
    assert f"m=audio 20000 RTP/AVP {formats}" in lines_of(description.offer(codecs=BOTH))


# The peer's direction -> what an answer that wishes for all of it says.      RFC 3264 §6.1, EDGE D8
MIRRORED = [
    (Direction.SENDRECV, Direction.SENDRECV),
    (Direction.SENDONLY, Direction.RECVONLY),
    (Direction.RECVONLY, Direction.SENDONLY),
    (Direction.INACTIVE, Direction.INACTIVE),
]


@pytest.mark.parametrize(("theirs", "ours"), MIRRORED)
def test_hold_is_answered_by_its_mirror(theirs: Direction, ours: Direction) -> None:
    offer = offered("m=audio 5000 RTP/AVP 0", f"a={theirs.value}")
    assert f"a={ours.value}" in lines_of(local().answer(offer, True, Direction.SENDRECV))


@pytest.mark.parametrize(("theirs", "wish"), list(product(Direction, Direction)))
def test_an_answer_never_claims_more_than_offer_and_wish(
    theirs: Direction, wish: Direction
) -> None:
    offer = offered("m=audio 5000 RTP/AVP 0", f"a={theirs.value}")
    said = read(local().answer(offer, True, wish)).direction
    assert said.sends == (wish.sends and theirs.receives)
    assert said.receives == (wish.receives and theirs.sends)


def test_nothing_of_the_peer_is_in_our_descriptions() -> None:  # EDGE B2
    body = local().answer(offered("i=secret", "m=audio 5000 RTP/AVP 0"), True, Direction.SENDRECV)
    for word in (b"203.0.113.9", b"pbx", b"secret", b"call", b"5000"):
        assert word not in body


@given(
    port=st.integers(1024, 65534),
    event=st.booleans(),
    direction=st.sampled_from(Direction),
    maxptime=st.none() | st.integers(1, 999),
)
def test_what_we_write_reads_as_what_we_meant(
    port: int, event: bool, direction: Direction, maxptime: int | None
) -> None:
    description = LocalDescription(1, "192.0.2.1", port)
    read_back = read_answer(description.offer(event, direction, maxptime))
    assert read_back.rtp == ("192.0.2.1", port)
    assert read_back.rtcp == ("192.0.2.1", port + 1)
    assert read_back.payload_types == description.expects == PayloadTypes(0, 101 if event else None)
    assert read_back.direction is direction
    assert (read_back.ptime, read_back.maxptime) == (20, maxptime)
    answerer = local()
    answer = read_answer(answerer.answer(read_back, True, Direction.SENDRECV, maxptime))
    assert answer.payload_types == read_back.payload_types == answerer.expects
    assert answer.direction is direction.reversed
