"""Finding and ordering phone numbers through unmodified boto3."""

from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Quotas, Settings
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets


def found(client: Any, **filters: Any) -> list[str]:
    return list(client.search_available_phone_numbers(**filters)["E164PhoneNumbers"])


def order(client: Any, numbers: list[str], **members: Any) -> Any:
    arguments = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers} | members
    return client.create_phone_number_order(**arguments)["PhoneNumberOrder"]


def test_an_order_is_processing_when_placed_and_successful_when_watched(
    stand: Stand, voice: Any
) -> None:
    # API PN5
    numbers = found(voice, AreaCode="213", MaxResults=2)
    placed = order(voice, numbers, Name="Two lines")
    assert (placed["Status"], placed["OrderType"]) == ("Processing", "New")
    assert placed["OrderedPhoneNumbers"] == [
        {"E164PhoneNumber": number, "Status": "Processing"} for number in numbers
    ]
    stand.settled(placed["PhoneNumberOrderId"])
    for order_id in (placed["PhoneNumberOrderId"], placed["PhoneNumberOrderId"].upper()):
        watched = voice.get_phone_number_order(PhoneNumberOrderId=order_id)["PhoneNumberOrder"]
        assert watched["Status"] == "Successful"
        assert {it["Status"] for it in watched["OrderedPhoneNumbers"]} == {"Acquired"}
    owned = voice.get_phone_number(PhoneNumberId=numbers[0])["PhoneNumber"]
    assert (owned["OrderId"], owned["Name"]) == (placed["PhoneNumberOrderId"], "Two lines")
    assert not set(numbers) & set(found(voice, AreaCode="213"))


def test_an_ordered_number_cannot_be_ordered_again(stand: Stand, voice: Any) -> None:
    # API PN5
    numbers = stand.new_numbers("213", 1)
    with pytest.raises(voice.exceptions.BadRequestException, match="not available"):
        order(voice, numbers)


@pytest.mark.parametrize(
    ("numbers", "members", "message"),
    [
        ([], {}, "E164PhoneNumbers is empty"),
        (["+12135550100", "12135550100"], {}, "holds a number twice"),
        (["+12135550100"], {}, "not available"),
        (["abc"], {}, r"E164PhoneNumbers\[0\] is not valid"),
        (["+12135552001"], {"ProductType": "BusinessCalling"}, "ProductType is"),
        (["+12135552001"], {"Name": "a" * 257}, "Name has 257 characters"),
        (["+12135552001"], {"Name": "bad/name"}, "Name is not valid"),
    ],
)
def test_a_bad_order_is_refused(
    stand: Stand, numbers: list[str], members: dict[str, Any], message: str
) -> None:
    # API PN3 PN5 PN11 V1
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        order(client, numbers, **members)


def test_an_order_over_the_quota_is_refused_also_while_another_one_is_processing(
    embedded_aws: EmbeddedAws,
) -> None:
    # API PN5, section 7
    with running(embedded_aws, Settings(api=ApiSettings(quotas=Quotas.aws()))) as stand:
        client = stand.client()
        numbers = found(client, AreaCode="206", MaxResults=6)
        placed = order(client, numbers[:4])
        with pytest.raises(client.exceptions.ResourceLimitExceededException):
            order(client, numbers[4:])
        stand.settled(placed["PhoneNumberOrderId"])
        with pytest.raises(client.exceptions.ResourceLimitExceededException):
            order(client, numbers[4:])
        last = order(client, numbers[4:5])
        stand.settled(last["PhoneNumberOrderId"])
        assert len(client.list_phone_numbers()["PhoneNumbers"]) == 5


def test_orders_list_in_order_of_creation(embedded_aws: EmbeddedAws) -> None:
    # API V3 PN5
    with running(embedded_aws) as stand:
        client = stand.client()
        made = [
            order(client, [number])["PhoneNumberOrderId"]
            for number in found(client, TollFreePrefix="888", MaxResults=3)
        ]
        first = client.list_phone_number_orders(MaxResults=2)
        rest = client.list_phone_number_orders(NextToken=first["NextToken"])
        listed = first["PhoneNumberOrders"] + rest["PhoneNumberOrders"]
        assert sorted(made) == [it["PhoneNumberOrderId"] for it in listed]
        assert "NextToken" not in rest


def test_an_order_id_that_is_none(stand: Stand, voice: Any) -> None:
    # API section 9
    with pytest.raises(voice.exceptions.BadRequestException, match="PhoneNumberOrderId"):
        voice.get_phone_number_order(PhoneNumberOrderId="not-a-uuid")
    unknown = "00000000-0000-7000-8000-000000000000"
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.get_phone_number_order(PhoneNumberOrderId=unknown)


def test_search_finds_by_area_city_state_and_toll_free_prefix(embedded_aws: EmbeddedAws) -> None:
    # API PN4
    with running(embedded_aws) as stand:
        client = stand.client()
        seattle = found(client, AreaCode="206")
        assert len(seattle) == 25
        assert all(number.startswith("+1206") for number in seattle)
        assert found(client, City="Seattle", State="WA", Country="US") == seattle
        assert found(client, State="CA") == sorted(
            found(client, AreaCode="213") + found(client, AreaCode="415")
        )
        toll_free = found(client, TollFreePrefix="800")
        assert all(number.startswith("+1800") for number in toll_free)
        assert found(client, AreaCode="800", PhoneNumberType="TollFree") == toll_free
        assert found(client, AreaCode="206", PhoneNumberType="TollFree") == []
        assert found(client, AreaCode="206", TollFreePrefix="800") == []
        assert found(client, AreaCode="206", State="NY") == []
        assert found(client, Country="DE", PhoneNumberType="Local") == []


def test_search_pages(embedded_aws: EmbeddedAws) -> None:
    # API PN4 V3
    with running(embedded_aws) as stand:
        client = stand.client()
        everything = found(client, State="CA")
        page = client.search_available_phone_numbers(State="CA", MaxResults=30)
        assert page["E164PhoneNumbers"] == everything[:30]
        rest = found(client, State="CA", MaxResults=500, NextToken=page["NextToken"])
        assert rest == everything[30:]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({}, "at least one of AreaCode, City, State, TollFreePrefix"),
        ({"PhoneNumberType": "Local"}, "at least one of AreaCode"),
        ({"City": "Seattle"}, "City needs State"),
        ({"AreaCode": "20"}, "AreaCode is '20'; three digits"),
        ({"AreaCode": "+12"}, "three digits"),
        ({"TollFreePrefix": "811"}, "TollFreePrefix"),
        ({"AreaCode": "206", "Country": "us"}, "Country"),
        ({"AreaCode": "206", "MaxResults": 501}, "MaxResults is 501; at most 500"),
        ({"Country": "DE"}, "PhoneNumberType is missing"),
        ({"Country": "DE", "PhoneNumberType": "Local", "State": "WA"}, "for country US only"),
        ({"AreaCode": "206", "NextToken": "x"}, "NextToken"),
    ],
)
def test_a_bad_search_is_refused(stand: Stand, filters: dict[str, Any], message: str) -> None:
    # API PN4 V1 V3
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        found(client, **filters)
