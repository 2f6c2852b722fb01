"""Records for tests: every form that settings can choose, and what Amazon has published."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.record_form import RecordForm, RecordFormat, TimeForm
from model.record_settings import RecordSettings

_PUBLISHED = json.loads((Path(__file__).parents[1] / "vectors" / "records.json").read_text())

PUBLISHED_KEYS: list[dict[str, str]] = _PUBLISHED["keys"]
PUBLISHED_RECORDS: list[dict[str, Any]] = _PUBLISHED["records"]

REGION = "us-west-2"
FORMS = [
    RecordSettings().form_in(REGION),
    RecordSettings(time=TimeForm.ISO8601).form_in(REGION),
    RecordSettings(format=RecordFormat.V2).form_in(REGION),
    RecordSettings(format=RecordFormat.V2, prefix="telephony/cdrs.v2").form_in(REGION),
]

_MOMENTS = st.integers(0, 4_102_444_800_000)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@st.composite
def records(draw: st.DrawFn, forms: st.SearchStrategy[RecordForm] | None = None) -> Any:
    """Return any record that a node can make."""
    start_ms = draw(_MOMENTS)
    answered = draw(st.booleans())
    unanswered = st.sampled_from([CallStatus.REJECTED, CallStatus.RATE_LIMITED])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return CallDetailRecord(
        account_id=draw(st.from_regex("[0-9]{12}", fullmatch=True)),
        transaction_id=str(draw(st.uuids(version=4))),
        call_id=draw(_TEXT),
        connector_id=draw(st.from_regex("[a-z0-9]{21,22}", fullmatch=True)),
        from_number=draw(_TEXT | st.just("+12065550100")),
        to_number=draw(_TEXT | st.sampled_from(["+12065550101", "+49301234567", "+80012345678"])),
        status_message=draw(_TEXT),
        disposition=draw(st.sampled_from(Disposition)),
        status=CallStatus.COMPLETED if answered else draw(unanswered),
        sip_auth_user=draw(st.none() | _TEXT),
        answered=answered,
        started_at=epoch + timedelta(milliseconds=start_ms),
        ended_at=epoch + timedelta(milliseconds=start_ms + draw(st.integers(0, 86_400_000))),
        form=draw(forms or st.sampled_from(FORMS)),
    )
