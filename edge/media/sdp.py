"""Session descriptions: what a peer announces (RFC 4566, 3264); local_sdp.py has our own side.

Reading is liberal and lazy: sections are cut at their `m=` lines and only the audio line that is
taken is looked into (a call does about four of these operations). Text is Latin-1 both ways, so
that what is repeated in an answer leaves with the very octets it came with.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from edge.flow import Address
from edge.media.sdes import CryptoLine, usable_lines
from edge.media.session import Direction, PayloadTypes
from edge.media.terms import PLAIN, Codec, Encryption, EncryptionFault, Terms

INCOMPATIBLE_NETWORK = 300
INCOMPATIBLE_ADDRESS = 301
INCOMPATIBLE_TRANSPORT = 302
INCOMPATIBLE_FORMAT = 305
NOT_UNDERSTOOD = 306
"""Warn codes of RFC 3261 §20.43."""

PLAIN_PROFILES = frozenset({"RTP/AVP", "RTP/AVPF"})
"""Profiles without encryption; answered as they are (EDGE SD8)."""
PLAIN_PROFILE = "RTP/AVP"
ENCRYPTED_PROFILE = "RTP/SAVP"
HIGHEST_PORT = 65535
UNSPECIFIED = "0.0.0.0"

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_DIRECTIONS = {f"a={direction.value}": direction for direction in Direction}
_CODECS = {codec.value: codec for codec in Codec}
_STATIC_TYPES = {"0": Codec.PCMU.value, "9": Codec.G722.value}
"""Payload types that need no rtpmap (RFC 3551 §6)."""


class SdpError(Exception):
    """A description that cannot be used: the SIP status and Warning code to answer with.

    400 means broken grammar; 488 means well understood and not acceptable.
    """

    def __init__(
        self, status: int, warning: int | None, detail: str, fault: EncryptionFault | None = None
    ) -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.warning = warning
        self.detail = detail
        self.fault = fault
        """What is wrong with the encryption, if that is at fault."""

    @classmethod
    def of(cls, fault: EncryptionFault) -> "SdpError":
        """Return the error of a description whose encryption does not fit (EDGE R12, R13, K15)."""
        is_about_keys = fault is EncryptionFault.NO_KEYS
        warning = NOT_UNDERSTOOD if is_about_keys else INCOMPATIBLE_TRANSPORT
        return cls(488, warning, fault.value, fault)


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
    codecs: tuple[Codec, ...]
    """Of these numbers, in the peer's order of preference."""
    crypto: tuple[CryptoLine, ...]
    """The keys that can be used, in the peer's order; none of a plain description."""
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


def read(body: bytes, terms: Terms = PLAIN) -> RemoteDescription:
    """Read an offer; raises SdpError and nothing else, for any bytes at all.

    The first audio line is taken that is usable under the terms (EDGE R38); when there is none,
    the fault of the first one is reported.
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
    # Not the exception itself: its traceback holds this very frame, and nothing would free the two.
    fault: tuple[int, int | None, str, EncryptionFault | None] | None = None
    for index, line in enumerate(lines):
        if line.kind == "audio":
            try:
                return _audio(session, media[index], origin, lines, index, terms)
            except SdpError as error:
                fault = fault or (error.status, error.warning, error.detail, error.fault)
    raise SdpError(*(fault or (488, INCOMPATIBLE_FORMAT, "no audio is offered")))


def read_answer(body: bytes, audio: int = 0, terms: Terms = PLAIN) -> RemoteDescription:
    """Read the answer to an offer of ours; raises SdpError like `read`.

    `audio` is the index of our audio line, `terms` are what it offered.
    """
    description = read(body, terms)
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
    session: str,
    section: str,
    origin: str,
    lines: tuple[MediaLine, ...],
    index: int,
    terms: Terms,
) -> RemoteDescription:
    line = lines[index]
    if line.port == 0:
        raise SdpError(488, INCOMPATIBLE_FORMAT, "the audio line is rejected by port 0")
    attributes = [text for text in section.split("\n") if text.startswith("a=")]
    crypto = _crypto(line.profile.upper(), attributes, terms)
    connection = _value(section, "\nc=") or _value(session, "\nc=")
    if connection is None:
        raise SdpError(400, None, "the audio line has no c= line")
    host = _host(connection)
    types, codecs = _payload_types(line.formats, attributes, terms.codecs)
    return RemoteDescription(
        rtp=(host, line.port),
        rtcp=_rtcp(attributes, host, line.port),
        payload_types=types,
        codecs=codecs,
        crypto=crypto,
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


def _crypto(profile: str, attributes: list[str], terms: Terms) -> tuple[CryptoLine, ...]:
    """Return the keys that count; raises SdpError for what the terms exclude."""
    encryption = terms.encryption
    if profile == ENCRYPTED_PROFILE:
        if encryption is Encryption.NEVER:
            raise SdpError.of(EncryptionFault.IN_CLEAR)
        lines = usable_lines(attributes, terms.suites)
        if not lines:
            raise SdpError.of(EncryptionFault.NO_KEYS)
        return lines
    if profile not in PLAIN_PROFILES:
        raise SdpError(488, INCOMPATIBLE_TRANSPORT, "the audio profile is not supported here")
    if encryption is Encryption.REQUIRED:
        raise SdpError.of(EncryptionFault.MISSING)
    if encryption is Encryption.BEST_EFFORT:
        return usable_lines(attributes, terms.suites)
    return ()


def _payload_types(
    formats: tuple[str, ...], attributes: list[str], wanted: frozenset[Codec]
) -> tuple[PayloadTypes, tuple[Codec, ...]]:
    """Return the first number of each wanted codec and of telephone-event at 8000 Hz (EDGE SD3)."""
    encodings = dict(_STATIC_TYPES)
    for text in attributes:
        if text.startswith("a=rtpmap:"):
            kind, _, encoding = text[9:].strip().partition(" ")
            encodings[kind] = encoding.strip().upper().removesuffix("/1")
    audio: dict[Codec, int] = {}
    telephone_event = None
    for text in formats:
        encoding = encodings.get(text, "")
        codec = _CODECS.get(encoding)
        if codec in wanted and codec not in audio:
            number = _number(text, 127)
            if number is not None:
                audio[codec] = number
        elif encoding == "TELEPHONE-EVENT/8000" and telephone_event is None:
            telephone_event = _number(text, 127)
    if not audio:
        names = " or ".join([codec.name for codec in Codec if codec in wanted])
        raise SdpError(488, INCOMPATIBLE_FORMAT, f"{names} is not offered")
    types = PayloadTypes(audio.get(Codec.PCMU), telephone_event, audio.get(Codec.G722))
    return types, tuple(audio)


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
