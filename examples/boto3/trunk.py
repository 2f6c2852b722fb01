"""Set up a SIP trunk from nothing with boto3, and take it down again.

    eval "$(ovc env)"
    python examples/boto3/trunk.py up 192.0.2.10 192.0.2.11    # your PBX and its stand-by
    python examples/boto3/trunk.py down

Without addresses both are this machine, as the local run (`ovc up`) allows. What it makes carries
one name, and `down` removes whatever has that name.
"""

import secrets
import sys
import time
from collections.abc import Iterator
from typing import Any

import boto3

NAME = "boto3 example"
AREA_CODE = "415"
SIP_USER = "pbx"
LONGEST_ORDER_S = 120

# boto3 makes its clients at run time, so they have no static type.
voice: Any = boto3.client("chime-sdk-voice")  # reads the variables of `ovc env`


def set_up(pbx: str, stand_by: str) -> None:
    """Make the trunk and print what the PBX needs to know."""
    connector = voice.create_voice_connector(
        Name=NAME, RequireEncryption=False, Tags=[{"Key": "made-by", "Value": "example"}]
    )["VoiceConnector"]
    connector_id = connector["VoiceConnectorId"]

    # Calls to our numbers go to the PBX, and to its stand-by when the PBX does not take them.
    voice.put_voice_connector_origination(
        VoiceConnectorId=connector_id,
        Origination={"Routes": [route(pbx, priority=1), route(stand_by, priority=2)]},
    )

    direct, shared = order_numbers(2)
    voice.associate_phone_numbers_with_voice_connector(
        VoiceConnectorId=connector_id, E164PhoneNumbers=[direct]
    )
    # A group spreads a number over several connectors, in several regions if need be.
    group = voice.create_voice_connector_group(
        Name=NAME, VoiceConnectorItems=[{"VoiceConnectorId": connector_id, "Priority": 1}]
    )["VoiceConnectorGroup"]
    voice.associate_phone_numbers_with_voice_connector_group(
        VoiceConnectorGroupId=group["VoiceConnectorGroupId"], E164PhoneNumbers=[shared]
    )

    # Calls from these two hosts may go out, once they also know the password.
    password = secrets.token_urlsafe(16)
    voice.put_voice_connector_termination_credentials(
        VoiceConnectorId=connector_id,
        Credentials=[{"Username": SIP_USER, "Password": password}],
    )
    voice.put_voice_connector_termination(
        VoiceConnectorId=connector_id,
        Termination={
            "CallingRegions": ["US", "CA"],
            "CidrAllowedList": [f"{host}/32" for host in dict.fromkeys((pbx, stand_by))],
            "CpsLimit": 1,
            "DefaultPhoneNumber": direct,
        },
    )
    print(f"send calls to   {connector['OutboundHostName']}")
    print(f"as SIP user     {SIP_USER}, password {password}")
    print(f"you are called  at {direct}, and at {shared} through the group")


def route(host: str, *, priority: int) -> dict[str, object]:
    """Return a route to a SIP host."""
    return {"Host": host, "Port": 5060, "Protocol": "UDP", "Priority": priority, "Weight": 1}


def order_numbers(count: int) -> list[str]:
    """Find numbers, order them and wait until they are ours."""
    found = voice.search_available_phone_numbers(AreaCode=AREA_CODE, MaxResults=count)
    numbers: list[str] = found["E164PhoneNumbers"]
    placed = voice.create_phone_number_order(
        ProductType="VoiceConnector", E164PhoneNumbers=numbers, Name=NAME
    )
    order_id = placed["PhoneNumberOrder"]["PhoneNumberOrderId"]
    deadline = time.monotonic() + LONGEST_ORDER_S
    while True:
        order = voice.get_phone_number_order(PhoneNumberOrderId=order_id)["PhoneNumberOrder"]
        if order["Status"] == "Successful":
            return numbers
        if order["Status"] != "Processing" or time.monotonic() > deadline:
            sys.exit(f"The order of {numbers} is {order['Status']}")
        time.sleep(1)


def take_down() -> None:
    """Remove everything that has our name; connectors go last, when nothing needs them."""
    for group in pages("list_voice_connector_groups", "VoiceConnectorGroups"):
        if group["Name"] == NAME:
            group_id = group["VoiceConnectorGroupId"]
            give_up_numbers("VoiceConnectorGroup", group_id)
            voice.update_voice_connector_group(
                VoiceConnectorGroupId=group_id, Name=NAME, VoiceConnectorItems=[]
            )
            voice.delete_voice_connector_group(VoiceConnectorGroupId=group_id)
    for connector in pages("list_voice_connectors", "VoiceConnectors"):
        if connector["Name"] == NAME:
            connector_id = connector["VoiceConnectorId"]
            # It may name one of the numbers as its default caller id.
            voice.delete_voice_connector_termination(VoiceConnectorId=connector_id)
            give_up_numbers("VoiceConnector", connector_id)
            voice.delete_voice_connector(VoiceConnectorId=connector_id)


def give_up_numbers(kind: str, identifier: str) -> None:
    """Part numbers from a connector or group and delete them: they stay restorable for a week."""
    listed = pages(
        "list_phone_numbers", "PhoneNumbers", FilterName=f"{kind}Id", FilterValue=identifier
    )
    numbers = [it["E164PhoneNumber"] for it in listed]
    if not numbers:
        return
    if kind == "VoiceConnector":
        answer = voice.disassociate_phone_numbers_from_voice_connector(
            VoiceConnectorId=identifier, E164PhoneNumbers=numbers
        )
    else:
        answer = voice.disassociate_phone_numbers_from_voice_connector_group(
            VoiceConnectorGroupId=identifier, E164PhoneNumbers=numbers
        )
    if not answer["PhoneNumberErrors"]:
        answer = voice.batch_delete_phone_number(PhoneNumberIds=numbers)
    # These calls answer 200 and list what failed, number by number.
    if answer["PhoneNumberErrors"]:
        sys.exit(f"Some numbers are left: {answer['PhoneNumberErrors']}")


def pages(operation: str, member: str, **filters: str) -> Iterator[dict[str, Any]]:
    """Return every entry of a list: there are no paginators, a token leads from page to page.

    All pages are read before the first entry is used, which may be to delete it.
    """
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = getattr(voice, operation)(**filters, **token)
        found += page[member]
        if "NextToken" not in page:
            return iter(found)
        token = {"NextToken": page["NextToken"]}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up"]:
            set_up("127.0.0.1", "127.0.0.1")
        case ["up", pbx, stand_by]:
            set_up(pbx, stand_by)
        case ["down"]:
            take_down()
        case _:
            sys.exit("usage: trunk.py up [PBX STAND-BY] | trunk.py down")
