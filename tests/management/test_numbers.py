"""Phone numbers of the account, and which connector they belong to, through unmodified boto3."""

from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets


def associate(client: Any, connector_id: str, numbers: list[str], **members: Any) -> Any:
    answer = client.associate_phone_numbers_with_voice_connector(
        VoiceConnectorId=connector_id, E164PhoneNumbers=numbers, **members
    )
    return answer["PhoneNumberErrors"]


def disassociate(client: Any, connector_id: str, numbers: list[str]) -> Any:
    answer = client.disassociate_phone_numbers_from_voice_connector(
        VoiceConnectorId=connector_id, E164PhoneNumbers=numbers
    )
    return answer["PhoneNumberErrors"]


def read(client: Any, number: str) -> Any:
    return client.get_phone_number(PhoneNumberId=number)["PhoneNumber"]


def codes(errors: list[dict[str, str]]) -> dict[str, str]:
    return {error["PhoneNumberId"]: error["ErrorCode"] for error in errors}


def test_every_form_of_an_id_finds_the_number(stand: Stand, voice: Any) -> None:
    # API PN1 PN2
    (number,) = stand.new_numbers("206", 1, Name="Front desk")
    encoded = number.replace("+", "%2B")
    for form in (number, number.removeprefix("+"), encoded):
        found = read(voice, form)
        assert found["PhoneNumberId"] == encoded
        assert found["E164PhoneNumber"] == number
    assert found["Status"] == "Unassigned"
    assert found["Associations"] == []
    assert (found["Country"], found["Type"]) == ("US", "Local")
    assert (found["ProductType"], found["Name"]) == ("VoiceConnector", "Front desk")
    assert found["Capabilities"]["InboundCall"] is True
    assert found["Capabilities"]["InboundSMS"] is False


@pytest.mark.parametrize("unknown", ["+12065550999", "abc", "+0", "%252B12065550999", "é"])
def test_an_unknown_number_is_not_found(voice: Any, unknown: str) -> None:
    # API PN1 E7
    with pytest.raises(voice.exceptions.NotFoundException):
        read(voice, unknown)


def test_associating_assigns_and_disassociating_frees(stand: Stand, voice: Any) -> None:
    # API PN9 PN10 PN6 PN8
    connector_id = stand.new_connector()
    numbers = stand.new_numbers("212", 2)
    assert associate(voice, connector_id, numbers) == []
    found = read(voice, numbers[0])
    assert found["Status"] == "Assigned"
    (association,) = found["Associations"]
    assert association["Name"] == "VoiceConnectorId"
    assert association["Value"] == connector_id
    assert association["AssociatedTimestamp"] == found["UpdatedTimestamp"]
    # The same target again is a success, and counted once: the connector can be deleted below.
    assert associate(voice, connector_id, numbers + numbers[:1]) == []
    assert disassociate(voice, connector_id, numbers) == []
    found = read(voice, numbers[0])
    assert (found["Status"], found["Associations"]) == ("Unassigned", [])
    voice.delete_voice_connector(VoiceConnectorId=connector_id)


def test_each_number_is_judged_for_itself(stand: Stand, voice: Any) -> None:
    # API PN8 PN9
    mine, other = stand.new_connector(), stand.new_connector()
    free, taken = stand.new_numbers("312", 2)
    (dial_in,) = stand.new_numbers("312", 1, ProductType="SipMediaApplicationDialIn")
    associate(voice, other, [taken])
    errors = associate(voice, mine, [free, taken, dial_in, "+12065550999"])
    assert codes(errors) == {
        taken.replace("+", "%2B"): "PhoneNumberAssociationsExist",
        dial_in.replace("+", "%2B"): "BadRequest",
        "%2B12065550999": "NotFound",
    }
    assert all(error["ErrorMessage"] for error in errors)
    assert read(voice, free)["Associations"][0]["Value"] == mine
    assert read(voice, taken)["Associations"][0]["Value"] == other


def test_force_moves_a_number_and_both_counts_with_it(stand: Stand, voice: Any) -> None:
    # API PN9 VC7
    old, new = stand.new_connector(), stand.new_connector()
    numbers = stand.new_numbers("415", 1)
    associate(voice, old, numbers)
    assert associate(voice, new, numbers, ForceAssociate=True) == []
    assert read(voice, numbers[0])["Associations"][0]["Value"] == new
    assert codes(disassociate(voice, old, numbers)) == {numbers[0].replace("+", "%2B"): "NotFound"}
    voice.delete_voice_connector(VoiceConnectorId=old)
    with pytest.raises(voice.exceptions.ConflictException):
        voice.delete_voice_connector(VoiceConnectorId=new)


def test_bodies_take_every_form_of_a_number(stand: Stand, voice: Any) -> None:
    # API PN1 PN2
    connector_id = stand.new_connector()
    numbers = stand.new_numbers("512", 2)
    forms = [numbers[0].replace("+", "%2B"), numbers[1].removeprefix("+")]
    assert associate(voice, connector_id, forms) == []
    assert all(read(voice, number)["Status"] == "Assigned" for number in numbers)


def test_many_numbers_go_in_several_transactions(embedded_aws: EmbeddedAws) -> None:
    # API PN9: above the number of actions that one transaction may have
    with running(embedded_aws) as stand:
        client = stand.client()
        numbers = [n for code in ("206", "212", "213") for n in stand.new_numbers(code, 20)]
        old, new = stand.new_connector(), stand.new_connector()
        assert associate(client, old, numbers) == []
        assert associate(client, new, numbers, ForceAssociate=True) == []
        client.delete_voice_connector(VoiceConnectorId=old)
        assert disassociate(client, new, numbers) == []
        client.delete_voice_connector(VoiceConnectorId=new)


def test_an_unknown_connector_or_a_malformed_number_fails_the_whole(
    stand: Stand, voice: Any
) -> None:
    # API PN8
    with pytest.raises(voice.exceptions.NotFoundException):
        associate(voice, "a" * 22, ["+12065550123"])
    with pytest.raises(voice.exceptions.NotFoundException):
        disassociate(voice, "a" * 22, ["+12065550123"])
    with pytest.raises(voice.exceptions.BadRequestException, match=r"E164PhoneNumbers\[1\]"):
        associate(voice, stand.new_connector(), ["+12065550123", "abc"])


def test_list_filters_and_pages(embedded_aws: EmbeddedAws) -> None:
    # API PN12 V3
    with running(embedded_aws) as stand:
        client = stand.client()
        mine = stand.new_connector()
        numbers = stand.new_numbers("617", 5)
        (dial_in,) = stand.new_numbers("617", 1, ProductType="SipMediaApplicationDialIn")
        associate(client, mine, numbers[:3])

        def listed(**filters: Any) -> list[str]:
            found = client.list_phone_numbers(**filters)["PhoneNumbers"]
            return [number["E164PhoneNumber"] for number in found]

        assert listed() == [*numbers, dial_in]
        assert listed(Status="Assigned") == numbers[:3]
        assert listed(Status="Unassigned") == [*numbers[3:], dial_in]
        assert listed(Status="DeleteInProgress") == []
        assert listed(ProductType="SipMediaApplicationDialIn") == [dial_in]
        assert listed(FilterName="VoiceConnectorId", FilterValue=mine) == numbers[:3]
        assert listed(FilterName="VoiceConnectorId", FilterValue="a" * 22) == []
        assert listed(FilterName="SipRuleId", FilterValue="any") == []
        both = {"FilterName": "VoiceConnectorId", "FilterValue": mine, "Status": "Unassigned"}
        assert listed(**both) == []

        first = client.list_phone_numbers(MaxResults=2, Status="Assigned")
        token = first["NextToken"]
        rest = client.list_phone_numbers(MaxResults=2, Status="Assigned", NextToken=token)
        assert [it["E164PhoneNumber"] for it in rest["PhoneNumbers"]] == numbers[2:3]
        assert "NextToken" not in rest
        # A token belongs to one list: with another filter it is foreign.
        with pytest.raises(client.exceptions.BadRequestException, match="NextToken"):
            client.list_phone_numbers(MaxResults=2, NextToken=token)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"Status": "Nonsense"}, "Status is 'Nonsense'; one of AcquireFailed"),
        ({"FilterName": "VoiceConnectorId"}, "belong together"),
        ({"FilterValue": "x"}, "belong together"),
        ({"FilterName": "Colour", "FilterValue": "x"}, 'FilterName is "Colour"; one of'),
        ({"ProductType": "BusinessCalling"}, 'ProductType is "BusinessCalling"; one of'),
        ({"MaxResults": 0}, "MaxResults is 0; at least 1"),
        ({"MaxResults": 101}, "MaxResults is 101; at most 100"),
        ({"MaxResults": "many"}, "an integer is wanted"),
    ],
)
def test_a_bad_filter_is_refused(stand: Stand, filters: dict[str, Any], message: str) -> None:
    # API PN3 PN12 V1 V3
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        client.list_phone_numbers(**filters)


def test_a_deleted_number_can_be_restored(stand: Stand) -> None:  # API PN7
    client = stand.client()
    (number,) = stand.new_numbers("206", 1)
    client.delete_phone_number(PhoneNumberId=number)
    assert client.get_phone_number(PhoneNumberId=number)["PhoneNumber"]["DeletionTimestamp"]
    restored = client.restore_phone_number(PhoneNumberId=number)["PhoneNumber"]
    assert "DeletionTimestamp" not in restored
