"""An edge node as it shows itself to the management plane, and as it holds its lease (EDGE C9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

RENEWED_EVERY_S = 10.0
"""How often a node renews what it says of itself (EDGE C9)."""
LIVE_FOR = timedelta(seconds=30)
"""A node that was silent for longer counts as gone: two renewals may get lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierState:
    """A carrier as one node sees it."""

    name: str
    host: str
    port: int
    priority: int
    weight: int
    out_until: datetime | None
    """UTC end of its time on the blacklist (EDGE F9); None or past means that it is healthy."""
    registration: str | None = None
    """How it stands with the node's registration there; None where none is wanted (EDGE F13)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsState:
    """How it stands with SIP over TLS on a node."""

    is_open: bool
    """Whether connections are taken; without a certificate there is no port."""
    ends_at: datetime | None = None
    """UTC end of the first certificate in use to end."""
    covers_hosts: bool = False
    """Whether the certificate that is shown is good for every connector's host (EDGE W8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """One node at the moment of its last renewal."""

    node_id: str
    """Made anew by each start of a node."""
    sip_address: str
    """Public address and port, host:port."""
    started_at: datetime
    renewed_at: datetime
    """The lease: UTC by the clock that the node's records have their times from (EDGE C6), so that
    a call that is closed at it is never billed for longer than it was up, whatever is done to the
    clock of the machine."""
    active_calls: int
    draining: bool
    carriers: tuple[CarrierState, ...]
    """In the order of the settings."""
    connector_calls: Mapping[str, int] = field(default_factory=dict)
    """Calls by connector; empty where their number is not limited (EDGE R16)."""
    longest_recording_s: int | None = None
    """Of a call, for debugging; None where the operator allows none."""
    task: str | None = None
    """Who can be asked whether the node still runs: the ARN of its ECS task, or the name of a
    process (model/node_task.py); None when it could not find out."""
    shown_at: datetime | None = None
    """UTC by the clock of the machine, for those who compare it with theirs."""
    tls: TlsState | None = None
    """None of a node that does not tell."""

    def is_live(self, now: datetime) -> bool:
        """Tell whether the node has shown itself lately."""
        return now - (self.shown_at or self.renewed_at) <= LIVE_FOR
