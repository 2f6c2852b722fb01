"""A call of a connector while it is up; once it has ended it is a record (model/cdr.py)."""

from dataclasses import dataclass
from datetime import datetime

from model.cdr import Disposition
from model.record_form import SEED_FORM, RecordForm


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """One call of one connector, answered and not ended."""

    transaction_id: str
    """UUID v4, the same as of the record to come."""
    call_id: str
    """Call-ID of the customer-facing leg, as received or sent."""
    connector_id: str
    from_number: str
    to_number: str
    disposition: Disposition
    sip_auth_user: str | None
    """User name when digest was used."""
    answered_at: datetime
    """UTC, StartTime of the record to come (EDGE C6)."""
    form: RecordForm = SEED_FORM
    """The form of the record to come, as the settings were at the answer."""


def customer_number(disposition: Disposition, from_number: str, to_number: str) -> str:
    """Return the number of a call that is the customer's own."""
    return to_number if disposition is Disposition.ORIGINATION else from_number
