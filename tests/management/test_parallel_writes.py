"""Clients that change one connector, or one number, at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.management.stand import Stand

pytestmark = pytest.mark.sockets

ROUNDS = 5


def in_parallel(*writes: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(writes)) as threads:
        return [future.result() for future in [threads.submit(write) for write in writes]]


def test_eight_writers_of_one_connector_lose_nothing(stand: Stand, voice: Any) -> None:
    # API V5, ARCHITECTURE A4
    vc = {"VoiceConnectorId": stand.new_connector()}
    for turn in range(ROUNDS):
        route = {"Host": f"200.100.12.{turn + 1}", "Priority": 1, "Weight": 1}
        numbers = stand.new_numbers("855", 1)
        users = [f"t{turn % 2}-{n}" for n in range(4)]

        def credentials(user: str) -> Callable[[], object]:
            entry = {"Username": user, "Password": "p"}
            return lambda: voice.put_voice_connector_termination_credentials(
                **vc, Credentials=[entry]
            )

        in_parallel(
            lambda route=route: voice.put_voice_connector_origination(  # type: ignore[misc]
                **vc, Origination={"Routes": [route]}
            ),
            lambda turn=turn: voice.put_voice_connector_termination(  # type: ignore[misc]
                **vc, Termination={"CallingRegions": ["US"], "CpsLimit": turn + 1}
            ),
            lambda turn=turn: voice.update_voice_connector(  # type: ignore[misc]
                **vc, Name=f"turn {turn}", RequireEncryption=bool(turn % 2)
            ),
            lambda numbers=numbers: voice.associate_phone_numbers_with_voice_connector(  # type: ignore[misc]
                **vc, E164PhoneNumbers=numbers
            ),
            *map(credentials, users),
        )
        origination = voice.get_voice_connector_origination(**vc)["Origination"]
        termination = voice.get_voice_connector_termination(**vc)["Termination"]
        connector = voice.get_voice_connector(**vc)["VoiceConnector"]
        names = voice.list_voice_connector_termination_credentials(**vc)["Usernames"]
        assert origination["Routes"][0]["Host"] == route["Host"]
        assert termination["CpsLimit"] == turn + 1
        assert connector["Name"] == f"turn {turn}"
        assert set(users) <= set(names)
    mine = {"FilterName": "VoiceConnectorId", "FilterValue": vc["VoiceConnectorId"]}
    assert len(voice.list_phone_numbers(**mine)["PhoneNumbers"]) == ROUNDS


def test_writers_of_every_configuration_of_one_connector_lose_nothing(
    stand: Stand, voice: Any
) -> None:
    # API V5, ARCHITECTURE A4: 8 threads, each with an attribute or a tag of its own
    vc = {"VoiceConnectorId": stand.new_connector()}
    arn = voice.get_voice_connector(**vc)["VoiceConnector"]["VoiceConnectorArn"]
    emergency = {"EmergencyPhoneNumber": "+12065550111", "CallingCountry": "US"}
    regions = {"CallingRegions": ["US"]}
    voice.put_voice_connector_termination(**vc, Termination=regions)
    voice.put_voice_connector_origination(**vc, Origination={"Disabled": False})
    groups = []
    for turn in range(ROUNDS):
        port, flag = turn + 1, bool(turn % 2)
        origination = {"Routes": [{"Host": "200.100.12.1", "Port": port}]}
        logging = {"EnableSIPLogs": flag, "EnableMediaMetricLogs": not flag}
        streaming = {"DataRetentionInHours": turn, "Disabled": flag}
        tags = [{"Key": f"{turn}", "Value": f"{turn}"}]

        def join_a_group() -> None:
            made = voice.create_voice_connector_group(
                Name="group", VoiceConnectorItems=[{**vc, "Priority": 1}]
            )
            groups.append(made["VoiceConnectorGroup"]["VoiceConnectorGroupId"])

        put: list[tuple[Any, dict[str, Any]]] = [
            (voice.put_voice_connector_origination, {"Origination": origination}),
            (voice.put_voice_connector_termination, {"Termination": regions | {"CpsLimit": port}}),
            (voice.put_voice_connector_logging_configuration, {"LoggingConfiguration": logging}),
            (
                voice.put_voice_connector_streaming_configuration,
                {"StreamingConfiguration": streaming},
            ),
            (
                voice.put_voice_connector_emergency_calling_configuration,
                {"EmergencyCallingConfiguration": {"DNIS": [emergency] * port}},
            ),
            (
                voice.put_voice_connector_external_systems_configuration,
                {"SessionBorderControllerTypes": ["RIBBON_SBC", "AVAYA_SBCE"][: turn % 3]},
            ),
        ]
        in_parallel(
            *(partial(call, **vc, **members) for call, members in put),
            partial(voice.tag_resource, ResourceARN=arn, Tags=tags),
            join_a_group,
        )
        read = {
            "origination": voice.get_voice_connector_origination(**vc)["Origination"]["Routes"][0],
            "termination": voice.get_voice_connector_termination(**vc)["Termination"],
        }
        assert (read["origination"]["Port"], read["termination"]["CpsLimit"]) == (port, port)
        found = voice.get_voice_connector_logging_configuration(**vc)
        assert found["LoggingConfiguration"] == logging
        found = voice.get_voice_connector_streaming_configuration(**vc)
        assert found["StreamingConfiguration"] == streaming
        found = voice.get_voice_connector_emergency_calling_configuration(**vc)
        assert len(found["EmergencyCallingConfiguration"]["DNIS"]) == port
        found = voice.get_voice_connector_external_systems_configuration(**vc)
        systems = found["ExternalSystemsConfiguration"]["SessionBorderControllerTypes"]
        assert len(systems) == turn % 3
    kept = voice.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert [tag["Key"] for tag in kept] == [f"{turn}" for turn in range(ROUNDS)]
    for group_id in groups:
        with pytest.raises(voice.exceptions.ConflictException):
            voice.delete_voice_connector(**vc)
        voice.update_voice_connector_group(
            VoiceConnectorGroupId=group_id, Name="group", VoiceConnectorItems=[]
        )
    voice.delete_voice_connector(**vc)


def test_parallel_users_never_exceed_the_limit(stand: Stand, voice: Any) -> None:
    # API TC1
    vc = {"VoiceConnectorId": stand.new_connector()}

    def put(user: str) -> Callable[[], bool]:
        def write() -> bool:
            try:
                voice.put_voice_connector_termination_credentials(
                    **vc, Credentials=[{"Username": user, "Password": "p"}]
                )
            except voice.exceptions.BadRequestException:
                return False
            return True

        return write

    stored = in_parallel(*(put(f"u{number}") for number in range(14)))
    names = voice.list_voice_connector_termination_credentials(**vc)["Usernames"]
    assert len(names) == stored.count(True) == 10


def test_one_number_goes_to_one_of_two_connectors(stand: Stand, voice: Any) -> None:
    # API PN9
    connectors = [stand.new_connector(), stand.new_connector()]
    (number,) = stand.new_numbers("844", 1)

    def take(connector_id: str) -> Callable[[], Any]:
        return lambda: voice.associate_phone_numbers_with_voice_connector(
            VoiceConnectorId=connector_id, E164PhoneNumbers=[number]
        )["PhoneNumberErrors"]

    errors = in_parallel(*map(take, connectors))
    winner = voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]["Associations"][0]["Value"]
    loser = connectors[1 - connectors.index(winner)]
    assert sorted(len(it) for it in errors if isinstance(it, list)) == [0, 1]
    voice.delete_voice_connector(VoiceConnectorId=loser)


def test_deleting_while_associating_strands_no_number(stand: Stand, voice: Any) -> None:
    # API VC7 PN9
    (number,) = stand.new_numbers("866", 1)
    for _ in range(8):
        vc = {"VoiceConnectorId": stand.new_connector()}

        def associate(vc: dict[str, str] = vc) -> bool:
            try:
                errors = voice.associate_phone_numbers_with_voice_connector(
                    **vc, E164PhoneNumbers=[number]
                )["PhoneNumberErrors"]
            except voice.exceptions.NotFoundException:
                return False
            assert errors == []
            return True

        def delete(vc: dict[str, str] = vc) -> bool:
            try:
                voice.delete_voice_connector(**vc)
            except voice.exceptions.ConflictException:
                return False
            return True

        is_taken, is_gone = in_parallel(associate, delete)
        assert is_taken != is_gone
        associations = voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]["Associations"]
        assert [it["Value"] for it in associations] == [vc["VoiceConnectorId"]] * bool(is_taken)
        if is_taken:
            voice.disassociate_phone_numbers_from_voice_connector(**vc, E164PhoneNumbers=[number])
            voice.delete_voice_connector(**vc)


def test_two_connectors_that_force_leave_one_owner_and_true_counts(
    stand: Stand, voice: Any
) -> None:
    # API PN9 VC7
    connectors = [stand.new_connector(), stand.new_connector()]
    (number,) = stand.new_numbers("877", 1)

    def force(connector_id: str) -> Callable[[], Any]:
        return lambda: voice.associate_phone_numbers_with_voice_connector(
            VoiceConnectorId=connector_id, E164PhoneNumbers=[number], ForceAssociate=True
        )["PhoneNumberErrors"]

    for _ in range(4):
        assert in_parallel(*map(force, connectors)) == [[], []]
    found = voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]
    owner = found["Associations"][0]["Value"]
    connectors.remove(owner)
    voice.delete_voice_connector(VoiceConnectorId=connectors[0])
    with pytest.raises(voice.exceptions.ConflictException):
        voice.delete_voice_connector(VoiceConnectorId=owner)


def test_one_number_is_ordered_once(stand: Stand, voice: Any) -> None:
    # API PN5
    (number,) = voice.search_available_phone_numbers(AreaCode="833", MaxResults=1)[
        "E164PhoneNumbers"
    ]

    def buy() -> str:
        try:
            placed = voice.create_phone_number_order(
                ProductType="VoiceConnector", E164PhoneNumbers=[number]
            )["PhoneNumberOrder"]
        except voice.exceptions.BadRequestException:
            return "refused"
        order_id = placed["PhoneNumberOrderId"]
        return str(stand.settled(order_id)["Status"])

    outcomes = in_parallel(*[buy] * 4)
    assert outcomes.count("Successful") == 1
    assert set(outcomes) <= {"Successful", "Failed", "refused"}
