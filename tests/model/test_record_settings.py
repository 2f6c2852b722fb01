"""The settings of records: what can be chosen, and what each mistake is told."""

import json

import pytest

from model.record_form import SEED_FORM, RecordForm, RecordFormat, TimeForm
from model.record_settings import RecordSettings
from model.settings import Settings, SettingsError


def test_nothing_chosen_is_the_whitepapers_form() -> None:  # EDGE C1, C3, C5
    assert RecordSettings().form_in("eu-west-1") == SEED_FORM == RecordForm()
    assert SEED_FORM.prefix == "Amazon-Chime-Voice-Connector-CDRs/json"


def test_a_document_chooses_format_times_and_prefix() -> None:  # EDGE C1, C3, C5
    document = {"records": {"time": "iso8601", "prefix": "telephony/cdrs"}}
    settings = Settings.from_json(json.dumps(document))
    assert settings.records.form_in("us-east-1") == RecordForm(
        time=TimeForm.ISO8601, prefix="telephony/cdrs"
    )
    newer = Settings.from_json('{"records": {"format": "v2"}}').records
    assert newer.form_in("eu-west-2") == RecordForm(format=RecordFormat.V2, region="eu-west-2")


@pytest.mark.parametrize(
    "prefix",
    [
        "a",
        "cdrs",
        "telephony/cdrs",
        "A.b_c-d/0",
        "x" * 256,
        "Amazon-Chime-Voice-Connector-CQRs"[:-1],
    ],
)
def test_a_prefix_may_be_a_path(prefix: str) -> None:  # EDGE C1
    assert RecordSettings(prefix=prefix).form_in("us-east-1").prefix == prefix


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"format": "v3"}, "settings.records.format is 'v3'; one of 'seed', 'v2' is wanted"),
        ({"time": "epoch"}, "one of 'epoch_ms', 'iso8601' is wanted"),
        ({"format": "v2", "time": "iso8601"}, "time is 'iso8601'; 'epoch_ms' with the format v2"),
        ({"prefix": ""}, "prefix is ''; a path of letters"),
        ({"prefix": "/cdrs"}, "prefix is '/cdrs'; a path"),
        ({"prefix": "cdrs/"}, "prefix is 'cdrs/'; a path"),
        ({"prefix": "a//b"}, "prefix is 'a//b'; a path"),
        ({"prefix": "../a"}, "prefix is '../a'; a path"),
        ({"prefix": "a*"}, "prefix is 'a*'; a path"),
        ({"prefix": "${x}"}, "; a path of letters"),
        ({"prefix": "x" * 257}, "; a path of letters"),
        ({"prefix": "Amazon-Chime-Voice-Connector-CQRs/json"}, "a prefix that is apart from"),
        ({"former_prefixes": ["a", "/b"]}, "former_prefixes is '/b'; a path"),
        ({"prefix": "Amazon-Chime-Voice-Connector-CQRs"}, "apart from Amazon-Chime-Voice-Connect"),
        ({"prefix": "Amazon-Chime-Voice-Connector-Recordings/pcap/cdrs"}, "apart from"),
    ],
)
def test_what_cannot_be_is_refused_by_name(document: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_json(json.dumps({"records": document}))
    assert told in str(refused.value)


def test_calls_of_before_keep_their_prefix_permitted() -> None:  # EDGE C1, C9
    settings = RecordSettings(prefix="new", former_prefixes=("old", "new", "older"))
    assert settings.prefixes == ("new", "old", "older")
    assert settings.form_in("us-east-1").prefix == "new"


@pytest.mark.parametrize(
    "form",
    [
        {"format": RecordFormat.V2},
        {"region": "us-east-1"},
        {"format": RecordFormat.V2, "region": "us-east-1", "time": TimeForm.ISO8601},
    ],
)
def test_no_form_says_what_it_does_not_write(form: dict[str, object]) -> None:  # EDGE C3, C5
    with pytest.raises(ValueError, match="the format v2"):
        RecordForm(**form)  # type: ignore[arg-type]  # members of several types
