"""What people may see of messages: everything but secrets, and every length is true (EDGE S14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.masked import masked

MASKED = [
    (b'Authorization: Digest username="u", response="abc", uri="sip:x"', [b"abc"]),
    (
        b'proxy-authorization : digest nonce="n1",\r\n cnonce="c1", response=abc',
        [b"n1", b"c1", b"abc"],
    ),
    (b'Authentication-Info: rspauth="abc", nextnonce="n2"', [b"abc", b"n2"]),
    (b"Authorization: Bearer eyJhbGciOi.J9", [b"eyJhbGciOi.J9"]),
    (b"Proxy-Authorization: Basic dXNlcjpwYXNz", [b"dXNlcjpwYXNz"]),
    (
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZi|2^20|1:4;inline:c2Vjb25k",
        [b"d0RmdmcmVCspeEc3QGZi", b"c2Vjb25k"],
    ),
    (b"A=CRYPTO:2 AES_256_CM_HMAC_SHA1_80 INLINE:c2VjcmV0 FEC_ORDER=SRTP_FEC", [b"c2VjcmV0"]),
    (b"k=base64:c2VjcmV0", [b"c2VjcmV0"]),
    (b"INVITE sip:+1@b;X-chime-join-token=t0k3n;x=1 SIP/2.0", [b"t0k3n"]),
    (b"X-Chime-Join-Token: t0k3n", [b"t0k3n"]),
]


@pytest.mark.parametrize(("line", "secrets"), MASKED, ids=[it[0].decode()[:40] for it in MASKED])
def test_a_secret_is_overwritten_and_nothing_else(line: bytes, secrets: list[bytes]) -> None:
    message = b"INVITE sip:a@b SIP/2.0\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n"
    seen = masked(message)
    assert len(seen) == len(message)
    for secret in secrets:
        assert secret not in seen
    pairs = enumerate(zip(message, seen, strict=True))
    covered = {position for position, (was, now) in pairs if was != now}
    allowed: set[int] = set()
    for secret in secrets:
        start = message.index(secret)
        allowed |= set(range(start, start + len(secret)))
    assert covered == allowed


def test_what_is_no_secret_stays() -> None:
    message = (
        b"INVITE sip:+13125550142@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n"
        b"k: timer\r\nSubject: Authorization, inline and nonce\r\n\r\nv=0\r\nk=prompt\r\n"
    )
    assert masked(message) == message


@given(st.binary(max_size=400))
def test_any_bytes_keep_their_length(message: bytes) -> None:
    assert len(masked(message)) == len(message)


def test_a_hostile_message_takes_no_time_to_speak_of() -> None:
    """R24 bounds a message; nothing here looks at an octet more than a few times."""
    for hostile in (
        b"Authorization: " * 2_000,
        b"inline:" * 4_000,
        b'nonce="' * 4_000,
        b" " * 32_000,
    ):
        assert len(masked(hostile)) == len(hostile)
