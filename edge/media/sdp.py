"""Session descriptions: what a peer announces, and what we announce on one leg (RFC 4566, 3264).

Reading is liberal and lazy: sections are cut at their `m=` lines and only the audio line that is
taken is looked into (a call does about four of these operations). Text is Latin-1 both ways, so
that what is repeated in an answer leaves with the very octets it came with. Writing is strict and
ours alone: nothing of a peer's description reaches the other leg (EDGE B2, SD8).
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from edge.flow import Address
from edge.media.session import Direction, PayloadTypes

INCOMPATIBLE_NETWORK = 300
INCOMPATIBLE_ADDRESS = 301
INCOMPATIBLE_TRANSPORT = 302
INCOMPATIBLE_FORMAT = 305
"""Warn codes of RFC 3261 §20.43."""

PLAIN_PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})
"""Profiles that are answered as they are (EDGE SD8); RTP/SAVP is not (EDGE R12, R13)."""
OUR_TELEPHONE_EVENT = 101
HIGHEST_PORT = 65535
UNSPECIFIED = "0.0.0.0"

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_DIRECTIONS = {f"a={direction.value}": direction for direction in Direction}


class SdpError(Exception):
    """A description that cannot be used: the SIP status and Warning code to answer with.

    400 means broken grammar; 488 means well understood and not acceptable.
    """

    def __init__(self, status: int, warning: int | None, detail: str) -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.warning = warning
        self.detail = detail


class MediaLine(NamedTuple):
    """One `m=` line, with what an answer has to repeat of it (RFC 3264 §6)."""

    kind: str
    port: int
    profile: str
    formats: tuple[str, ...]


class RemoteDescription(NamedTuple):
    """What a peer's offer or answer says; one is made per message, hence no dataclass."""

    rtp: Address
    """Where the peer wants RTP; 0.0.0.0 for an old-style hold. Still to be permitted (S11)."""
    rtcp: Address
    payload_types: PayloadTypes
    """The numbers that the peer expects to receive."""
    direction: Direction
    """As the peer describes itself; an old-style hold reads as not receiving (EDGE D8)."""
    ptime: int | None
    """Milliseconds."""
    maxptime: int | None
    """Milliseconds."""
    origin: str
    """The value of `o=`: equal text means the same version of the same session."""
    lines: tuple[MediaLine, ...]
    audio: int
    """Index in `lines` of the audio line that is taken."""


def read(body: bytes) -> RemoteDescription:
    """Read an offer; raises SdpError and nothing else, for any bytes at all.

    The first usable audio line is taken (EDGE R38); when there is none, the fault of the first
    audio line is reported.
    """
    session, *media = body.decode("latin-1").replace("\r\n", "\n").strip("\n").split("\nm=")
    origin = _value(session, "\no=")
    if not session.startswith("v=0"):
        raise SdpError(400, None, "the session description does not begin with v=0")
    if origin is None:
        raise SdpError(400, None, "the session description has no o= line")
    if not media:
        raise SdpError(400, None, "the session description has no m= line")
    if "\nc=" not in session and not any("\nc=" in section for section in media):
        raise SdpError(400, None, "the session description has no c= line")
    lines = tuple([_media_line(section) for section in media])
    fault: SdpError | None = None
    for index, line in enumerate(lines):
        if line.kind == "audio":
            try:
                return _audio(session, media[index], origin, lines, index)
            except SdpError as error:
                fault = fault or error
    raise fault or SdpError(488, INCOMPATIBLE_FORMAT, "no audio is offered")


def read_answer(body: bytes, audio: int = 0) -> RemoteDescription:
    """Read the answer to an offer of ours; raises SdpError like `read`.

    `audio` is the index of our audio line.
    """
    description = read(body)
    if description.audio != audio:
        raise SdpError(488, INCOMPATIBLE_FORMAT, "the answer rejects our audio line")
    return description


def _value(section: str, mark: str) -> str | None:
    start = section.find(mark)
    if start < 0:
        return None
    end = section.find("\n", start + 1)
    return section[start + len(mark) : None if end < 0 else end].strip()


def _media_line(section: str) -> MediaLine:
    fields = section.partition("\n")[0].split()
    if len(fields) < 3:
        raise SdpError(400, None, "an m= line has fewer than three fields")
    kind, port, profile, *formats = fields
    # <port>/<number of ports>: layered encodings, of which the first pair serves (RFC 4566 §5.14).
    number = _number(port.partition("/")[0], HIGHEST_PORT)
    if number is None:
        raise SdpError(400, None, "an m= line has no port")
    return MediaLine(kind.lower(), number, profile, tuple(formats))


def _number(text: str, highest: int) -> int | None:
    if not text.isdecimal() or len(text) > 5:
        return None
    number = int(text)
    return number if number <= highest else None


def _audio(
    session: str, section: str, origin: str, lines: tuple[MediaLine, ...], index: int
) -> RemoteDescription:
    line = lines[index]
    if line.port == 0:
        raise SdpError(488, INCOMPATIBLE_FORMAT, "the audio line is rejected by port 0")
    if line.profile.upper() not in PLAIN_PROFILES:
        raise SdpError(488, INCOMPATIBLE_TRANSPORT, "the audio profile is not supported here")
    attributes = [text for text in section.split("\n") if text.startswith("a=")]
    connection = _value(section, "\nc=") or _value(session, "\nc=")
    if connection is None:
        raise SdpError(400, None, "the audio line has no c= line")
    host = _host(connection)
    return RemoteDescription(
        rtp=(host, line.port),
        rtcp=_rtcp(attributes, host, line.port),
        payload_types=_payload_types(line.formats, attributes),
        direction=_direction(session, attributes, on_hold=host == UNSPECIFIED),
        ptime=_milliseconds(attributes, "a=ptime:"),
        maxptime=_milliseconds(attributes, "a=maxptime:"),
        origin=origin,
        lines=lines,
        audio=index,
    )


def _host(connection: str) -> str:
    """Return the IPv4 address of `<nettype> <addrtype> <address>[/ttl]` (EDGE SD9, SD10)."""
    fields = connection.split()
    if len(fields) != 3:
        raise SdpError(400, None, "a c= line does not have three fields")
    network, kind, address = fields
    if network.upper() != "IN":
        raise SdpError(488, INCOMPATIBLE_NETWORK, "the network type is not IN")
    address = address.partition("/")[0]
    if _IPV4.fullmatch(address) is not None:
        return address
    mapped = _mapped_ipv4(address) if kind.upper() == "IP6" else None
    if mapped is None:
        raise SdpError(488, INCOMPATIBLE_ADDRESS, "media needs an IPv4 address")
    return mapped


def _mapped_ipv4(address: str) -> str | None:
    try:
        mapped = IPv6Address(address).ipv4_mapped
    except AddressValueError:
        return None
    return None if mapped is None else str(mapped)


def _rtcp(attributes: list[str], host: str, rtp_port: int) -> Address:
    """Return the RTCP address of RFC 3605, else the next port; an unreadable one is ignored."""
    for text in attributes:
        if text.startswith("a=rtcp:"):
            fields = text[7:].split()
            port = _number(fields[0], HIGHEST_PORT) if fields else None
            if port and len(fields) == 1:
                return host, port
            if port and len(fields) == 4 and _IPV4.fullmatch(fields[3]) is not None:
                return fields[3], port
    return host, min(rtp_port + 1, HIGHEST_PORT)


def _payload_types(formats: tuple[str, ...], attributes: list[str]) -> PayloadTypes:
    """Return the first PCMU and the first telephone-event at 8000 Hz of the line (EDGE SD3)."""
    encodings = {"0": "PCMU/8000"}
    for text in attributes:
        if text.startswith("a=rtpmap:"):
            number, _, encoding = text[9:].strip().partition(" ")
            encodings[number] = encoding.strip().upper().removesuffix("/1")
    pcmu = telephone_event = None
    for text in formats:
        encoding = encodings.get(text, "")
        if encoding == "PCMU/8000" and pcmu is None:
            pcmu = _number(text, 127)
        elif encoding == "TELEPHONE-EVENT/8000" and telephone_event is None:
            telephone_event = _number(text, 127)
    if pcmu is None:
        raise SdpError(488, INCOMPATIBLE_FORMAT, "PCMU is not offered")
    return PayloadTypes(pcmu, telephone_event)


def _direction(session: str, attributes: list[str], *, on_hold: bool) -> Direction:
    stated = [_DIRECTIONS[text.strip()] for text in attributes if text.strip() in _DIRECTIONS]
    if not stated:
        stated = [
            _DIRECTIONS[text.strip()]
            for text in session.split("\n")
            if text.startswith("a=") and text.strip() in _DIRECTIONS
        ]
    direction = stated[-1] if stated else Direction.SENDRECV
    # c=0.0.0.0: "neither RTP nor RTCP should be sent to the peer" (RFC 3264 §8.4).
    return direction.narrowed(Direction.SENDONLY) if on_hold else direction


def _milliseconds(attributes: list[str], mark: str) -> int | None:
    for text in attributes:
        if text.startswith(mark):
            # Some peers write 20.0; RFC 4566 §6 has whole numbers.
            return _number(text[len(mark) :].strip().partition(".")[0], HIGHEST_PORT)
    return None


class _Announced(NamedTuple):
    """What a refused offer gives way to."""

    current: bytes | None
    content: str
    expects: PayloadTypes
    direction: Direction
    telephone_event: int


class LocalDescription:
    """Our own side of one leg, through all offers and answers of its dialog.

    The version in `o=` grows with every change of content and only then (EDGE SD2), so the same
    question gets the same octets. A payload type keeps its number once it was announced
    (RFC 3264 §8.3.2).
    """

    __slots__ = (
        *("_address", "_before", "_content", "_lines", "_port", "_session_id"),
        *("_telephone_event", "_version", "audio", "current", "direction", "expects"),
    )

    def __init__(self, session_id: int, address: str, port: int) -> None:
        self._session_id = session_id
        self._address = address
        self._port = port
        self._version = 0
        self._content = ""
        self._lines: tuple[MediaLine, ...] = (MediaLine("audio", port, "RTP/AVP", ()),)
        """The lines of the last answer: a later offer keeps their number (RFC 3264 §8)."""
        self.audio = 0
        """Index of the audio line."""
        self._telephone_event = OUR_TELEPHONE_EVENT
        self.current: bytes | None = None
        """What we announced last, None before the first time."""
        self.direction = Direction.SENDRECV
        """Our direction in `current`."""
        self.expects = PayloadTypes(0, None)
        """The payload types of `current`: what may arrive on our port."""
        self._before = self._state

    def offer(
        self,
        telephone_event: bool = True,
        direction: Direction = Direction.SENDRECV,
        maxptime: int | None = None,
    ) -> bytes:
        """Return an offer of PCMU and, when asked for, telephone-event (EDGE SD4).

        `maxptime` is what the other leg's peer set, in milliseconds (EDGE SD6).
        """
        self._before = self._state
        self.direction = direction
        if self._telephone_event == self.expects.pcmu:
            self._telephone_event += 1
        types = PayloadTypes(self.expects.pcmu, self._telephone_event if telephone_event else None)
        return self._announce(self._sections(types, maxptime), types)

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
        self.current, self._content, self.expects, self.direction, event = self._before
        self._telephone_event = event
        return is_changed

    @property
    def _state(self) -> _Announced:
        return _Announced(
            self.current, self._content, self.expects, self.direction, self._telephone_event
        )

    def answer(
        self,
        remote: RemoteDescription,
        telephone_event: bool,
        direction: Direction,
        maxptime: int | None = None,
    ) -> bytes:
        """Return the answer to an offer: its lines, its payload types, one audio line taken.

        `direction` is our wish; what the offer rules out is taken from it (RFC 3264 §6.1).
        """
        offered = remote.payload_types
        types = PayloadTypes(offered.pcmu, offered.telephone_event if telephone_event else None)
        self._telephone_event = offered.telephone_event or self._telephone_event
        self.direction = direction.narrowed(remote.direction.reversed)
        self._lines, self.audio = remote.lines, remote.audio
        return self._announce(self._sections(types, maxptime), types)

    def _sections(self, types: PayloadTypes, maxptime: int | None) -> str:
        sections = [_rejected(line) for line in self._lines]
        sections[self.audio] = self._audio(types, maxptime, self._lines[self.audio].profile)
        return "".join(sections)

    def _audio(self, types: PayloadTypes, maxptime: int | None, profile: str) -> str:
        pcmu, event = types
        events = "" if event is None else f" {event}"
        text = f"m=audio {self._port} {profile} {pcmu}{events}\r\na=rtpmap:{pcmu} PCMU/8000\r\n"
        if event is not None:
            text += f"a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n"
        text += "a=ptime:20\r\n"
        if maxptime is not None:
            text += f"a=maxptime:{maxptime}\r\n"
        return text + f"a=rtcp:{self._port + 1}\r\na={self.direction.value}\r\n"

    def _announce(self, content: str, types: PayloadTypes) -> bytes:
        if self.current is not None and content == self._content:
            return self.current
        self._version += 1
        self._content = content
        self.expects = types
        self.current = (
            f"v=0\r\no=- {self._session_id} {self._version} IN IP4 {self._address}\r\ns=-\r\n"
            f"c=IN IP4 {self._address}\r\nt=0 0\r\n{content}"
        ).encode("latin-1")
        return self.current


def _rejected(line: MediaLine) -> str:
    return f"m={line.kind} 0 {line.profile} {' '.join(line.formats) or '0'}\r\n"
