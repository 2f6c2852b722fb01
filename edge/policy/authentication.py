"""Who a call comes from, proved by digest (EDGE G1-G8).

An unknown user costs the same computation as a wrong password and gets the same answer; whoever
guesses too often is locked without computing anything.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeAlias

from edge.policy.nonces import Nonces, NonceState
from edge.policy.reasons import Reason
from edge.sip.digest import (
    Algorithm,
    DigestChallenge,
    DigestCredentials,
    expected_response,
    parse_credentials,
)
from edge.sip.grammar import SipParseError
from edge.sip.message import Request
from edge.sip.uri import parse_uri
from model.connector import Connector, Credential
from model.settings import AdmissionSettings, DigestAlgorithms

FAILURE_WINDOW_S = 60.0
"""In this time the failures of EDGE G7 are counted."""

GUESSERS = 4_096
"""Remembered (source, connector, user) triples with failures; listed sources only get here."""


_BOTH = (Algorithm.SHA256, Algorithm.MD5)
_MD5_ALONE = (Algorithm.MD5,)


class Passed(NamedTuple):
    """The request proved a user of the connector."""

    username: str


class Unproven(NamedTuple):
    """The request must be challenged."""

    why: Reason
    """For the log; the challenge itself does not tell (EDGE S7)."""

    @property
    def stale(self) -> bool:
        """Tell whether the password was right and only the nonce not fresh any more."""
        return self.why is Reason.STALE_NONCE


class Locked(NamedTuple):
    """Too many failures of this source and user (EDGE G7)."""


Proof: TypeAlias = Passed | Unproven | Locked


class _Guesser:
    __slots__ = ("failures", "locked_until", "since")

    def __init__(self, now: float) -> None:
        self.failures = 0
        self.since = now
        self.locked_until = now


class Authentication:
    """Challenges and checks credentials."""

    def __init__(self, settings: AdmissionSettings, nonces: Nonces) -> None:
        self._settings = settings
        self._nonces = nonces
        self._guessers: dict[tuple[str, str, str], _Guesser] = {}
        self._md5_only = frozenset(settings.md5_only_connectors)

    def challenges(
        self, connector: Connector, realm: str, source: str, stale: bool, utc: datetime
    ) -> list[str]:
        """Return the *-Authenticate values of a challenge, strongest first (EDGE G2)."""
        nonce = self._nonces.issue(connector.connector_id, source, utc)
        return [
            str(DigestChallenge(realm, nonce, algorithm, stale=stale))
            for algorithm in self._algorithms_of(connector)
        ]

    def check(
        self,
        request: Request,
        connector: Connector,
        realm: str,
        source: str,
        now: float,
        utc: datetime,
    ) -> Proof:
        """Judge a request's credentials; `realm` is the connector host."""
        credentials = self._credentials(request, connector, realm)
        if credentials is None:
            given = any(_values(request))
            return Unproven(Reason.OTHER_CREDENTIALS if given else Reason.NO_CREDENTIALS)
        who = (source, connector.connector_id, credentials.username[:64])
        guesser = self._guessers.get(who)
        if guesser is not None and now < guesser.locked_until:
            return Locked()
        state = self._nonces.state(credentials.nonce, connector.connector_id, source, utc)
        if state is NonceState.FORGED:
            # Nothing to guess, so no failure: who cannot hear the challenges locks nobody out.
            return Unproven(Reason.FOREIGN_NONCE)
        if not self._is_right(request, connector, credentials):
            self._count_failure(who, now)
            return Unproven(Reason.WRONG_PASSWORD)
        if not _is_for(request, credentials):
            return Unproven(Reason.OTHER_URI)
        count = 1 if credentials.qop is None else credentials.nc
        if state is NonceState.STALE or not self._nonces.use(credentials.nonce, count):
            return Unproven(Reason.STALE_NONCE)
        self._guessers.pop(who, None)
        return Passed(credentials.username)

    def __len__(self) -> int:
        """Return how many guessers are remembered."""
        return len(self._guessers)

    def _algorithms_of(self, connector: Connector) -> tuple[Algorithm, ...]:
        """Return what a connector is challenged with, strongest first (EDGE G2)."""
        both = self._settings.digest_algorithms is DigestAlgorithms.SHA256_AND_MD5
        return _BOTH if both and connector.connector_id not in self._md5_only else _MD5_ALONE

    def _credentials(
        self, request: Request, connector: Connector, realm: str
    ) -> DigestCredentials | None:
        """Return the credentials for this realm in a form we asked for (EDGE G5)."""
        for value in _values(request):
            try:
                credentials = parse_credentials(value)
            except SipParseError:
                continue
            algorithm = Algorithm.named(credentials.algorithm)
            asked = algorithm in self._algorithms_of(connector)
            if credentials.realm == realm and asked and self._is_form_taken(credentials):
                return credentials
        return None

    def _is_form_taken(self, credentials: DigestCredentials) -> bool:
        legacy = credentials.qop is None and self._settings.allow_legacy_digest
        return credentials.qop == "auth" or legacy

    def _is_right(
        self, request: Request, connector: Connector, credentials: DigestCredentials
    ) -> bool:
        algorithm = Algorithm.named(credentials.algorithm) or Algorithm.MD5
        user, known = _stored(connector, credentials.username)
        secret = user.ha1_md5 if algorithm is Algorithm.MD5 else user.ha1_sha256
        wanted = expected_response(algorithm, secret, request.method, credentials)
        given = credentials.response.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(wanted.encode(), given) and known

    def _count_failure(self, who: tuple[str, str, str], now: float) -> None:
        guesser = self._guessers.pop(who, None)
        if guesser is None or now - guesser.since > FAILURE_WINDOW_S:
            guesser = _Guesser(now)
        guesser.failures += 1
        if guesser.failures >= self._settings.digest_failures:
            guesser.locked_until = now + self._settings.digest_lock_s
        self._guessers[who] = guesser
        if len(self._guessers) > GUESSERS:
            del self._guessers[next(iter(self._guessers))]


def _values(request: Request) -> Iterable[str]:
    """Both headers are read: a client answers the one that its challenge came in."""
    yield from request.headers.get("proxy-authorization", ())
    yield from request.headers.get("authorization", ())


def _stored(connector: Connector, username: str) -> tuple[Credential, bool]:
    """Return the user's hashes, or another user's so that the same work is done (EDGE S7)."""
    found, known = connector.credentials[0], False
    for credential in connector.credentials:
        if credential.username == username:
            found, known = credential, True
    return found, known


def _is_for(request: Request, credentials: DigestCredentials) -> bool:
    """Tell whether the credentials were made for this Request-URI (EDGE G5)."""
    if credentials.uri == request.uri:
        return True
    try:
        return parse_uri(credentials.uri).equals(parse_uri(request.uri))
    except SipParseError:
        return False
