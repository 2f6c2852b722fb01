"""Records, numbers and rate cards for the tests of what calls cost."""

from datetime import UTC, datetime, timedelta

from billing.rate_card import RateCard, read_rate_card
from cli.rate_files import amazon
from model.cdr import CallStatus, Disposition, billable_seconds
from model.cdr_reader import ReadRecord
from model.numbers import InventoryNumber
from model.record_form import RecordFormat, object_key

CONNECTOR = "abcdefghijklmnopqrstuv"
OURS = "+12065550100"
THEIRS = "+13125550111"
LONDON = "+442071838750"
LONDON_MOBILE = "+447400123456"
TORONTO = "+14165550123"
START = datetime(2026, 11, 5, 12, 0, 0, tzinfo=UTC)
KEY_PREFIX = "Amazon-Chime-Voice-Connector-CDRs/json"

AMAZON = amazon()
WORLD = read_rate_card(
    """
    name = "World"

    [calls]
    increment_s = 60
    minimum_s = 30

    [inbound]
    per_minute = 0.0031
    prefixes = {"+1206" = 0.001, "+1800" = 0.0175}

    [outbound]
    countries = {US = 0.0049, CA = 0.0061, GB = 0.0111}
    prefixes = {"+1" = 0.02, "+447" = 0.0250, "+4474" = 0.0307}

    [monthly]
    number = 0.35
    concurrent_call = 1.5
    """,
    "world.toml",
)


def record(
    to_number: str = THEIRS,
    from_number: str = OURS,
    *,
    connector_id: str = CONNECTOR,
    transaction_id: str = "11111111-2222-4333-8444-555555555555",
    disposition: Disposition = Disposition.TERMINATION,
    status: CallStatus = CallStatus.COMPLETED,
    started_at: datetime = START,
    lasted_ms: int = 29_473,
) -> ReadRecord:
    """Return the record of a call; one out that was answered, unless said otherwise."""
    answered = status is CallStatus.COMPLETED
    return ReadRecord(
        key=object_key(KEY_PREFIX, connector_id, started_at, transaction_id),
        format=RecordFormat.SEED,
        account_id="000000000000",
        transaction_id=transaction_id,
        call_id="call@host",
        connector_id=connector_id,
        from_number=from_number,
        to_number=to_number,
        status=status,
        status_message="Normal Call Clearing",
        disposition=disposition,
        sip_auth_user=None,
        billed_s=billable_seconds(lasted_ms) if answered else 0,
        started_at=started_at,
        ended_at=started_at + timedelta(milliseconds=lasted_ms),
        v2=None,
    )


def inbound(
    to_number: str = OURS, from_number: str = THEIRS, *, lasted_ms: int = 29_473
) -> ReadRecord:
    """Return the record of a call in."""
    return record(to_number, from_number, disposition=Disposition.ORIGINATION, lasted_ms=lasted_ms)


def held(
    e164: str = OURS,
    *,
    connector_id: str | None = CONNECTOR,
    created_at: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    deleted_at: datetime | None = None,
) -> InventoryNumber:
    """Return a number of the inventory."""
    return InventoryNumber(
        e164=e164,
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=created_at,
        updated_at=created_at,
        connector_id=None if deleted_at else connector_id,
        deleted_at=deleted_at,
    )


def card(text: str) -> RateCard:
    """Return the rate card of a text."""
    return read_rate_card(text, "rates.toml")
