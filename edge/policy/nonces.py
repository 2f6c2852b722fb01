"""Digest nonces: made without memory, checked on any node, each count used once (EDGE G3, G4).

A nonce is base64(time || node || HMAC-SHA256(day key, time || node || connector || source)). The
day key is derived from the deployment's master secret, so every node knows it and nothing rotates.
What a node remembers are the counts it has seen of nonces in use, for as long as these are valid;
when that memory is full, the oldest nonces are given up and count as expired.
"""

import base64
import binascii
import hmac
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from hashlib import sha256

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME_BYTES, _NODE_BYTES, _PROOF_BYTES = 8, 4, 32
_NONCE_BYTES = _TIME_BYTES + _NODE_BYTES + _PROOF_BYTES

WINDOW = 128
"""How far a nonce count may lag behind the highest one seen (EDGE G4)."""

NONCES_IN_USE = 20_000
"""Remembered nonces; at 60 authenticated calls per second that is the whole default lifetime."""


class NonceState(Enum):
    """What a presented nonce is."""

    FRESH = "fresh"
    STALE = "stale"
    """Ours once, but too old or given up."""
    FORGED = "forged"
    """Not made by us, or for another connector or source."""


class Nonces:
    """Issues and checks the nonces of one node."""

    def __init__(self, *, master_secret: bytes, node: str, lifetime_s: int) -> None:
        self._master_secret = master_secret
        self._node = sha256(node.encode()).digest()[:_NODE_BYTES]
        self._lifetime = timedelta(seconds=lifetime_s)
        self._day_keys: dict[date, bytes] = {}
        self._last_stamp = 0
        self._counts: dict[str, tuple[int, int]] = {}
        """Highest count and the bitmap of counts below it, by nonce in order of first use."""
        self._given_up_stamp = 0

    def issue(self, connector_id: str, source: str, utc: datetime) -> str:
        """Return a nonce that this node has never issued before."""
        stamp = max(self._last_stamp + 1, (utc - _EPOCH) // _MICROSECOND)
        self._last_stamp = stamp
        head = stamp.to_bytes(_TIME_BYTES, "big") + self._node
        proof = self._proof(head, connector_id, source, stamp)
        return base64.b64encode(head + proof).decode("ascii")

    def state(self, nonce: str, connector_id: str, source: str, utc: datetime) -> NonceState:
        """Tell whether a nonce is ours, for this connector and source, and not too old."""
        raw = _decoded(nonce)
        if raw is None:
            return NonceState.FORGED
        head, stamp = raw[: _TIME_BYTES + _NODE_BYTES], _stamp_of(raw)
        issued_at = _moment(stamp)
        # Two days' keys are accepted; the lifetime is far below a day.
        if issued_at is None or abs(utc.date() - issued_at.date()) > timedelta(days=1):
            return NonceState.FORGED
        if not hmac.compare_digest(
            raw[len(head) :], self._proof(head, connector_id, source, stamp)
        ):
            return NonceState.FORGED
        if utc - issued_at > self._lifetime or stamp <= self._given_up_stamp:
            return NonceState.STALE
        return NonceState.FRESH

    def use(self, nonce: str, count: int) -> bool:
        """Mark a count of a fresh nonce as used; False when it was used before or lags too far."""
        if count < 1:
            return False
        known = self._counts.get(nonce)
        if known is None:
            self._remember(nonce, count)
            return True
        highest, seen = known
        if count > highest:
            seen = ((seen << (count - highest)) | 1) if count - highest < WINDOW else 1
            self._counts[nonce] = (count, seen & ((1 << WINDOW) - 1))
            return True
        bit = 1 << (highest - count)
        if highest - count >= WINDOW or seen & bit:
            return False
        self._counts[nonce] = (highest, seen | bit)
        return True

    def __len__(self) -> int:
        return len(self._counts)

    def _remember(self, nonce: str, count: int) -> None:
        """Note a nonce's first use; give up what had expired when it was issued, or is too much."""
        self._counts[nonce] = (count, 1)
        expired = _stamp_of_text(nonce) - self._lifetime // _MICROSECOND
        while True:
            oldest = next(iter(self._counts))
            stamp = _stamp_of_text(oldest)
            if stamp >= expired and len(self._counts) <= NONCES_IN_USE:
                return
            del self._counts[oldest]
            self._given_up_stamp = max(self._given_up_stamp, stamp)

    def _proof(self, head: bytes, connector_id: str, source: str, stamp: int) -> bytes:
        issued_at = _moment(stamp) or _EPOCH
        text = head + f"{connector_id}\n{source}".encode()
        return hmac.digest(self._day_key(issued_at.date()), text, "sha256")

    def _day_key(self, day: date) -> bytes:
        key = self._day_keys.get(day)
        if key is None:
            key = _hkdf(self._master_secret, day.isoformat().encode())
            while len(self._day_keys) > 2:
                del self._day_keys[min(self._day_keys)]
            self._day_keys[day] = key
        return key


def _decoded(nonce: str) -> bytes | None:
    try:
        raw = base64.b64decode(nonce, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Only the canonical text counts, else one nonce would have several names.
    if len(raw) != _NONCE_BYTES or base64.b64encode(raw).decode("ascii") != nonce:
        return None
    return raw


def _stamp_of(raw: bytes) -> int:
    return int.from_bytes(raw[:_TIME_BYTES], "big")


def _stamp_of_text(nonce: str) -> int:
    """Return the stamp of a nonce that is known to be ours."""
    return _stamp_of(base64.b64decode(nonce))


def _moment(stamp: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=stamp)
    except OverflowError:
        return None


def _hkdf(secret: bytes, info: bytes) -> bytes:
    """Return 32 bytes by HKDF-SHA256 without salt (RFC 5869 §2)."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")
