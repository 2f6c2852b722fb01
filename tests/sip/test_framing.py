"""Messages out of a stream: whole ones, however the bytes come; what cannot be cut ends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.flow import Transport
from edge.sip.framing import Frame, FrameKind, StreamFramer
from edge.sip.message import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADER_LINES,
    MalformedRequest,
    Request,
    parse_message,
)

PING = Frame(FrameKind.PING)
HEAD = (
    b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\n"
    b"To: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
)


def request(length_line: bytes, body: bytes = b"") -> bytes:
    return HEAD + length_line + b"\r\n" + body


EMPTY = request(b"Content-Length: 0\r\n")


def message(data: bytes) -> Frame:
    return Frame(FrameKind.MESSAGE, data)


def kinds(data: bytes) -> list[FrameKind]:
    return [frame.kind for frame in StreamFramer().feed(data)]


READABLE = {
    "no body": EMPTY,
    "a body": request(b"Content-Length: 5\r\n", b"v=0\r\n"),
    "a body with the end of a head in it": request(b"Content-Length: 8\r\n", b"\r\n\r\n\r\n\r\n"),
    "the compact form": request(b"l:2\r\n", b"ab"),
    "another case and white space": request(b"CONTENT-LENGTH \t: \t 2 \r\n", b"ab"),
    "a folded value": request(b"Content-Length:\r\n 2\r\n", b"ab"),
    "the same length twice": request(b"Content-Length: 2\r\nl: 2\r\n", b"ab"),
    "as many lines as may be": request(b"l: 0\r\n" + b"X: y\r\n" * (MAX_HEADER_LINES - 6)),
    "the largest body": request(b"l: %d\r\n" % MAX_BODY_BYTES, bytes(MAX_BODY_BYTES)),
    "the largest head": b"x" * (MAX_HEAD_BYTES - 6) + b"\r\nl: 0\r\n\r\n",
}


@pytest.mark.parametrize("data", READABLE.values(), ids=READABLE)
def test_a_message_is_cut_by_its_content_length(data: bytes) -> None:  # EDGE W2
    assert StreamFramer().feed(data + EMPTY) == [message(data), message(EMPTY)]


UNREADABLE = {
    "no Content-Length": (b"", 400),
    "a negative one": (b"Content-Length: -1\r\n", 400),
    "two that differ": (b"Content-Length: 2\r\nContent-Length: 3\r\n", 400),
    "two forms that differ": (b"l: 2\r\nContent-Length: 3\r\n", 400),
    "no number": (b"Content-Length: two\r\n", 400),
    "an empty one": (b"Content-Length:\r\n", 400),
    "a list": (b"Content-Length: 2, 2\r\n", 400),
    "a body above the limit": (b"Content-Length: %d\r\n" % (MAX_BODY_BYTES + 1), 513),
    "a body of a gigabyte": (b"Content-Length: 1000000000\r\n", 513),
    "too many lines": (b"l: 0\r\n" + b"X: y\r\n" * (MAX_HEADER_LINES - 5), 513),
    "more digits than are read": (b"Content-Length: " + b"9" * 4_000 + b"\r\n", 400),
}


@pytest.mark.parametrize(("line", "status"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_cut_ends_the_reading_and_can_be_refused(line: bytes, status: int) -> None:
    # EDGE W2, R18, R24; RFC 4475 §3.1.2.3, §3.3.9
    framer, data = StreamFramer(), request(line)
    assert framer.feed(EMPTY + data + b"xy" + EMPTY) == [
        message(EMPTY),
        Frame(FrameKind.BROKEN, data),
    ]
    assert framer.feed(EMPTY) == []
    assert not framer.is_inside_message
    with pytest.raises(MalformedRequest) as caught:
        parse_message(data, Transport.TCP)
    assert caught.value.error.status == status
    assert caught.value.request is not None


TOO_LONG = {
    "unfinished": b"x" * (MAX_HEAD_BYTES + 4),
    "finished": b"x" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n",
    "finished, with a length": b"x" * (MAX_HEAD_BYTES - 5) + b"\r\nl: 0\r\n\r\n",
}


@pytest.mark.parametrize("data", TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_above_the_limit_is_broken_and_only_its_beginning_is_kept(data: bytes) -> None:
    # EDGE R24, W4
    (frame,) = StreamFramer().feed(data)
    assert frame == Frame(FrameKind.BROKEN, data[: MAX_HEAD_BYTES + 4])


def test_a_head_just_below_the_limit_is_waited_for() -> None:
    framer = StreamFramer()
    assert framer.feed(b"x" * (MAX_HEAD_BYTES + 3)) == []
    assert framer.is_inside_message


LINES = {
    "one": (b"\r\n", []),
    "two": (b"\r\n\r\n", [PING]),
    "three": (b"\r\n" * 3, [PING]),
    "four": (b"\r\n" * 4, [PING, PING]),
    "one before a message": (b"\r\n" + EMPTY, [message(EMPTY)]),
    "two before a message": (b"\r\n\r\n" + EMPTY, [PING, message(EMPTY)]),
    "two between messages": (EMPTY + b"\r\n\r\n" + EMPTY, [message(EMPTY), PING, message(EMPTY)]),
}


@pytest.mark.parametrize(("data", "frames"), LINES.values(), ids=LINES)
def test_a_double_crlf_is_a_ping_and_a_single_one_is_nothing(
    data: bytes, frames: list[Frame]
) -> None:  # EDGE W3
    assert StreamFramer().feed(data) == frames


@pytest.mark.parametrize("data", [b"\r\n", b"\r", b"\r\n\r", b"\r\n\r\n"])
def test_empty_lines_are_no_message_that_has_begun(data: bytes) -> None:  # EDGE W3, W4
    framer = StreamFramer()
    framer.feed(data)
    assert not framer.is_inside_message


@pytest.mark.parametrize("data", [b"O", b"\rx", HEAD, request(b"l: 2\r\n", b"a")])
def test_a_message_that_has_begun_is_known(data: bytes) -> None:  # EDGE W4
    framer = StreamFramer()
    framer.feed(data)
    assert framer.is_inside_message


def test_single_bytes_cost_as_much_as_all_at_once() -> None:
    """Nothing is looked at twice: the bytes that the searches see grow with the bytes that come."""
    looked_at = 0

    class Counting(bytearray):
        def find(self, sub: bytes, start: int = 0) -> int:  # type: ignore[override]  # the form used
            nonlocal looked_at
            looked_at += len(self) - start
            return super().find(sub, start)

    framer = StreamFramer()
    framer._buffer = Counting()
    data = request(b"X: " + b"y" * 15_000 + b"\r\nl: 0\r\n")
    for position in range(len(data)):
        framer.feed(data[position : position + 1])
    assert not framer.is_inside_message
    assert looked_at <= 5 * len(data)


PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"x", b"Content-Length: 3\r\n", b"l: 0\r\n\r\n"),
        *(EMPTY, READABLE["a body"], READABLE["a body with the end of a head in it"], b"INVITE "),
        *(HEAD, request(b""), b"x" * MAX_HEAD_BYTES, TOO_LONG["finished"]),
    ]
)


@given(st.lists(PIECES, max_size=8), st.lists(st.integers(1, 4_000), max_size=40))
def test_framing_is_independent_of_chunking(pieces: list[bytes], sizes: list[int]) -> None:
    # EDGE W2
    data = b"".join(pieces)
    framer, found, position = StreamFramer(), [], 0
    for size in sizes:
        found += framer.feed(data[position : position + size])
        position += size
    found += framer.feed(data[position:])
    assert found == StreamFramer().feed(data)


@given(st.binary(max_size=300))
def test_any_bytes_one_by_one_give_the_same_frames(data: bytes) -> None:
    framer = StreamFramer()
    found = [frame for byte in data for frame in framer.feed(bytes([byte]))]
    assert found == StreamFramer().feed(data)


@given(st.lists(st.sampled_from(list(READABLE.values())), max_size=6))
def test_every_message_comes_out_and_can_be_read(messages: list[bytes]) -> None:
    found = StreamFramer().feed(b"\r\n".join(messages))
    assert [frame.data for frame in found] == messages


def test_a_cut_message_is_read_as_a_datagram_is() -> None:
    read = parse_message(READABLE["a body"], Transport.TLS)
    assert isinstance(read, Request) and read.body == b"v=0\r\n"
