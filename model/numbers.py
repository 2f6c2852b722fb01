"""Phone numbers: E.164 form, validity, country, kind; backed by libphonenumber's tables."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

_E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)

CALLER_ID_REGIONS = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})
"""Regions that count as the United States for a caller id (EDGE O2)."""

WORLD_REGION = "001"
"""libphonenumber's region of non-geographic codes such as +800 and +882 (EDGE R6)."""


class NumberKind(Enum):
    """What a number costs and does, as far as toll fraud rules care (EDGE S6)."""

    ORDINARY = "ordinary"
    TOLL_FREE = "toll-free"
    PREMIUM = "premium"
    SHARED_COST = "shared-cost"
    UNIVERSAL_ACCESS = "universal-access"


_KINDS = {
    PhoneNumberType.TOLL_FREE: NumberKind.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE: NumberKind.PREMIUM,
    PhoneNumberType.SHARED_COST: NumberKind.SHARED_COST,
    PhoneNumberType.UAN: NumberKind.UNIVERSAL_ACCESS,
}


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What the numbering plan says of one valid E.164 number."""

    e164: str
    region: str
    """ISO alpha-2 code, or `001` for a non-geographic number."""
    kind: NumberKind
    calling_code: str
    """Country calling code, digits alone."""


def is_e164(text: str) -> bool:
    """Tell whether `text` has the form +<country code><number>, at most 15 digits."""
    return _E164.fullmatch(text) is not None


@lru_cache(maxsize=50_000)
def facts_of(e164: str) -> NumberFacts | None:
    """Return what is known of a number, None when it is malformed or no valid number (EDGE O1).

    The form is checked first: libphonenumber alone would read letters as digits (EDGE S6).
    """
    if not is_e164(e164):
        return None
    try:
        parsed = phonenumbers.parse(e164, None)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    region = phonenumbers.region_code_for_number(parsed)
    if region is None:
        return None
    kind = _KINDS.get(phonenumbers.number_type(parsed), NumberKind.ORDINARY)
    return NumberFacts(e164, region, kind, str(parsed.country_code))


def is_caller_id(e164: str) -> bool:
    """Tell whether a number may be shown as caller id: a valid US number (EDGE O2)."""
    facts = facts_of(e164)
    return facts is not None and facts.region in CALLER_ID_REGIONS


DELETION_QUEUE = timedelta(days=7)
"""How long a deleted number can be restored (API PN7)."""


class NumberStatus(Enum):
    """Life of a number in the inventory (API PN6); what is not in it has no status here."""

    UNASSIGNED = "Unassigned"
    ASSIGNED = "Assigned"
    DELETE_IN_PROGRESS = "DeleteInProgress"


class CallingNameStatus(Enum):
    """Where a change of the calling name stands (API PN11)."""

    UNASSIGNED = "Unassigned"
    UPDATE_IN_PROGRESS = "UpdateInProgress"
    UPDATE_SUCCEEDED = "UpdateSucceeded"


class TargetKind(Enum):
    """What a number's calls can go to."""

    CONNECTOR = "connector"
    GROUP = "group"

    @property
    def attribute(self) -> str:
        """Return the attribute of a number's item that holds the id of such a target."""
        return f"{self.value}_id"


class Target(NamedTuple):
    """Where a number's calls go (API PN9)."""

    kind: TargetKind
    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryNumber:
    """A number that the account owns."""

    e164: str
    number_type: str
    """Local or TollFree."""
    product_type: str
    """VoiceConnector or SipMediaApplicationDialIn."""
    country: str
    created_at: datetime
    updated_at: datetime
    order_id: str | None = None
    name: str | None = None
    connector_id: str | None = None
    """The connector that takes the number's calls."""
    group_id: str | None = None
    """The group that takes them; it and a connector exclude each other (API PN9)."""
    associated_at: datetime | None = None
    city: str | None = None
    """With the state, what the pool knew of the number and will know again (API PN7)."""
    state: str | None = None
    ported_in: bool = False
    """It came from another operator: the pool never held it, and does not get it."""
    deleted_at: datetime | None = None
    """When it entered the deletion queue; None outside of it (API PN7)."""
    calling_name: str | None = None
    calling_name_due_at: datetime | None = None
    """When the pending change of the calling name takes effect; None when none is pending."""

    @property
    def target(self) -> Target | None:
        """Return what the number is associated with."""
        if self.connector_id is not None:
            return Target(TargetKind.CONNECTOR, self.connector_id)
        return None if self.group_id is None else Target(TargetKind.GROUP, self.group_id)

    @property
    def status(self) -> NumberStatus:
        """Assigned exactly when a connector or a group holds the number."""
        if self.deleted_at is not None:
            return NumberStatus.DELETE_IN_PROGRESS
        return NumberStatus.UNASSIGNED if self.target is None else NumberStatus.ASSIGNED

    @property
    def calling_name_status(self) -> CallingNameStatus:
        """In progress while a change is pending, also one that takes the name away (API PN11)."""
        if self.calling_name_due_at is not None:
            return CallingNameStatus.UPDATE_IN_PROGRESS
        if self.calling_name is None:
            return CallingNameStatus.UNASSIGNED
        return CallingNameStatus.UPDATE_SUCCEEDED

    @property
    def purge_at(self) -> datetime | None:
        """When the deletion queue lets the number go; None outside of the queue (API PN7)."""
        return None if self.deleted_at is None else self.deleted_at + DELETION_QUEUE


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNumber:
    """A number that can be ordered (A6)."""

    e164: str
    number_type: str
    """Local or TollFree."""
    country: str
    city: str | None = None
    state: str | None = None
    """Two letters, e.g. WA."""
