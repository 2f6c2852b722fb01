"""Where requests come from, and how much strangers may cost (EDGE S1-S3, I5)."""

from typing import NamedTuple

from edge.config import Snapshot
from edge.flow import Address
from edge.ids import Ids
from edge.policy.rate import RateLimiter, RateSketch
from model.settings import AdmissionSettings, Carrier

_KNOWN_ADDRESSES = 4_096
"""Sources whose class is remembered; the configured ones of one node, with room."""

STRANGER_RATES = {b"INVITE": (50.0, 100.0), b"OPTIONS": (10.0, 10.0)}
"""Requests per second and burst of one unknown source (EDGE S3)."""
OTHER_STRANGER_RATE = (20.0, 20.0)

_NEVER_COUNTED = frozenset({b"ACK", b"CANCEL", b"BYE", b"SIP/2.0"})
"""What belongs to a call or is dropped when it does not; counting it would hurt calls (S3)."""

_ERRORS = (2.0 / 60.0, 2.0)
"""Bad requests that a stranger's stream survives, per second and at once: the third ends it."""

_LONGEST_METHOD = 16

_LISTED_INVITES_PER_S = 100.0
"""Least allowance of a listed source, however small its connectors' CpsLimit (EDGE S3)."""

_CALLS_PER_S = 4_000.0
"""Messages of the kind that belongs to calls, from addresses that no call is with, which a node
reads in a second: peers that answer from another address are few (EDGE S10)."""


class Source(NamedTuple):
    """Who sent a request."""

    address: str
    carrier: Carrier | None
    connector_ids: frozenset[str]
    """Connectors whose allow list holds the address."""
    nearer_ids: frozenset[str] = frozenset()
    """Those that name it more exactly than the carrier's sources do (EDGE I5)."""
    listed_per_s: float = 0.0
    """INVITEs that it may send as a PBX before it is refused (EDGE S3)."""

    @property
    def is_known(self) -> bool:
        """Tell whether an operator or customer has named this source."""
        return self.carrier is not None or bool(self.connector_ids)


class Sources:
    """Classifies addresses by one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[Address, Source] = {}
        self._strangers: dict[Address, Source] = {}

    def of(self, remote: Address) -> Source:
        """Return the class of an address; a few strangers are remembered apart, so that a flood of
        theirs costs a look into a table and drives no customer out of it."""
        source = self._known.get(remote) or self._strangers.get(remote)
        if source is None:
            source = self._classified(remote)
            remembered = self._known if source.is_known else self._strangers
            if len(remembered) >= _KNOWN_ADDRESSES:
                remembered.clear()
            remembered[remote] = source
        return source

    def _classified(self, remote: Address) -> Source:
        host, listed = remote[0], self._snapshot.sources
        carrier, bits = self._snapshot.carrier_of(*remote)
        ids = listed.labels(host)
        nearer = listed.labels(host, longer_than=bits) if ids and carrier is not None else ids
        return Source(host, carrier, ids, nearer, self._allowance(ids))

    def _allowance(self, ids: frozenset[str]) -> float:
        """Return what a PBX may send; it may be listed by many connectors, so this is kept."""
        limits = [self._snapshot.connectors[name].termination for name in ids]
        return max(_LISTED_INVITES_PER_S, 4.0 * sum([it.cps_limit for it in limits if it]))


class StrangerLimits:
    """What unknown sources may cost, in fixed memory."""

    def __init__(self, settings: AdmissionSettings, ids: Ids) -> None:
        self._settings = settings
        self._requests = RateSketch(ids.nonce())
        self._refusals = RateSketch(ids.nonce())
        self._node = RateLimiter(3)
        self._errors = RateLimiter()

    def may_be_parsed(self, data: bytes, address: str, now: float) -> bool:
        """Tell whether a stranger's datagram is worth reading; looks at its first word only."""
        method = bytes(data[:_LONGEST_METHOD]).partition(b" ")[0]
        if method in _NEVER_COUNTED:
            return self._node.take("calls", _CALLS_PER_S, _CALLS_PER_S, now)
        rate, burst = STRANGER_RATES.get(method, OTHER_STRANGER_RATE)
        kind = method.decode("ascii") if method in STRANGER_RATES else "other"
        per_node = float(self._settings.unknown_requests_per_node)
        return self._requests.take(f"{kind} {address}", rate, burst, now) and self._node.take(
            "requests", per_node, per_node, now
        )

    def may_err_again(self, address: str, now: float) -> bool:
        """Tell whether a stranger's stream stays open after a bad request (EDGE S2)."""
        return self._errors.take(address, *_ERRORS, now)

    def may_be_refused(self, address: str, now: float) -> bool:
        """Tell whether a stranger that names a connector gets its 403 (EDGE R7, S2)."""
        per_source = float(self._settings.unknown_refusals_per_source)
        per_node = float(self._settings.unknown_refusals_per_node)
        return self._refusals.take(address, per_source, per_source, now) and self._node.take(
            "refusals", per_node, per_node, now
        )
