"""Product type, name and calling name of numbers, the account's calling name, the countries."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from model.codec import encode_item
from model.feed_items import ChangedKey
from model.number_items import pool_members
from model.numbers import PoolNumber
from model.settings import ApiSettings, Settings
from model.tables import DUE, NUMBERS
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY

DELAY = timedelta(hours=72)
SETTINGS = "/settings/phone-number"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


@pytest.fixture
def slow() -> Iterator[LocalApi]:
    """An API whose calling names take as long as Amazon's."""
    with local_api(Settings(api=ApiSettings(calling_name_delay_s=72 * 3600.0))) as made:
        yield made


def path(number: str) -> str:
    return f"/phone-numbers/{quote(number, safe='')}"


def read(api: LocalApi, number: str) -> Any:
    return api.made("GET", path(number))["PhoneNumber"]


def update(api: LocalApi, number: str, **members: str) -> Any:
    return api.made("POST", path(number), members)["PhoneNumber"]


def batch(api: LocalApi, *items: dict[str, str]) -> tuple[int, Any]:
    document = {"UpdatePhoneNumberRequestItems": list(items)}
    return api.call("POST", "/phone-numbers?operation=batch-update", document)


def named(number: Any) -> tuple[str | None, str]:
    return number.get("CallingName"), number["CallingNameStatus"]


def test_name_and_product_type_are_replaced(api: LocalApi) -> None:
    # API PN11
    (number,) = api.new_numbers(1)
    api.pass_time(timedelta(hours=1))
    changed = update(api, number, Name="Front desk, 2nd")
    assert changed == read(api, number)
    assert changed["Name"] == "Front desk, 2nd"
    assert changed["UpdatedTimestamp"] > changed["CreatedTimestamp"]
    assert update(api, number, ProductType="SipMediaApplicationDialIn")["ProductType"] == (
        "SipMediaApplicationDialIn"
    )
    assert "Name" not in update(api, number, Name="")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "The request has none of them; one of ProductType, CallingName, Name is wanted"),
        ({"Name": "a", "CallingName": "ab"}, "The request has CallingName and Name; one of"),
        ({"Name": "bad/name"}, "Name is not valid"),
        ({"Name": "a" * 257}, "Name has 257 characters"),
        ({"CallingName": "A"}, "CallingName is not valid"),
        ({"CallingName": "A" * 16}, "CallingName is not valid"),
        ({"CallingName": "A-B"}, "CallingName is not valid"),
        ({"ProductType": "BusinessCalling"}, 'ProductType is "BusinessCalling"'),
    ],
)
def test_a_bad_change_is_refused(api: LocalApi, members: dict[str, str], message: str) -> None:
    # API PN11 PN3 V1
    (number,) = api.new_numbers(1)
    before = read(api, number)
    status, answer = api.call("POST", path(number), members)
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert message in answer["Message"]
    assert read(api, number) == before


def test_an_unknown_number_cannot_be_changed(api: LocalApi) -> None:
    # API PN11
    status, answer = api.call("POST", path("+14155550123"), {"Name": "x"})
    assert (status, answer["Code"]) == (404, "NotFound")


def test_the_product_type_of_an_assigned_number_stays(api: LocalApi) -> None:
    # API PN11
    connector, (number,) = api.new_connector(), api.new_numbers(1)
    target = f"{connector}?operation=associate-phone-numbers"
    api.made("POST", target, {"E164PhoneNumbers": [number]})
    status, answer = api.call("POST", path(number), {"ProductType": "SipMediaApplicationDialIn"})
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert "associated" in answer["Message"]
    assert update(api, number, Name="x")["Name"] == "x"


def test_a_calling_name_takes_effect_after_its_delay(slow: LocalApi) -> None:
    # API PN11
    (number,) = slow.new_numbers(1)
    assert named(read(slow, number)) == (None, "Unassigned")
    assert named(update(slow, number, CallingName="ACME 1")) == ("ACME 1", "UpdateInProgress")
    slow.pass_time(DELAY - timedelta(milliseconds=1))
    slow.run_number_orders()
    status, answer = slow.call("POST", path(number), {"CallingName": "ACME 2"})
    assert (status, answer["Code"]) == (409, "Conflict")
    assert "in progress" in answer["Message"]
    assert update(slow, number, Name="x")["Name"] == "x"
    slow.pass_time(timedelta(milliseconds=1))
    slow.run_number_orders()
    done = read(slow, number)
    assert named(done) == ("ACME 1", "UpdateSucceeded")
    assert done["UpdatedTimestamp"] == "2026-01-05T03:04:05.000Z"
    assert slow.numbers(DUE) == []
    assert named(update(slow, number, CallingName="")) == (None, "UpdateInProgress")
    slow.pass_time(DELAY)
    slow.run_number_orders()
    assert named(read(slow, number)) == (None, "Unassigned")


def test_without_a_delay_the_next_run_completes_a_calling_name(api: LocalApi) -> None:
    # API PN11
    (number,) = api.new_numbers(1)
    update(api, number, CallingName="ACME")
    api.run_number_orders()
    assert named(read(api, number)) == ("ACME", "UpdateSucceeded")


def test_two_calling_names_at_once_leave_one(api: LocalApi) -> None:
    # API PN11: the second is written between the first one's reading and writing
    (number,) = api.new_numbers(1)
    rival = iter([lambda: update(api, number, CallingName="FIRST")])

    def interfere(operation: str) -> None:
        if operation == "TransactWriteItems":
            next(rival, lambda: None)()

    api.before_call = interfere
    assert api.call("POST", path(number), {"CallingName": "SECOND"})[0] == 409
    assert named(read(api, number))[0] == "FIRST"
    assert len(api.numbers(DUE)) == 1


def test_a_calling_name_whose_number_goes_is_forgotten(slow: LocalApi) -> None:
    # API PN7 PN11
    (number,) = slow.new_numbers(1)
    slow.pass_time(timedelta(days=5))
    update(slow, number, CallingName="ACME")
    slow.made("DELETE", path(number))
    slow.pass_time(DELAY)
    slow.run_number_orders()
    # In the queue it is still the account's number, and may come back.
    assert named(read(slow, number)) == ("ACME", "UpdateSucceeded")
    (purge,) = slow.numbers(DUE)
    assert purge["task"] == "purge"


def test_a_calling_name_that_is_due_after_the_purge_is_struck_out() -> None:
    # API PN7 PN11
    delay = timedelta(days=8)
    settings = Settings(api=ApiSettings(calling_name_delay_s=delay.total_seconds()))
    with local_api(settings) as api:
        (number,) = api.new_numbers(1)
        update(api, number, CallingName="ACME")
        api.made("DELETE", path(number))
        api.pass_time(timedelta(days=7))
        api.run_number_orders()
        assert api.new_numbers(1) == [number]
        api.pass_time(timedelta(days=1))
        api.run_number_orders()
        assert named(read(api, number)) == (None, "Unassigned")
        assert api.numbers(DUE) == []


def test_each_item_of_a_batch_is_judged_for_itself(api: LocalApi) -> None:
    # API PN8 PN11
    connector = api.new_connector()
    numbers = api.new_numbers(30)
    target = f"{connector}?operation=associate-phone-numbers"
    api.made("POST", target, {"E164PhoneNumbers": numbers[:1]})
    update(api, numbers[1], CallingName="PENDING")
    items = [
        {"PhoneNumberId": numbers[0], "ProductType": "SipMediaApplicationDialIn"},
        {"PhoneNumberId": numbers[1], "CallingName": "ACME"},
        {"PhoneNumberId": "+14155550123", "Name": "x"},
        {"PhoneNumberId": numbers[2].replace("+", "%2B"), "Name": "Two"},
        *({"PhoneNumberId": number, "CallingName": "ACME"} for number in numbers[3:]),
    ]
    status, answer = batch(api, *items)
    assert status == 200
    assert {it["PhoneNumberId"]: it["ErrorCode"] for it in answer["PhoneNumberErrors"]} == {
        quote(numbers[0], safe=""): "BadRequest",
        quote(numbers[1], safe=""): "Conflict",
        "%2B14155550123": "NotFound",
    }
    assert read(api, numbers[2])["Name"] == "Two"
    api.run_number_orders()
    assert {named(read(api, number)) for number in numbers[3:]} == {("ACME", "UpdateSucceeded")}
    assert batch(api, {"PhoneNumberId": numbers[2], "Name": ""}) == (200, {"PhoneNumberErrors": []})


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"PhoneNumberId": "{}", "Name": "y"}, "[1].PhoneNumberId occurs twice"),
        ({"PhoneNumberId": "+14155550123"}, "[1] has none of them; one of ProductType,"),
        ({"PhoneNumberId": "+1415", "Name": "a", "ProductType": "VoiceConnector"}, "[1] has Prod"),
        ({"Name": "a"}, "PhoneNumberId"),
    ],
)
def test_a_malformed_batch_changes_nothing(
    api: LocalApi, second: dict[str, str], message: str
) -> None:
    # API PN8 PN11 V1
    (number,) = api.new_numbers(1)
    again = {name: value.format(number.removeprefix("+")) for name, value in second.items()}
    status, answer = batch(api, {"PhoneNumberId": number, "Name": "x"}, again)
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert message in answer["Message"]
    assert "Name" not in read(api, number)


def test_the_default_calling_name_changes_once_in_seven_days(api: LocalApi) -> None:
    # API PN14
    assert api.made("GET", SETTINGS) == {}
    assert api.call("PUT", SETTINGS, {"CallingName": "ACME"}) == (204, None)
    first = {"CallingName": "ACME", "CallingNameUpdatedTimestamp": "2026-01-02T03:04:05.000Z"}
    assert api.made("GET", SETTINGS) == first
    api.pass_time(timedelta(days=7) - timedelta(milliseconds=1))
    status, answer = api.call("PUT", SETTINGS, {"CallingName": "OTHER"})
    assert (status, answer["Code"]) == (400, "BadRequest")
    assert "7 days" in answer["Message"]
    # The same again is no change, and does not begin a new week.
    assert api.call("PUT", SETTINGS, {"CallingName": "ACME"}) == (204, None)
    assert api.made("GET", SETTINGS) == first
    api.pass_time(timedelta(milliseconds=1))
    assert api.call("PUT", SETTINGS, {"CallingName": ""}) == (204, None)
    assert api.made("GET", SETTINGS) == {
        "CallingName": "",
        "CallingNameUpdatedTimestamp": "2026-01-09T03:04:05.000Z",
    }


@pytest.mark.parametrize("document", [{}, {"CallingName": "A"}, {"CallingName": "A" * 16}])
def test_a_bad_default_calling_name_is_refused(api: LocalApi, document: dict[str, str]) -> None:
    # API PN14 V1
    status, answer = api.call("PUT", SETTINGS, document)
    assert (status, "CallingName" in answer["Message"]) == (400, True)


def test_the_countries_are_those_of_pool_and_inventory(api: LocalApi) -> None:
    # API PN13
    target = "/phone-number-countries?product-type=VoiceConnector"
    us = {"CountryCode": "US", "SupportedPhoneNumberTypes": ["Local"]}
    assert api.made("GET", target) == {"PhoneNumberCountries": [us]}
    german = PoolNumber(e164="+4930123456", number_type="Local", country="DE", city="Berlin")
    toll_free = PoolNumber(e164="+18005552001", number_type="TollFree", country="US")
    for number in (german, toll_free):
        api.dynamodb.put_item(
            TableName=NUMBERS.physical_name(api.prefix), Item=encode_item(pool_members(number))
        )
    order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": [german.e164]}
    api.made("POST", "/phone-number-orders", order)
    api.run_number_orders()
    assert api.made("GET", target) == {
        "PhoneNumberCountries": [
            {"CountryCode": "DE", "SupportedPhoneNumberTypes": ["Local"]},
            {"CountryCode": "US", "SupportedPhoneNumberTypes": ["Local", "TollFree"]},
        ]
    }
    dial_in = "/phone-number-countries?product-type=SipMediaApplicationDialIn"
    assert api.made("GET", dial_in) == api.made("GET", target)
    assert api.call("GET", "/phone-number-countries")[0] == 400


def test_the_edge_is_told_of_numbers_that_come_and_go(api: LocalApi) -> None:
    # ARCHITECTURE A9, EDGE O2
    (number,) = api.new_numbers(1)
    api.fed.clear()
    api.made("DELETE", path(number))
    api.made("POST", f"{path(number)}?operation=restore")
    assert api.fed == [ChangedKey("numbers", "inventory", number)] * 2
