"""SIP messages as people may see them: nothing in them lets anybody call or listen (EDGE S14).

What is secret is overwritten octet by octet, so that every length in a message stays true.
"""

import re

_SECRETS = (
    # Digest (RFC 7616 §3.4); that of a challenge is covered as well, which does no harm.
    re.compile(
        rb'(?i)\b(?:response|rspauth|c?nonce|nextnonce)[ \t]*=[ \t]*(?:"([^"\r\n]*)"|([^\s",]+))'
    ),
    # Any other scheme is one secret.
    re.compile(rb"(?im)^(?:proxy-)?authorization[ \t]*:[ \t]*(?!digest\b)[^\s]+[ \t]+([^\r\n]+)"),
    # SDES (RFC 4568 §9.1) and its predecessor (RFC 4566 §5.12).
    re.compile(rb"(?i)\binline:([^\s|;]+)"),
    re.compile(rb"(?im)^k=[a-z0-9]+:([^\r\n]+)"),
    # EDGE M2
    re.compile(rb"(?i)x-chime-join-token[ \t]*[=:][ \t]*([^\s;>?&\"]+)"),
)


def masked(message: bytes) -> bytes:
    """Return a message without what is secret in it."""
    for secret in _SECRETS:
        message = secret.sub(_overwritten, message)
    return message


def _overwritten(found: re.Match[bytes]) -> bytes:
    assert found.lastindex is not None, "every expression has a group that takes part"
    start, end = found.span(found.lastindex)
    whole, offset = found.group(), found.start()
    return whole[: start - offset] + b"*" * (end - start) + whole[end - offset :]
