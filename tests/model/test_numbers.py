"""Phone numbers: E.164 form, validity, country, kind, who may be a caller id."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.numbers import (
    WORLD_REGION,
    CallingNameStatus,
    InventoryNumber,
    NumberFacts,
    NumberKind,
    NumberStatus,
    Target,
    TargetKind,
    facts_of,
    is_caller_id,
    is_e164,
)


@pytest.mark.parametrize("text", ["+12", "+12065550100", "+881612345678", "+123456789012345"])
def test_the_form_of_e164(text: str) -> None:  # EDGE O1
    assert is_e164(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "+1", "12065550100", "+02065550100", "+1234567890123456", "+1-206-555-0100",
        "+1 2065550100", " +12065550100", "+12065550100\n", "+1206555O1OO", "+1212555121A",
        "++12065550100", "+١٢٠٦٥٥٥٠١٠٠", "tel:+12065550100", "+12065550100;npdi", "0012065550100",
    ],
)  # fmt: skip
def test_what_is_no_e164(text: str) -> None:  # EDGE O1, S6: libphonenumber reads letters as digits
    assert not is_e164(text)
    assert facts_of(text) is None
    assert not is_caller_id(text)


@pytest.mark.parametrize(
    ("e164", "region", "kind"),
    [
        ("+12065550100", "US", NumberKind.ORDINARY),
        ("+12125551212", "US", NumberKind.ORDINARY),
        ("+18005551212", "US", NumberKind.TOLL_FREE),
        ("+19002345678", "US", NumberKind.PREMIUM),
        ("+16135550100", "CA", NumberKind.ORDINARY),
        ("+18765230123", "JM", NumberKind.ORDINARY),
        ("+18092345678", "DO", NumberKind.ORDINARY),
        ("+17872345678", "PR", NumberKind.ORDINARY),
        ("+442071838750", "GB", NumberKind.ORDINARY),
        ("+4918012345", "DE", NumberKind.SHARED_COST),
        ("+449012345678", "GB", NumberKind.PREMIUM),
        ("+445512345678", "GB", NumberKind.UNIVERSAL_ACCESS),
        ("+4930123456", "DE", NumberKind.ORDINARY),
        ("+80012345678", WORLD_REGION, NumberKind.TOLL_FREE),
        ("+881612345678", WORLD_REGION, NumberKind.ORDINARY),
        ("+979123456789", WORLD_REGION, NumberKind.PREMIUM),
    ],
)
def test_what_the_numbering_plan_says(e164: str, region: str, kind: NumberKind) -> None:
    facts = facts_of(e164)
    assert facts is not None
    assert facts == NumberFacts(e164, region, kind, facts.calling_code)  # EDGE R5, R6, S6
    assert e164.startswith(f"+{facts.calling_code}")


@pytest.mark.parametrize(
    "e164",
    ["+12", "+1911", "+10005550100", "+12060000000000", "+2101234567", "+99912345678", "+44207183"],
)
def test_a_number_that_nobody_can_have(e164: str) -> None:  # EDGE R3
    assert is_e164(e164)
    assert facts_of(e164) is None


@pytest.mark.parametrize(
    ("e164", "allowed"),
    [
        ("+12065550100", True),
        ("+18005551212", True),
        ("+17872345678", True),  # Puerto Rico
        ("+13406421234", True),  # US Virgin Islands
        ("+16713001234", True),  # Guam
        ("+16846221234", True),  # American Samoa
        ("+16702345678", True),  # Northern Mariana Islands
        ("+16135550100", False),  # Canada
        ("+18765230123", False),  # Jamaica
        ("+442071838750", False),
        ("+80012345678", False),
        ("+10005550100", False),
    ],
)
def test_a_caller_id_is_a_valid_number_of_the_united_states(e164: str, allowed: bool) -> None:
    assert is_caller_id(e164) is allowed  # EDGE O2


@given(st.text() | st.from_regex(r"\+[0-9A-Z]{0,16}", fullmatch=True))
def test_any_text_has_facts_or_none(text: str) -> None:  # EDGE S8
    facts = facts_of(text)
    assert facts is None or (is_e164(text) and facts.e164 == text)


@given(st.from_regex(r"\+1[2-9][0-9]{9}", fullmatch=True))
def test_a_region_is_two_letters_or_the_world(text: str) -> None:
    facts = facts_of(text)
    assert facts is None or (len(facts.region) == 2 and facts.region.isupper())


def test_the_kinds_bear_the_names_of_the_settings() -> None:  # EDGE S6
    assert {it.value for it in NumberKind} == {
        "ordinary", "toll-free", "premium", "shared-cost", "universal-access",
    }  # fmt: skip


def test_a_number_is_assigned_exactly_while_a_connector_or_a_group_has_it() -> None:  # API PN6
    now = datetime(2024, 1, 1, tzinfo=UTC)
    number = InventoryNumber(
        e164="+12065550100",
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=now,
        updated_at=now,
    )
    assert number.status is NumberStatus.UNASSIGNED
    assert number.target is None
    mine, theirs = replace(number, connector_id="abc"), replace(number, group_id="def")
    assert mine.status is theirs.status is NumberStatus.ASSIGNED
    assert mine.target == Target(TargetKind.CONNECTOR, "abc")
    assert theirs.target == Target(TargetKind.GROUP, "def")
    for it in (mine, theirs):
        assert it.target is not None
        assert getattr(it, it.target.kind.attribute) == it.target.target_id
    deleted = replace(number, deleted_at=now)
    assert deleted.status is NumberStatus.DELETE_IN_PROGRESS
    assert (number.purge_at, deleted.purge_at) == (None, now + timedelta(days=7))
    assert [it.value for it in NumberStatus] == ["Unassigned", "Assigned", "DeleteInProgress"]


def test_a_calling_name_is_in_progress_until_it_is_due() -> None:  # API PN11
    now = datetime(2024, 1, 1, tzinfo=UTC)
    number = InventoryNumber(
        e164="+12065550100",
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=now,
        updated_at=now,
    )
    assert number.calling_name_status is CallingNameStatus.UNASSIGNED
    named = replace(number, calling_name="ACME")
    assert named.calling_name_status is CallingNameStatus.UPDATE_SUCCEEDED
    for changing in (named, number):
        pending = replace(changing, calling_name_due_at=now)
        assert pending.calling_name_status is CallingNameStatus.UPDATE_IN_PROGRESS
