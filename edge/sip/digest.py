"""Digest authentication: credentials, challenges, responses (RFC 3261 §22, RFC 7616, RFC 8760).

Algorithms MD5 and SHA-256 with qop "auth"; the form without qop (RFC 2069) is computed for servers
that still ask so, and never accepted by us. HA1 = H(user:realm:password) is what is stored.
"""

import hashlib
import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from edge.sip.grammar import SipParseError, unquote


class Algorithm(Enum):
    """Hash of a challenge, spelled as in RFC 7616 §3.7."""

    SHA256 = "SHA-256"
    MD5 = "MD5"

    @classmethod
    def named(cls, text: str | None) -> "Algorithm | None":
        """Return the algorithm of a name in any case, None when it is not ours; no name is MD5."""
        return _BY_NAME.get("md5" if text is None else text.lower())

    def hash(self, text: str) -> str:
        """Return the hash of a text in lower-case hex."""
        data = text.encode("utf-8", "surrogateescape")
        if self is Algorithm.MD5:
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
        return hashlib.sha256(data).hexdigest()


_BY_NAME = {algorithm.value.lower(): algorithm for algorithm in Algorithm}

# auth-param = token EQUAL ( token / quoted-string ); nc and the like are tokens.
_PARAMETER = re.compile(
    r"[ \t,]*([-.!%*_+`'~0-9A-Za-z]+)[ \t]*=[ \t]*"
    r'("(?:[^"\\]|\\.)*"|[^ \t,"]+)[ \t]*(?:,|$)',
    re.S,
)
_SCHEME = re.compile(r"[ \t]*digest[ \t]+", re.I)
_NC = re.compile(r"[0-9a-fA-F]{8}")


class DigestCredentials(NamedTuple):
    """What a client proves itself with."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str | None
    """As named by the client; None means MD5 (RFC 7616 §3.4)."""
    qop: str | None
    nc: int
    """0 when the client sent none."""
    cnonce: str


class DigestChallenge(NamedTuple):
    """What a server asks for."""

    realm: str
    nonce: str
    algorithm: Algorithm
    qop: str | None = "auth"
    """None when the server offers none (RFC 2069)."""
    opaque: str | None = None
    stale: bool = False

    def __str__(self) -> str:
        text = (
            f"Digest realm={_quoted(self.realm)}, nonce={_quoted(self.nonce)}, "
            f"algorithm={self.algorithm.value}"
        )
        if self.qop is not None:
            text += f", qop={_quoted(self.qop)}"
        if self.opaque is not None:
            text += f", opaque={_quoted(self.opaque)}"
        return text + ", stale=true" if self.stale else text


def parse_credentials(value: str) -> DigestCredentials:
    """Return an Authorization or Proxy-Authorization value; raises SipParseError."""
    found = _digest_parameters(value, "Proxy-Authorization")
    try:
        return DigestCredentials(
            username=found["username"],
            realm=found["realm"],
            nonce=found["nonce"],
            uri=found["uri"],
            response=found["response"],
            algorithm=found.get("algorithm"),
            qop=found.get("qop"),
            nc=_nonce_count(found.get("nc")),
            cnonce=found.get("cnonce", ""),
        )
    except KeyError as error:
        raise SipParseError("Proxy-Authorization", f"{error.args[0]} is missing") from error


def parse_challenge(value: str) -> DigestChallenge | None:
    """Return a challenge that can be answered, None for an unknown algorithm or qop.

    Raises SipParseError when it is no digest challenge at all.
    """
    found = _digest_parameters(value, "Proxy-Authenticate")
    algorithm = Algorithm.named(found.get("algorithm"))
    if "realm" not in found or "nonce" not in found:
        raise SipParseError("Proxy-Authenticate", "realm or nonce is missing")
    offered = [option.strip().lower() for option in found.get("qop", "").split(",")]
    if algorithm is None or ("qop" in found and "auth" not in offered):
        return None
    return DigestChallenge(
        realm=found["realm"],
        nonce=found["nonce"],
        algorithm=algorithm,
        qop="auth" if "qop" in found else None,
        opaque=found.get("opaque"),
        stale=found.get("stale", "").lower() == "true",
    )


def ha1(algorithm: Algorithm, username: str, realm: str, password: str) -> str:
    """Return H(user:realm:password), the form in which a password is stored (A5)."""
    return algorithm.hash(f"{username}:{realm}:{password}")


def expected_response(
    algorithm: Algorithm, secret: str, method: str, credentials: DigestCredentials
) -> str:
    """Return the response that proves `secret`, an HA1, in lower-case hex (RFC 7616 §3.4.1)."""
    ha2 = algorithm.hash(f"{method}:{credentials.uri}")
    if credentials.qop is None:
        return algorithm.hash(f"{secret}:{credentials.nonce}:{ha2}")
    count = f"{credentials.nc:08x}"
    return algorithm.hash(
        f"{secret}:{credentials.nonce}:{count}:{credentials.cnonce}:{credentials.qop}:{ha2}"
    )


def answer_challenge(
    values: Iterable[str],
    *,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str,
    nc: int = 1,
) -> str | None:
    """Return the Authorization value for the first challenge that can be answered (RFC 8760 §2.4).

    `values` are the *-Authenticate values in their order; None when none of them fits.
    """
    for value in values:
        try:
            challenge = parse_challenge(value)
        except SipParseError:
            continue
        if challenge is not None:
            return _answer(challenge, username, password, method, uri, cnonce, nc)
    return None


def _answer(
    challenge: DigestChallenge,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str,
    nc: int,
) -> str:
    secret = ha1(challenge.algorithm, username, challenge.realm, password)
    shown = DigestCredentials(
        username=username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm.value,
        qop=challenge.qop,
        nc=nc,
        cnonce=cnonce,
    )
    response = expected_response(challenge.algorithm, secret, method, shown)
    text = (
        f"Digest username={_quoted(username)}, realm={_quoted(shown.realm)}, "
        f"nonce={_quoted(shown.nonce)}, uri={_quoted(uri)}, response={_quoted(response)}, "
        f"algorithm={shown.algorithm}"
    )
    if challenge.qop is not None:
        text += f", qop={challenge.qop}, nc={nc:08x}, cnonce={_quoted(cnonce)}"
    if challenge.opaque is not None:
        text += f", opaque={_quoted(challenge.opaque)}"
    return text


def _digest_parameters(value: str, element: str) -> dict[str, str]:
    scheme = _SCHEME.match(value)
    if scheme is None:
        raise SipParseError(element, "its scheme is not Digest")
    found: dict[str, str] = {}
    position = scheme.end()
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            raise SipParseError(element, "a parameter is malformed")
        name, text = match.group(1).lower(), match.group(2)
        if name in found:
            raise SipParseError(element, f"{name} stands more than once")
        found[name] = unquote(text) if text.startswith('"') else text
        position = match.end()
    return found


def _nonce_count(text: str | None) -> int:
    # nc-value = 8LHEX; upper-case digits are read too.
    if text is None:
        return 0
    if _NC.fullmatch(text) is None:
        raise SipParseError("Proxy-Authorization", "nc is not eight hex digits")
    return int(text, 16)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
