"""Session descriptions as ordinary peers write them."""


def audio(
    host: str = "192.0.2.7",
    port: int = 20_000,
    *,
    profile: str = "RTP/AVP",
    formats: str = "0 101",
    direction: str = "sendrecv",
    version: int = 1,
) -> bytes:
    """Return an offer or answer with PCMU and telephone-event."""
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
        f"a={direction}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n"
