"""Damage to SIP messages that knows what a SIP message looks like."""

import random
import re
from collections.abc import Callable, Sequence

_NUMBER = re.compile(rb"[0-9]+")
_EXTREME = (
    b"0", b"-1", b"1", b"00000000001", b"65535", b"65536", b"2147483648", b"4294967295",
    b"4294967296", b"18446744073709551616", b"9" * 400, b"1e9", b"0x10", b" 7", b"\xd9\xa3", b"",
)  # fmt: skip
_TOKENS = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\r\n ", b"\t", b"\x00", b'"', b'\\"', b"\\", b"<", b">",
    b";", b";;", b"=", b",", b":", b"@", b"%", b"%00", b"%zz", b"?", b"&", b"/", b"[", b"]",
    b"[::1]", b"::", b"SIP/2.0", b"sip:", b"sips:", b"tel:", b";tag=", b";branch=z9hG4bK", b";lr",
    b"\xff\xfe", b"\xf0\x9f\x98\x80", b"\xc3\x28", b"\x7f", b" ", b"a=crypto:1 ", b"c=IN IP4 ",
    b"m=audio ", b"*", b"urn:service:sos", b"INVITE", b"CANCEL", b"ACK", b"\x1b[31m",
)  # fmt: skip
_HEADERS = tuple(
    line.encode()
    for line in """\
Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK0
Require: timer
Require: 100rel
Content-Length: 0
Content-Length: 99999
l: 5
Max-Forwards: 0
Expires: 1
Session-Expires: 90;refresher=uas
Supported: timer
Contact: *
Route: <sip:x;lr>
Record-Route: <sip:192.0.2.9;lr>
P-Asserted-Identity: <sip:+12065550100@x>, <tel:+1>
Privacy: id
Diversion: <sip:+12065550101@x>;reason=no-answer
Reason: Q.850;cause=16
Content-Type: multipart/mixed;boundary=b
Content-Encoding: gzip
Accept: text/plain
Proxy-Authorization: Digest username="a", realm="b", nonce="c", uri="d", response="e"
To: <sip:x@y>;tag=1
From: <sip:x@y>
Call-ID: x
CSeq: 1 BYE
Retry-After: 9 (x)
X-Amzn-Trace: 1
Identity: ..
User-to-User: 00;encoding=hex
Timestamp: 1.5
: nothing
no colon""".splitlines()
)
_LONGEST_REPEAT = 2_000
_MOST_DAMAGES = 5


class Mutator:
    """Damages messages; one seed gives one sequence of damages."""

    def __init__(self, chance: random.Random, corpus: Sequence[bytes]) -> None:
        self._chance = chance
        self._corpus = corpus
        self._kinds: tuple[Callable[[bytes], bytes], ...] = (
            self._flip, self._flip, self._put, self._put, self._cut, self._number, self._number,
            self._repeat, self._double_line, self._drop_line, self._swap_lines, self._add_header,
            self._add_header, self._splice, self._case, self._move, self._fold,
        )  # fmt: skip

    def message(self) -> bytes:
        """Return a damaged message of the corpus."""
        return self.damaged(self._chance.choice(self._corpus))

    def damaged(self, data: bytes) -> bytes:
        """Return a message with a few damages."""
        for _ in range(self._chance.randint(1, _MOST_DAMAGES)):
            data = self._chance.choice(self._kinds)(data)
        return data

    def _at(self, data: bytes) -> int:
        return self._chance.randint(0, len(data))

    def _flip(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + self._chance.randbytes(1) + data[at + 1 :]

    def _put(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + self._chance.choice(_TOKENS) + data[at + self._chance.randint(0, 2) :]

    def _cut(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at + self._chance.choice((1, 2, 4, 16, 64, 10_000)) :]

    def _number(self, data: bytes) -> bytes:
        numbers = list(_NUMBER.finditer(data))
        if not numbers:
            return data
        found = self._chance.choice(numbers)
        return data[: found.start()] + self._chance.choice(_EXTREME) + data[found.end() :]

    def _repeat(self, data: bytes) -> bytes:
        at = self._at(data)
        piece = data[at : at + self._chance.randint(1, 8)]
        times = self._chance.choice((2, 8, 64, _LONGEST_REPEAT))
        return data[:at] + piece * times + data[at:]

    def _lines(self, data: bytes) -> tuple[list[bytes], bytes]:
        head, _, body = data.partition(b"\r\n\r\n")
        return head.split(b"\r\n"), body

    def _joined(self, lines: list[bytes], body: bytes) -> bytes:
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    def _double_line(self, data: bytes) -> bytes:
        lines, body = self._lines(data)
        line = self._chance.choice(lines)
        return self._joined([*lines, *[line] * self._chance.choice((1, 1, 2, 130))], body)

    def _drop_line(self, data: bytes) -> bytes:
        lines, body = self._lines(data)
        del lines[self._chance.randrange(len(lines))]
        return self._joined(lines, body)

    def _swap_lines(self, data: bytes) -> bytes:
        lines, body = self._lines(data)
        start, *rest = lines
        self._chance.shuffle(rest)
        return self._joined([start, *rest], body)

    def _add_header(self, data: bytes) -> bytes:
        lines, body = self._lines(data)
        lines.insert(self._chance.randint(1, len(lines)), self._chance.choice(_HEADERS))
        return self._joined(lines, body)

    def _splice(self, data: bytes) -> bytes:
        other = self._chance.choice(self._corpus)
        if self._chance.random() < 0.5:
            return data[: self._at(data)] + other[self._at(other) :]
        ours, _ = self._lines(data)
        theirs, body = self._lines(other)
        return self._joined([*ours[: self._chance.randint(1, len(ours))], *theirs[1:]], body)

    def _case(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at : at + 40].swapcase() + data[at + 40 :]

    def _move(self, data: bytes) -> bytes:
        start, end = sorted((self._at(data), self._at(data)))
        piece, rest = data[start:end], data[:start] + data[end:]
        at = self._at(rest)
        return rest[:at] + piece + rest[at:]

    def _fold(self, data: bytes) -> bytes:
        at = data.find(b" ", self._at(data))
        return data if at < 0 else data[:at] + b"\r\n " + data[at:]
