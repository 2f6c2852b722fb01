"""A group of connectors: calls to its numbers are tried on one after the other (API VG1-VG5)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Distribution(Enum):
    """How a group's calls are shared among its connectors (API VG1)."""

    PRIORITY_WEIGHTED = "priority-weighted"
    LOAD_BALANCED = "load-balanced"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """One connector of a group."""

    connector_id: str
    priority: int
    """1..99, the lowest number is tried first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorGroup:
    """One group with its connectors."""

    group_id: str
    """UUID; a later group's sorts after an earlier one's."""
    name: str
    members: tuple[GroupMember, ...]
    """In the client's order; each connector once."""
    distribution: Distribution
    created_at: datetime
    updated_at: datetime
    associated_numbers: int = 0
    """How many numbers point at it; they keep it from being deleted (API VG4)."""
