"""What is too long or too many, at the limit and beyond it; no socket."""

from collections.abc import Iterator

import pytest

from lambdas.management.credentials import LONGEST
from lambdas.management.ids import LONGEST_ID
from lambdas.management.phone_numbers import MOST_NUMBERS
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY


@pytest.fixture(scope="module")
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


@pytest.fixture(scope="module")
def path(api: LocalApi) -> str:
    return api.new_connector()


BY_ID: list[tuple[str, str, object]] = [
    ("GET", "", None),
    ("PUT", "", {"Name": "n", "RequireEncryption": True}),
    ("DELETE", "", None),
    ("GET", "/origination", None),
    ("PUT", "/origination", {"Origination": {"Disabled": True}}),
    ("DELETE", "/origination", None),
    ("GET", "/termination", None),
    ("PUT", "/termination", {"Termination": {"CallingRegions": ["US"]}}),
    ("DELETE", "/termination", None),
    ("GET", "/termination/credentials", None),
    ("POST", "/termination/credentials?operation=put", {"Credentials": []}),
    ("POST", "/termination/credentials?operation=delete", {"Usernames": []}),
    ("POST", "?operation=associate-phone-numbers", {"E164PhoneNumbers": []}),
    ("POST", "?operation=disassociate-phone-numbers", {"E164PhoneNumbers": []}),
    ("GET", "/termination/health", None),
    ("GET", "/logging-configuration", None),
    ("PUT", "/logging-configuration", {"LoggingConfiguration": {}}),
    ("GET", "/streaming-configuration", None),
    (
        "PUT",
        "/streaming-configuration",
        {"StreamingConfiguration": {"DataRetentionInHours": 0, "Disabled": False}},
    ),
    ("DELETE", "/streaming-configuration", None),
    ("GET", "/emergency-calling-configuration", None),
    ("PUT", "/emergency-calling-configuration", {"EmergencyCallingConfiguration": {}}),
    ("DELETE", "/emergency-calling-configuration", None),
    ("GET", "/external-systems-configuration", None),
    ("PUT", "/external-systems-configuration", {}),
    ("DELETE", "/external-systems-configuration", None),
]


@pytest.mark.parametrize(("method", "rest", "document"), BY_ID)
def test_an_id_too_long_for_the_database_is_unknown_like_any_other(
    api: LocalApi, method: str, rest: str, document: object
) -> None:
    # API E3 VC1: DynamoDB would refuse the key
    for length in (LONGEST_ID, LONGEST_ID + 1, 2_000):
        status, answer = api.call(method, f"/voice-connectors/{'a' * length}{rest}", document)
        assert (status, answer["Code"]) == (404, "NotFound")


GROUP = {"Name": "n", "VoiceConnectorItems": list[object]()}
BY_GROUP: list[tuple[str, str, object]] = [
    ("GET", "", None),
    ("PUT", "", GROUP),
    ("DELETE", "", None),
    ("POST", "?operation=associate-phone-numbers", {"E164PhoneNumbers": []}),
    ("POST", "?operation=disassociate-phone-numbers", {"E164PhoneNumbers": []}),
]


@pytest.mark.parametrize(("method", "rest", "document"), BY_GROUP)
def test_a_group_id_too_long_for_the_database_is_unknown_like_any_other(
    api: LocalApi, method: str, rest: str, document: object
) -> None:
    # API E3 VG1
    for length in (LONGEST_ID, LONGEST_ID + 1, 2_000):
        status, answer = api.call(method, f"/voice-connector-groups/{'a' * length}{rest}", document)
        assert (status, answer["Code"]) == (404, "NotFound")


@pytest.mark.parametrize("name", ["Username", "Password"])
def test_a_user_name_or_password_has_a_length(api: LocalApi, path: str, name: str) -> None:
    # API TC1
    target = f"{path}/termination/credentials?operation=put"

    def put(length: int) -> tuple[int, str]:
        credential = {"Username": "u", "Password": "p"} | {name: "x" * length}
        status, answer = api.call("POST", target, {"Credentials": [credential]})
        return status, "" if answer is None else answer["Message"]

    assert put(LONGEST) == (204, "")
    message = f"Credentials[0].{name} has 257 characters; at most 256 is allowed"
    assert put(LONGEST + 1) == (400, message)


def test_a_request_has_a_most_of_numbers(api: LocalApi, path: str) -> None:
    # API PN8 PN5
    numbers = [f"+1206{n:07d}" for n in range(MOST_NUMBERS + 1)]
    message = "E164PhoneNumbers has 10001 entries; at most 10000 is allowed"
    for operation in ("associate", "disassociate"):
        target = f"{path}?operation={operation}-phone-numbers"
        errors = api.made("POST", target, {"E164PhoneNumbers": numbers[:-1]})["PhoneNumberErrors"]
        assert {error["ErrorCode"] for error in errors} == {"NotFound"}
        assert len(errors) == MOST_NUMBERS
        status, answer = api.call("POST", target, {"E164PhoneNumbers": numbers})
        assert (status, answer["Message"]) == (400, message)
    order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers}
    status, answer = api.call("POST", "/phone-number-orders", order)
    assert (status, answer["Message"]) == (400, message)


def test_a_long_order_reads_the_pool_once(api: LocalApi) -> None:
    # API PN5: one by one, the reads of a long order would outlast the client's patience
    reads: list[str] = []
    numbers = api.available(40)
    api.before_call = reads.append
    order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers}
    placed = api.made("POST", "/phone-number-orders", order)["PhoneNumberOrder"]
    api.before_call = lambda operation: None
    assert reads.count("GetItem") <= 1  # the quota
    assert [it["E164PhoneNumber"] for it in placed["OrderedPhoneNumbers"]] == numbers
    api.run_number_orders()
    assert api.call("POST", "/phone-number-orders", order)[1]["Message"].endswith("not available")
