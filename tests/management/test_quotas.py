"""Quotas: the default profile, Amazon's own, and many clients at once at the last free place."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Quotas, Settings
from model.tables import COUNT, INVENTORY, NUMBERS, key
from tests.management.stand import Stand, running

pytestmark = pytest.mark.sockets

AWS = Settings(api=ApiSettings(quotas=Quotas.aws()))
API_MD = Path(__file__).parents[2] / "docs" / "spec" / "API.md"


def in_parallel(times: int, write: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(times) as threads:
        return [future.result() for future in [threads.submit(write) for _ in range(times)]]


def termination(client: Any, connector_id: str, **members: Any) -> Any:
    answer = client.put_voice_connector_termination(
        VoiceConnectorId=connector_id, Termination={"CallingRegions": ["US"]} | members
    )
    return answer["Termination"]


def test_the_default_profile(embedded_aws: EmbeddedAws) -> None:
    # API section 7 TM2 TM3 OR5
    quotas = Settings().api.quotas
    assert (quotas.connectors, quotas.numbers, quotas.cps_limit) == (100, 10_000, 100)
    with running(embedded_aws, Settings()) as stand:
        client, connector_id = stand.client(), stand.new_connector()
        refused = client.exceptions.BadRequestException
        assert termination(client, connector_id)["CpsLimit"] == 1
        assert termination(client, connector_id, CpsLimit=100)["CpsLimit"] == 100
        with pytest.raises(refused, match="CpsLimit is 101; at most 100"):
            termination(client, connector_id, CpsLimit=101)
        with pytest.raises(refused, match="publicly routable network"):
            termination(client, connector_id, CidrAllowedList=["10.1.2.3/32"])
        with pytest.raises(refused, match="publicly routable address"):
            client.put_voice_connector_origination(
                VoiceConnectorId=connector_id, Origination={"Routes": [{"Host": "10.1.2.3"}]}
            )


def test_amazons_profile_is_what_the_specification_tells_operators_to_write(
    embedded_aws: EmbeddedAws,
) -> None:
    # API section 7
    (document,) = re.findall(r"`(\{\"api\".*?\})`", API_MD.read_text())
    assert Settings.from_json(document) == AWS
    with running(embedded_aws, AWS) as stand:
        client = stand.client()
        made = [stand.new_connector() for _ in range(3)]
        with pytest.raises(client.exceptions.ResourceLimitExceededException, match="quota"):
            stand.new_connector()
        client.delete_voice_connector(VoiceConnectorId=made[0])
        stand.new_connector()
        with pytest.raises(client.exceptions.BadRequestException, match="at most 1 is"):
            termination(client, made[1], CpsLimit=2)


def test_parallel_creations_never_exceed_the_quota(embedded_aws: EmbeddedAws) -> None:
    # API VC4, section 7
    with running(embedded_aws, AWS) as stand:
        client = stand.client()

        def create() -> bool:
            try:
                stand.new_connector()
            except client.exceptions.ResourceLimitExceededException:
                return False
            return True

        assert in_parallel(8, create).count(True) == 3
        assert len(client.list_voice_connectors()["VoiceConnectors"]) == 3


def test_parallel_deletions_free_each_place_once(embedded_aws: EmbeddedAws) -> None:
    # API VC7, section 7
    with running(embedded_aws, AWS) as stand:
        client = stand.client()
        made = [stand.new_connector() for _ in range(3)]

        def delete() -> bool:
            try:
                client.delete_voice_connector(VoiceConnectorId=made[0])
            except client.exceptions.NotFoundException:
                return False
            return True

        assert in_parallel(4, delete).count(True) == 1
        stand.new_connector()
        with pytest.raises(client.exceptions.ResourceLimitExceededException):
            stand.new_connector()


def owned(stand: Stand) -> int:
    answer = stand.aws.dynamodb.get_item(
        TableName=NUMBERS.physical_name(stand.prefix), Key=key(COUNT, INVENTORY)
    )
    return int(answer["Item"]["amount"]["N"])


def test_parallel_orders_never_exceed_the_quota(embedded_aws: EmbeddedAws) -> None:
    # API PN5, section 7
    with running(embedded_aws, AWS) as stand:
        client = stand.client()
        found = client.search_available_phone_numbers(AreaCode="206", MaxResults=12)
        numbers = iter(found["E164PhoneNumbers"])
        pairs = iter([[next(numbers), next(numbers)] for _ in range(6)])

        def order() -> None:
            try:
                placed = client.create_phone_number_order(
                    ProductType="VoiceConnector", E164PhoneNumbers=next(pairs)
                )["PhoneNumberOrder"]
            except client.exceptions.ResourceLimitExceededException:
                return
            stand.settled(placed["PhoneNumberOrderId"])

        in_parallel(6, order)
        listed = client.list_phone_numbers()["PhoneNumbers"]
        assert 4 <= len(listed) <= 5
        assert owned(stand) == len(listed)
        orders = client.list_phone_number_orders()["PhoneNumberOrders"]
        acquired = [
            it["E164PhoneNumber"]
            for placed in orders
            for it in placed["OrderedPhoneNumbers"]
            if it["Status"] == "Acquired"
        ]
        assert sorted(acquired) == [it["E164PhoneNumber"] for it in listed]
