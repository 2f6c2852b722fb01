"""Session descriptions: what we announce on one leg (RFC 4566, 3264); sdp.py reads the peer's.

Writing is strict and ours alone: nothing of a peer's description reaches the other leg (EDGE B2,
SD8).
"""

from typing import NamedTuple

from edge.media.sdes import CryptoLine, written
from edge.media.sdp import (
    ENCRYPTED_PROFILE,
    PLAIN_PROFILE,
    MediaLine,
    RemoteDescription,
    read_answer,
)
from edge.media.session import Direction, PayloadTypes
from edge.media.terms import Codec, Encryption, Terms

PCMU_ALONE = (Codec.PCMU,)


class _Numbers(NamedTuple):
    """What each format is called on this leg, announced or not."""

    pcmu: int
    telephone_event: int
    g722: int


OUR_NUMBERS = _Numbers(0, 101, 9)
"""As long as the peer has not named them first."""


class _Announced(NamedTuple):
    """What a refused offer gives way to."""

    current: bytes | None
    content: str
    expects: PayloadTypes
    direction: Direction
    crypto: tuple[CryptoLine, ...]
    numbers: _Numbers


class LocalDescription:
    """Our own side of one leg, through all offers and answers of its dialog.

    The version in `o=` grows with every change of content and only then (EDGE SD2), so the same
    question gets the same octets. A payload type keeps its number once it was announced
    (RFC 3264 §8.3.2).
    """

    __slots__ = (
        *("_address", "_before", "_content", "_lines", "_numbers", "_port", "_session_id"),
        *("_version", "audio", "crypto", "current", "direction", "expects", "profile"),
    )

    def __init__(self, session_id: int, address: str, port: int) -> None:
        self._session_id = session_id
        self._address = address
        self._port = port
        self._version = 0
        self._content = ""
        self._lines: tuple[MediaLine, ...] = (MediaLine("audio", port, PLAIN_PROFILE, ()),)
        """The lines of the last answer: a later offer keeps their number (RFC 3264 §8)."""
        self._numbers = OUR_NUMBERS
        self.audio = 0
        """Index of the audio line."""
        self.profile = PLAIN_PROFILE
        """Of that line, until the peer offers another one."""
        self.current: bytes | None = None
        """What we announced last, None before the first time."""
        self.direction = Direction.SENDRECV
        """Our direction in `current`."""
        self.expects = PayloadTypes(0, None)
        """The payload types of `current`: what may arrive on our port."""
        self.crypto: tuple[CryptoLine, ...] = ()
        """Our keys in `current`."""
        self._before = self._state

    def begin(self, *, encrypted: bool) -> None:
        """Let our offers be RTP/SAVP, or RTP/AVP, from now on: the peer is another one."""
        self.profile = ENCRYPTED_PROFILE if encrypted else PLAIN_PROFILE

    def offer(
        self,
        telephone_event: bool = True,
        direction: Direction = Direction.SENDRECV,
        maxptime: int | None = None,
        codecs: tuple[Codec, ...] = PCMU_ALONE,
        crypto: tuple[CryptoLine, ...] = (),
    ) -> bytes:
        """Return an offer of these codecs and, when asked for, telephone-event (EDGE SD4).

        `maxptime` is what the other leg's peer set, in milliseconds (EDGE SD6).
        """
        self._before = self._state
        self.direction = direction
        pcmu, event, g722 = self._numbers = _distinct(self._numbers)
        types = PayloadTypes(
            pcmu if Codec.PCMU in codecs else None,
            event if telephone_event else None,
            g722 if Codec.G722 in codecs else None,
        )
        return self._announce(types, codecs, crypto, maxptime)

    def repeated(self) -> bytes:
        """Return `current` as an offer of its own: a session refresh (EDGE ST3)."""
        assert self.current is not None
        self._before = self._state
        return self.current

    def withdraw(self) -> bool:
        """Take the last offer back, which was refused; tell whether it had changed anything.

        The version is used up: the peer may have seen it (EDGE SD2, D7).
        """
        is_changed = self.current != self._before.current
        (self.current, self._content, self.expects, self.direction, self.crypto, self._numbers) = (
            self._before
        )
        return is_changed

    @property
    def _state(self) -> _Announced:
        return _Announced(
            self.current, self._content, self.expects, self.direction, self.crypto, self._numbers
        )

    def read_answer(self, body: bytes) -> RemoteDescription:
        """Return what the peer answers to `current`; raises SdpError (EDGE K15)."""
        if not self.crypto:
            return read_answer(body, self.audio, Terms(codecs=self.codecs))
        is_required = self.profile.upper() == ENCRYPTED_PROFILE
        encryption = Encryption.REQUIRED if is_required else Encryption.BEST_EFFORT
        suites = frozenset([line.key.suite for line in self.crypto])
        return read_answer(body, self.audio, Terms(encryption, suites, self.codecs))

    @property
    def codecs(self) -> frozenset[Codec]:
        """Return the codecs of `current`."""
        pcmu, _, g722 = self.expects
        if g722 is None:
            return _PCMU
        return _G722 if pcmu is None else _BOTH

    def answer(
        self,
        remote: RemoteDescription,
        telephone_event: bool,
        direction: Direction,
        maxptime: int | None = None,
        codecs: tuple[Codec, ...] | None = None,
        crypto: tuple[CryptoLine, ...] = (),
    ) -> bytes:
        """Return the answer to an offer: its lines, its payload types, one audio line taken.

        `direction` and `codecs` are our wish, None for all codecs; what the offer rules out is
        taken from it (RFC 3264 §6.1), and one codec at least has to be left.
        """
        taken = remote.codecs
        if codecs is not None and codecs != taken:
            taken = tuple([codec for codec in codecs if codec in taken])
        pcmu, event, g722 = offered = remote.payload_types
        types = PayloadTypes(
            pcmu if Codec.PCMU in taken else None,
            event if telephone_event else None,
            g722 if Codec.G722 in taken else None,
        )
        self._numbers = _named(self._numbers, offered)
        self.direction = direction.narrowed(remote.direction.reversed)
        self._lines, self.audio = remote.lines, remote.audio
        self.profile = remote.lines[remote.audio].profile
        return self._announce(types, taken, crypto, maxptime)

    def _announce(
        self,
        types: PayloadTypes,
        codecs: tuple[Codec, ...],
        crypto: tuple[CryptoLine, ...],
        maxptime: int | None,
    ) -> bytes:
        sections = [_rejected(line) for line in self._lines]
        sections[self.audio] = self._audio(types, codecs, crypto, maxptime)
        content = "".join(sections)
        if self.current is not None and content == self._content:
            return self.current
        self._version += 1
        self._content = content
        self.expects = types
        self.crypto = crypto
        self.current = (
            f"v=0\r\no=- {self._session_id} {self._version} IN IP4 {self._address}\r\ns=-\r\n"
            f"c=IN IP4 {self._address}\r\nt=0 0\r\n{content}"
        ).encode("latin-1")
        return self.current

    def _audio(
        self,
        types: PayloadTypes,
        codecs: tuple[Codec, ...],
        crypto: tuple[CryptoLine, ...],
        maxptime: int | None,
    ) -> str:
        numbers = [(types.g722 if it is Codec.G722 else types.pcmu, it.value) for it in codecs]
        event = types.telephone_event
        if event is not None:
            numbers.append((event, "telephone-event/8000"))
        formats = " ".join([str(number) for number, _ in numbers])
        text = f"m=audio {self._port} {self.profile} {formats}\r\n"
        text += "".join([f"a=rtpmap:{number} {name}\r\n" for number, name in numbers])
        if event is not None:
            text += f"a=fmtp:{event} 0-15\r\n"
        text += "".join([written(line) for line in crypto]) + "a=ptime:20\r\n"
        if maxptime is not None:
            text += f"a=maxptime:{maxptime}\r\n"
        return text + f"a=rtcp:{self._port + 1}\r\na={self.direction.value}\r\n"


_PCMU = frozenset((Codec.PCMU,))
_G722 = frozenset((Codec.G722,))
_BOTH = _PCMU | _G722


def _named(numbers: _Numbers, offered: PayloadTypes) -> _Numbers:
    """Return the numbers with those that a peer has given."""
    return _Numbers(
        numbers.pcmu if offered.pcmu is None else offered.pcmu,
        numbers.telephone_event if offered.telephone_event is None else offered.telephone_event,
        numbers.g722 if offered.g722 is None else offered.g722,
    )


def _distinct(numbers: _Numbers) -> _Numbers:
    """Return the numbers, each format with one of its own: those named last may give way."""
    pcmu, event, g722 = numbers
    while g722 == pcmu:
        g722 = _another(g722)
    while event in (pcmu, g722):
        event = _another(event)
    return _Numbers(pcmu, event, g722)


def _another(number: int) -> int:
    """Return another one of the dynamic payload types 96-127."""
    return 96 + (number - 95) % 32


def _rejected(line: MediaLine) -> str:
    return f"m={line.kind} 0 {line.profile} {' '.join(line.formats) or '0'}\r\n"
