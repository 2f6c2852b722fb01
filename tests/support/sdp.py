"""Session descriptions as ordinary peers write and read them."""

import re
from base64 import b64encode

from edge.flow import Address

AES_128 = "AES_CM_128_HMAC_SHA1_80"
AES_256 = "AES_256_CM_HMAC_SHA1_80"
SAVP = "RTP/SAVP"
_CONNECTION = re.compile(rb"^c=IN IP4 (\S+)", re.M)
_AUDIO = re.compile(rb"^m=audio (\d+) ", re.M)


def secret(fill: int = 1, octets: int = 30) -> str:
    """Return a key and salt of this octet as base64."""
    return b64encode(bytes([fill]) * octets).decode()


def crypto(tag: int | str = 1, suite: str = AES_128, fill: int = 1) -> str:
    """Return the value of an a=crypto line; its key consists of `fill` alone."""
    octets = 46 if "256" in suite else 38 if "192" in suite else 30
    return f"{tag} {suite} inline:{secret(fill, octets)}"


def audio(
    host: str = "192.0.2.7",
    port: int = 20_000,
    *,
    profile: str = "RTP/AVP",
    formats: str = "0 101",
    direction: str = "sendrecv",
    version: int = 1,
    crypto: tuple[str, ...] = (),
) -> bytes:
    """Return an offer or answer with PCMU, telephone-event and these values of a=crypto."""
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} {profile} {formats}",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        *[f"a=crypto:{line}" for line in crypto],
        f"a={direction}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n"


def rtp_of(sdp: bytes) -> Address:
    """Return where a description with one stream wants its RTP."""
    host, port = _CONNECTION.search(sdp), _AUDIO.search(sdp)
    assert host is not None and port is not None, sdp
    return host.group(1).decode(), int(port.group(1))
