"""Identifiers that the management plane makes: injected, so that a test run is replayable."""

import secrets
import string
import time
import uuid
from typing import Protocol

LONGEST_ID = 36
"""Characters of a UUID, the longest form of an id (API VC1); DynamoDB refuses keys over 1 KB."""

_CONNECTOR_ALPHABET = string.ascii_lowercase + string.digits
_CONNECTOR_LENGTH = 22


class Ids(Protocol):
    """Where new identifiers come from."""

    def connector_id(self) -> str:
        """Return 22 lower-case alphanumerics (API VC1)."""
        ...

    def order_id(self) -> str:
        """Return a UUID; a later one sorts after an earlier one."""
        ...

    def group_id(self) -> str:
        """Return a UUID like `order_id` (API VG1)."""
        ...

    def request_id(self) -> str:
        """Return a UUID for x-amzn-RequestId (API W7)."""
        ...


class SystemIds:
    """Identifiers from the system's random source."""

    def connector_id(self) -> str:
        """Return 22 lower-case alphanumerics (API VC1), 113 bits of chance."""
        return "".join(secrets.choice(_CONNECTOR_ALPHABET) for _ in range(_CONNECTOR_LENGTH))

    def order_id(self) -> str:
        """Return a UUID of version 7 (RFC 9562 §5.7): orders list by creation time, unsorted."""
        return _sortable_uuid()

    def group_id(self) -> str:
        """Return a UUID of version 7, for the same reason."""
        return _sortable_uuid()

    def request_id(self) -> str:
        """Return a UUID of version 4."""
        return str(uuid.uuid4())


def _sortable_uuid() -> str:
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return str(uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62)))
