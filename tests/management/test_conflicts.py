"""The finer codes of what holds a connector or a group, which boto3 does not show; no socket."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY

NUMBERS = (409, "PhoneNumberAssociationsExist")
GROUPS = (409, "VoiceConnectorGroupAssociationsExist")
ASSOCIATE, FREE = "?operation=associate-phone-numbers", "?operation=disassociate-phone-numbers"


@pytest.fixture(scope="module")
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


def delete(api: LocalApi, path: str) -> tuple[int, Any]:
    """Return status and code of a deletion."""
    status, answer = api.call("DELETE", path)
    return status, None if answer is None else answer["Code"]


def new_group(api: LocalApi, *connectors: str) -> str:
    """Create a group of connectors given by their paths; return its own."""
    items = [{"VoiceConnectorId": path.rpartition("/")[2], "Priority": 1} for path in connectors]
    document = {"Name": "group", "VoiceConnectorItems": items}
    made = api.made("POST", "/voice-connector-groups", document)["VoiceConnectorGroup"]
    return f"/voice-connector-groups/{made['VoiceConnectorGroupId']}"


EMPTY = {"Name": "group", "VoiceConnectorItems": list[str]()}


def test_a_connector_is_held_by_its_numbers_and_then_by_its_groups(api: LocalApi) -> None:
    # API VC7 E3 E4
    path = api.new_connector()
    group, numbers = new_group(api, path), {"E164PhoneNumbers": api.new_numbers(1)}
    api.made("POST", path + ASSOCIATE, numbers)
    assert delete(api, path) == NUMBERS
    api.made("POST", path + FREE, numbers)
    assert delete(api, path) == GROUPS
    api.made("PUT", group, EMPTY)
    assert delete(api, path) == (204, None)


def test_a_group_is_held_by_its_connectors_and_then_by_its_numbers(api: LocalApi) -> None:
    # API VG4 E3 E4
    group = new_group(api, api.new_connector())
    numbers = {"E164PhoneNumbers": api.new_numbers(1)}
    api.made("POST", group + ASSOCIATE, numbers)
    assert delete(api, group) == GROUPS
    api.made("PUT", group, EMPTY)
    assert delete(api, group) == NUMBERS
    api.made("POST", group + FREE, numbers)
    assert delete(api, group) == (204, None)
    assert delete(api, group) == (404, "NotFound")
