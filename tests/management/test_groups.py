"""Groups of connectors, and the numbers that point at them, through unmodified boto3."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Quotas, Settings
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets

UNKNOWN_GROUP = "11111111-1111-4111-8111-111111111111"


def items(*connectors: str) -> list[dict[str, object]]:
    """Return an entry for each connector, the first one being tried first."""
    return [{"VoiceConnectorId": it, "Priority": n} for n, it in enumerate(connectors, 1)]


def create(client: Any, *connectors: str, **members: Any) -> Any:
    arguments = {"Name": "group", "VoiceConnectorItems": items(*connectors)} | members
    return client.create_voice_connector_group(**arguments)["VoiceConnectorGroup"]


def new_group(client: Any, *connectors: str) -> str:
    return str(create(client, *connectors)["VoiceConnectorGroupId"])


def read(client: Any, group_id: str) -> Any:
    return client.get_voice_connector_group(VoiceConnectorGroupId=group_id)["VoiceConnectorGroup"]


def update(client: Any, group_id: str, *connectors: str, **members: Any) -> Any:
    arguments = {"Name": "group", "VoiceConnectorItems": items(*connectors)} | members
    return client.update_voice_connector_group(VoiceConnectorGroupId=group_id, **arguments)


def delete(client: Any, group_id: str) -> Any:
    return client.delete_voice_connector_group(VoiceConnectorGroupId=group_id)


def associate(client: Any, group_id: str, numbers: list[str], **members: Any) -> Any:
    return client.associate_phone_numbers_with_voice_connector_group(
        VoiceConnectorGroupId=group_id, E164PhoneNumbers=numbers, **members
    )["PhoneNumberErrors"]


def disassociate(client: Any, group_id: str, numbers: list[str]) -> Any:
    return client.disassociate_phone_numbers_from_voice_connector_group(
        VoiceConnectorGroupId=group_id, E164PhoneNumbers=numbers
    )["PhoneNumberErrors"]


def owner(client: Any, number: str) -> tuple[str, str] | None:
    """Return what a number points at, and what kind of thing it is."""
    found = client.get_phone_number(PhoneNumberId=number)["PhoneNumber"]
    assert (found["Status"] == "Assigned") == bool(found["Associations"])
    if not found["Associations"]:
        return None
    (association,) = found["Associations"]
    assert association["AssociatedTimestamp"] == found["UpdatedTimestamp"]
    return association["Name"], association["Value"]


def test_a_group_is_answered_whole_and_read_back(stand: Stand, voice: Any) -> None:
    # API VG1 VG2 W6
    first, second = stand.new_connector(), stand.new_connector(AwsRegion="eu-west-1")
    answer = voice.create_voice_connector_group(
        Name="My group_1.x-y", VoiceConnectorItems=items(first, second)
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    group = answer["VoiceConnectorGroup"]
    group_id = group["VoiceConnectorGroupId"]
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", group_id)
    assert group["Name"] == "My group_1.x-y"
    assert group["VoiceConnectorItems"] == items(first, second)
    assert group["CallDistributionType"] == "PriorityWeightedDistribution"
    assert group["CreatedTimestamp"] == group["UpdatedTimestamp"]
    arn = f"arn:aws:chime:us-east-1:000000000000:vcg/{group_id}"
    assert group["VoiceConnectorGroupArn"] == arn
    assert read(voice, group_id) == group
    assert group in voice.list_voice_connector_groups()["VoiceConnectorGroups"]


def test_connectors_priority_and_distribution_may_be_left_out(stand: Stand, voice: Any) -> None:
    # API VG1 VG2
    made = voice.create_voice_connector_group(Name="empty")["VoiceConnectorGroup"]
    assert made["VoiceConnectorItems"] == []
    connector_id = stand.new_connector()
    made = create(
        voice,
        VoiceConnectorItems=[{"VoiceConnectorId": connector_id}],
        CallDistributionType="LoadBalancedDistribution",
    )
    assert made["VoiceConnectorItems"] == items(connector_id)
    assert made["CallDistributionType"] == "LoadBalancedDistribution"


def test_an_update_replaces_name_and_connectors(stand: Stand, voice: Any) -> None:
    # API VG3 W6
    first, second = stand.new_connector(), stand.new_connector()
    group_id = new_group(voice, first)
    answer = update(voice, group_id, second, first, Name="renamed")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    group = answer["VoiceConnectorGroup"]
    assert (group["Name"], group["VoiceConnectorItems"]) == ("renamed", items(second, first))
    assert group["UpdatedTimestamp"] >= group["CreatedTimestamp"]
    assert read(voice, group_id) == group
    # A list without entries is legal: Terraform sends it before it deletes, and on a rename.
    assert update(voice, group_id)["VoiceConnectorGroup"]["VoiceConnectorItems"] == []


def test_an_update_that_names_no_distribution_leaves_it(voice: Any) -> None:
    # API VG1: clients of the older model know nothing of it
    balanced = "LoadBalancedDistribution"
    group_id = create(voice, CallDistributionType=balanced)["VoiceConnectorGroupId"]
    assert update(voice, group_id)["VoiceConnectorGroup"]["CallDistributionType"] == balanced
    weighted = "PriorityWeightedDistribution"
    update(voice, group_id, CallDistributionType=weighted)
    assert read(voice, group_id)["CallDistributionType"] == weighted


def test_an_unknown_group_is_not_found(voice: Any) -> None:
    # API E3
    for unknown in (UNKNOWN_GROUP, "unknown", "x" * 2000):
        for call in (read, update, delete):
            with pytest.raises(voice.exceptions.NotFoundException):
                call(voice, unknown)
        for change in (associate, disassociate):
            with pytest.raises(voice.exceptions.NotFoundException):
                change(voice, unknown, ["+12065550123"])


def test_a_connector_must_exist_and_occur_once(stand: Stand, voice: Any) -> None:
    # API VG2
    connector_id = stand.new_connector()
    group_id = new_group(voice, connector_id)
    for change in (partial(create, voice), partial(update, voice, group_id)):
        with pytest.raises(voice.exceptions.BadRequestException, match="Connector twice"):
            change(connector_id, connector_id)
        with pytest.raises(
            voice.exceptions.ClientError, match=r"Voice Connector a+ not found"
        ) as it:
            change(connector_id, "a" * 22)
        assert it.value.response["Error"]["Code"] == "NotFoundException"
    assert read(voice, group_id)["VoiceConnectorItems"] == items(connector_id)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Name": None}, "Name is missing"),
        ({"Name": "a@b"}, 'Name is "a@b"; it must match'),
        ({"Name": "n" * 257}, "Name has 257 characters; at most 256"),
        ({"VoiceConnectorItems": [{"Priority": 1}]}, r"Items\[0\].VoiceConnectorId is missing"),
        (
            {"VoiceConnectorItems": [{"VoiceConnectorId": "a", "Priority": 0}]},
            r"Items\[0\].Priority is 0; at least 1",
        ),
        (
            {"VoiceConnectorItems": [{"VoiceConnectorId": "a", "Priority": 100}]},
            r"Items\[0\].Priority is 100; at most 99",
        ),
        ({"CallDistributionType": "Random"}, 'CallDistributionType is "Random"; one of'),
        ({"VoiceConnectorItems": items(*"abcdefghijk")}, "has 11 entries; at most 10"),
    ],
)
def test_a_bad_group_is_refused(stand: Stand, change: dict[str, Any], message: str) -> None:
    # API V1 VG2, section 7
    client = stand.client(config=UNCHECKED)
    given = {key: value for key, value in ({"Name": "g"} | change).items() if value is not None}
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        client.create_voice_connector_group(**given)


def test_a_connector_of_a_group_stays_until_it_has_left_all(stand: Stand, voice: Any) -> None:
    # API VC7 E4
    connector_id, other = stand.new_connector(), stand.new_connector()
    vc = {"VoiceConnectorId": connector_id}
    first, second = new_group(voice, connector_id, other), new_group(voice, connector_id)
    for leave in (partial(update, voice, first, other), partial(update, voice, second)):
        with pytest.raises(voice.exceptions.ConflictException, match="belongs to a group"):
            voice.delete_voice_connector(**vc)
        # To leave and to come back leaves one membership, as does a change of priority.
        update(voice, second)
        update(voice, second, other, connector_id)
        update(voice, second, connector_id, other)
        leave()
    voice.delete_voice_connector(**vc)


def test_a_group_is_deleted_when_nothing_is_left_in_it(stand: Stand, voice: Any) -> None:
    # API VG4 W6
    connector_id = stand.new_connector()
    group_id, numbers = new_group(voice, connector_id), stand.new_numbers("888", 1)
    associate(voice, group_id, numbers)
    for step, message in (
        (partial(update, voice, group_id), "Voice Connectors belong to"),
        (partial(disassociate, voice, group_id, numbers), "Phone numbers are associated with"),
    ):
        with pytest.raises(voice.exceptions.ConflictException, match=message):
            delete(voice, group_id)
        step()
    assert delete(voice, group_id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(voice.exceptions.NotFoundException):
        delete(voice, group_id)
    voice.delete_voice_connector(VoiceConnectorId=connector_id)


def test_groups_list_in_order_of_creation(embedded_aws: EmbeddedAws) -> None:
    # API V3
    with running(embedded_aws) as stand:
        client = stand.client()
        made = [new_group(client) for _ in range(5)]
        pages = [client.list_voice_connector_groups(MaxResults=2)]
        while "NextToken" in pages[-1]:
            token = pages[-1]["NextToken"]
            pages.append(client.list_voice_connector_groups(MaxResults=2, NextToken=token))
        listed = [
            [it["VoiceConnectorGroupId"] for it in page["VoiceConnectorGroups"]] for page in pages
        ]
        assert listed == [made[:2], made[2:4], made[4:]]


def test_quotas_are_those_of_amazon_in_its_profile(embedded_aws: EmbeddedAws) -> None:
    # API VG2, section 7
    with running(embedded_aws, Settings(api=ApiSettings(quotas=Quotas.aws()))) as stand:
        client = stand.client()
        regions = ("us-east-1", "us-east-1", "us-west-2", "us-west-2")
        connectors = [stand.new_connector(AwsRegion=region) for region in regions]
        refused = client.exceptions.BadRequestException
        with pytest.raises(refused, match="VoiceConnectorItems has 4 entries; at most 3"):
            create(client, *connectors)
        made = [new_group(client, *connectors[:3]) for _ in range(3)]
        with pytest.raises(refused, match="has 4 entries; at most 3"):
            update(client, made[0], *connectors)
        limit = client.exceptions.ResourceLimitExceededException
        with pytest.raises(limit, match="3 Voice Connector groups already"):
            create(client)
        update(client, made[0])
        delete(client, made[0])
        create(client)


def test_parallel_creations_never_exceed_the_quota(embedded_aws: EmbeddedAws) -> None:
    # API VG2, section 7
    with running(embedded_aws, Settings(api=ApiSettings(quotas=Quotas.aws()))) as stand:
        client = stand.client()

        def make(_: int) -> bool:
            try:
                create(client)
            except client.exceptions.ResourceLimitExceededException:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(make, range(8))).count(True) == 3
        assert len(client.list_voice_connector_groups()["VoiceConnectorGroups"]) == 3


def test_numbers_move_between_connector_and_group_only_by_force(stand: Stand, voice: Any) -> None:
    # API PN9 PN10 PN6
    connector_id, group_id, other = stand.new_connector(), new_group(voice), new_group(voice)
    vc = {"VoiceConnectorId": connector_id}
    (number,) = numbers = stand.new_numbers("888", 1)
    assert associate(voice, group_id, numbers) == []
    assert owner(voice, number) == ("VoiceConnectorGroupId", group_id)
    # The same target again is a success, and counted once: the group is deleted below.
    assert associate(voice, group_id, numbers) == []

    refusals = [
        (associate(voice, other, numbers), "another Voice Connector group"),
        (
            voice.associate_phone_numbers_with_voice_connector(**vc, E164PhoneNumbers=numbers)[
                "PhoneNumberErrors"
            ],
            "a Voice Connector group",
        ),
    ]
    for (error,), message in refusals:
        assert error["ErrorCode"] == "PhoneNumberAssociationsExist"
        assert error["ErrorMessage"].endswith(message)
    (error,) = disassociate(voice, other, numbers)
    assert error["ErrorCode"] == "NotFound"
    assert owner(voice, number) == ("VoiceConnectorGroupId", group_id)

    answer = voice.associate_phone_numbers_with_voice_connector(
        **vc, E164PhoneNumbers=numbers, ForceAssociate=True
    )
    assert answer["PhoneNumberErrors"] == []
    assert owner(voice, number) == ("VoiceConnectorId", connector_id)
    delete(voice, group_id)
    (error,) = associate(voice, other, numbers)
    assert error["ErrorMessage"].endswith("associated with a Voice Connector")
    assert associate(voice, other, numbers, ForceAssociate=True) == []
    assert owner(voice, number) == ("VoiceConnectorGroupId", other)
    voice.delete_voice_connector(**vc)
    assert disassociate(voice, other, numbers) == []
    assert owner(voice, number) is None
    delete(voice, other)


def test_each_number_is_judged_for_itself(stand: Stand, voice: Any) -> None:
    # API PN8 PN9
    group_id = new_group(voice)
    (free,) = stand.new_numbers("888", 1)
    (dial_in,) = stand.new_numbers("888", 1, ProductType="SipMediaApplicationDialIn")
    errors = associate(voice, group_id, [free, dial_in, "+12065550999"])
    codes = {error["PhoneNumberId"]: error["ErrorCode"] for error in errors}
    assert codes == {dial_in.replace("+", "%2B"): "BadRequest", "%2B12065550999": "NotFound"}
    assert owner(voice, free) == ("VoiceConnectorGroupId", group_id)


def test_many_numbers_change_hands_in_several_transactions(embedded_aws: EmbeddedAws) -> None:
    # API PN9: above the number of actions that one transaction may have
    with running(embedded_aws) as stand:
        client = stand.client()
        numbers = [n for code in ("206", "212", "213") for n in stand.new_numbers(code, 20)]
        vc = {"VoiceConnectorId": stand.new_connector()}
        group_id = new_group(client)
        client.associate_phone_numbers_with_voice_connector(**vc, E164PhoneNumbers=numbers)
        assert associate(client, group_id, numbers, ForceAssociate=True) == []
        client.delete_voice_connector(**vc)
        assert disassociate(client, group_id, numbers) == []
        delete(client, group_id)


def test_a_list_of_a_groups_numbers_and_of_a_connectors(embedded_aws: EmbeddedAws) -> None:
    # API PN12 V5
    with running(embedded_aws) as stand:
        client = stand.client()
        connector_id = stand.new_connector()
        group_id = new_group(client, connector_id)
        numbers = stand.new_numbers("312", 4)
        associate(client, group_id, numbers[:2])
        client.associate_phone_numbers_with_voice_connector(
            VoiceConnectorId=connector_id, E164PhoneNumbers=numbers[2:3]
        )

        def listed(**filters: Any) -> list[str]:
            found = client.list_phone_numbers(**filters)["PhoneNumbers"]
            return [number["E164PhoneNumber"] for number in found]

        mine = {"FilterName": "VoiceConnectorGroupId", "FilterValue": group_id}
        assert listed(**mine) == numbers[:2]
        assert listed(**mine, Status="Assigned") == numbers[:2]
        assert listed(**mine, Status="Unassigned") == []
        assert listed(**mine, ProductType="SipMediaApplicationDialIn") == []
        # Of a connector: not those of the groups that it is in.
        assert listed(FilterName="VoiceConnectorId", FilterValue=connector_id) == numbers[2:3]
        assert listed(FilterName="VoiceConnectorId", FilterValue=group_id) == []
        assert listed(FilterName="SipRuleId", FilterValue=group_id) == []
        assert listed(Status="Assigned") == numbers[:3]
        disassociate(client, group_id, numbers[:2])
        assert listed(**mine) == []


def in_parallel(*writes: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(writes)) as threads:
        return [future.result() for future in [threads.submit(write) for write in writes]]


def test_a_deleted_connector_is_in_no_group(stand: Stand, voice: Any) -> None:
    # API VC7 VG2
    group_id = new_group(voice)
    for turn in range(8):
        connector_id = stand.new_connector()

        def join(connector_id: str = connector_id, turn: int = turn) -> bool:
            try:
                if turn % 2:
                    update(voice, group_id, connector_id)
                else:
                    create(voice, connector_id)
            except voice.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "NotFoundException"
                return False
            return True

        def remove(connector_id: str = connector_id) -> bool:
            try:
                voice.delete_voice_connector(VoiceConnectorId=connector_id)
            except voice.exceptions.ConflictException:
                return False
            return True

        has_joined, is_gone = in_parallel(join, remove)
        assert has_joined != is_gone


def test_writers_of_one_group_leave_true_counts(stand: Stand, voice: Any) -> None:
    # API VG3 VC7
    connectors = [stand.new_connector() for _ in range(4)]
    group_id = new_group(voice)

    def write(own: list[str]) -> Callable[[], object]:
        return lambda: update(voice, group_id, *own)

    for _ in range(3):
        in_parallel(*(write(connectors[n:] + connectors[: n // 2]) for n in range(4)))
    left = {it["VoiceConnectorId"] for it in read(voice, group_id)["VoiceConnectorItems"]}
    for connector_id in connectors:
        if connector_id in left:
            with pytest.raises(voice.exceptions.ConflictException):
                voice.delete_voice_connector(VoiceConnectorId=connector_id)
        else:
            voice.delete_voice_connector(VoiceConnectorId=connector_id)
    update(voice, group_id)
    for connector_id in left:
        voice.delete_voice_connector(VoiceConnectorId=connector_id)


def test_connector_and_group_that_both_force_leave_one_owner_and_true_counts(
    stand: Stand, voice: Any
) -> None:
    # API PN9 VC7 VG4
    vc, group_id = {"VoiceConnectorId": stand.new_connector()}, new_group(voice)
    numbers = stand.new_numbers("888", 2)
    for _ in range(4):
        errors = in_parallel(
            lambda: associate(voice, group_id, numbers, ForceAssociate=True),
            lambda: voice.associate_phone_numbers_with_voice_connector(
                **vc, E164PhoneNumbers=numbers, ForceAssociate=True
            )["PhoneNumberErrors"],
        )
        assert errors == [[], []]
    owners = [owner(voice, number) for number in numbers]
    assert set(owners) <= {
        ("VoiceConnectorGroupId", group_id),
        ("VoiceConnectorId", vc["VoiceConnectorId"]),
    }
    mine = [number for number, it in zip(numbers, owners, strict=True) if it and it[1] == group_id]
    others = [number for number in numbers if number not in mine]
    disassociate(voice, group_id, mine)
    voice.disassociate_phone_numbers_from_voice_connector(**vc, E164PhoneNumbers=others)
    delete(voice, group_id)
    voice.delete_voice_connector(**vc)


def test_deleting_a_group_while_associating_strands_no_number(stand: Stand, voice: Any) -> None:
    # API VG4 PN8 PN9
    (number,) = stand.new_numbers("888", 1)
    for _ in range(8):
        group_id = new_group(voice)

        def take(group_id: str = group_id) -> bool:
            try:
                assert associate(voice, group_id, [number]) == []
            except voice.exceptions.NotFoundException:
                return False
            return True

        def remove(group_id: str = group_id) -> bool:
            try:
                delete(voice, group_id)
            except voice.exceptions.ConflictException:
                return False
            return True

        is_taken, is_gone = in_parallel(take, remove)
        assert is_taken != is_gone
        assert owner(voice, number) == (("VoiceConnectorGroupId", group_id) if is_taken else None)
        if is_taken:
            disassociate(voice, group_id, [number])
            delete(voice, group_id)
