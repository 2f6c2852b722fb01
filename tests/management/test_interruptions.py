"""A process that ends between two writes, and a database that fails or changes under a request."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from emulator.numbers_pool import synthetic_pool
from model.feed_items import ChangedKey
from model.tables import (
    CONNECTOR,
    COUNT,
    DUE,
    GROUP,
    INVENTORY,
    POOL,
    SORT_KEY,
)
from tests.management.local_api import STATE, WRITES, Killed, LocalApi, local_api
from tests.management.stand import ROOMY

NUMBERS = 30
"""More than one transaction takes."""

Request = tuple[str, str, object]


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


def kill_at(write: int) -> Callable[[str], None]:
    """Return a hook that ends the process at the n-th write, counted from 0."""
    seen = iter(range(1_000))

    def hook(operation: str) -> None:
        if operation in WRITES and next(seen) == write:
            raise Killed

    return hook


def no_hook(operation: str) -> None:
    """Let everything pass."""


def order_of(numbers: list[str]) -> Request:
    return (
        "POST",
        "/phone-number-orders",
        {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers},
    )


def request_of(api: LocalApi, kind: str) -> Request:
    """Return a request for a kind of change, against an API that is ready for it."""
    path = api.new_connector()
    if kind in NUMBERED:
        return NUMBERED[kind](api, path)
    users = [{"Username": f"u{n}", "Password": "p"} for n in range(3)]
    plain: dict[str, Request] = {
        "create": ("POST", "/voice-connectors", {"Name": "vc", "RequireEncryption": False}),
        "update": ("PUT", path, {"Name": "n", "RequireEncryption": True}),
        "delete": ("DELETE", path, None),
        "origination": ("PUT", f"{path}/origination", {"Origination": {"Disabled": True}}),
        "termination": ("PUT", f"{path}/termination", {"Termination": {"CallingRegions": ["US"]}}),
        "users": (
            "POST",
            f"{path}/termination/credentials?operation=put",
            {"Credentials": users},
        ),
        "settings": ("PUT", "/settings", {"VoiceConnector": {"CdrBucket": "records"}}),
        "group": ("POST", "/voice-connector-groups", group_of(path)),
        "logging": ("PUT", f"{path}/logging-configuration", {"LoggingConfiguration": {}}),
        "tags": (
            "POST",
            "/tags?operation=tag-resource",
            {"ResourceARN": arn_of(path), "Tags": [{"Key": "k", "Value": "v"}]},
        ),
    }
    return plain[kind]


def order_request(api: LocalApi, path: str) -> Request:
    """Return an order of numbers of the pool."""
    return order_of(api.available(NUMBERS))


def associate_request(api: LocalApi, path: str) -> Request:
    """Return a request that takes free numbers and those of another connector."""
    numbers, other = api.new_numbers(NUMBERS), api.new_connector()
    target = "?operation=associate-phone-numbers"
    api.made("POST", other + target, {"E164PhoneNumbers": numbers[::4]})
    return ("POST", path + target, {"E164PhoneNumbers": numbers, "ForceAssociate": True})


def disassociate_request(api: LocalApi, path: str) -> Request:
    """Return a request that frees all numbers of a connector."""
    numbers = {"E164PhoneNumbers": api.new_numbers(NUMBERS)}
    api.made("POST", f"{path}?operation=associate-phone-numbers", numbers)
    return ("POST", f"{path}?operation=disassociate-phone-numbers", numbers)


def group_of(*paths: str) -> dict[str, object]:
    """Return a group of the connectors at these paths."""
    items = [{"VoiceConnectorId": path.rpartition("/")[2], "Priority": 1} for path in paths]
    return {"Name": "group", "VoiceConnectorItems": items}


def new_group(api: LocalApi, *paths: str) -> str:
    """Create a group and return its path."""
    made = api.made("POST", "/voice-connector-groups", group_of(*paths))["VoiceConnectorGroup"]
    return f"/voice-connector-groups/{made['VoiceConnectorGroupId']}"


def arn_of(path: str) -> str:
    """Return the ARN of the connector at a path."""
    return f"arn:aws:chime:us-east-1:{ROOMY.account_id}:vc/{path.rpartition('/')[2]}"


def group_update_request(api: LocalApi, path: str) -> Request:
    """Return an update that takes one connector from a group, keeps one and adds one."""
    kept, added = api.new_connector(), api.new_connector()
    return ("PUT", new_group(api, path, kept), group_of(kept, added))


def group_delete_request(api: LocalApi, path: str) -> Request:
    """Return the deletion of an empty group."""
    return ("DELETE", new_group(api), None)


def group_associate_request(api: LocalApi, path: str) -> Request:
    """Return a request that moves numbers of a connector to a group."""
    numbers, target = api.new_numbers(NUMBERS), "?operation=associate-phone-numbers"
    api.made("POST", path + target, {"E164PhoneNumbers": numbers[::2]})
    group = new_group(api, path) + target
    return ("POST", group, {"E164PhoneNumbers": numbers, "ForceAssociate": True})


def delete_request(api: LocalApi, path: str) -> Request:
    """Return a request that deletes many numbers."""
    return (
        "POST",
        "/phone-numbers?operation=batch-delete",
        {"PhoneNumberIds": api.new_numbers(NUMBERS)},
    )


def restore_request(api: LocalApi, path: str) -> Request:
    """Return a request that takes a number out of the deletion queue."""
    (number,) = api.new_numbers(1)
    api.made("DELETE", f"/phone-numbers/{number.replace('+', '%2B')}")
    return ("POST", f"/phone-numbers/{number.replace('+', '%2B')}?operation=restore", None)


def rename_request(api: LocalApi, path: str) -> Request:
    """Return a request that gives many numbers a calling name."""
    items = [{"PhoneNumberId": it, "CallingName": "ACME"} for it in api.new_numbers(NUMBERS)]
    return (
        "POST",
        "/phone-numbers?operation=batch-update",
        {"UpdatePhoneNumberRequestItems": items},
    )


NUMBERED = {
    "associate": associate_request,
    "delete-numbers": delete_request,
    "rename-numbers": rename_request,
    "restore-number": restore_request,
    "disassociate": disassociate_request,
    "group update": group_update_request,
    "group delete": group_delete_request,
    "group associate": group_associate_request,
    "order": order_request,
}


def check_consistency(api: LocalApi) -> None:
    """Every count is the count of what is there, and no number is in two places or none."""
    inventory, pool = api.numbers(INVENTORY), api.numbers(POOL)
    holders = {kind: api.connectors(kind) for kind in (CONNECTOR, GROUP)}
    for kind, found in holders.items():
        owners = [it[f"{kind}_id"] for it in inventory if f"{kind}_id" in it]
        assert set(owners) <= {holder[SORT_KEY] for holder in found}
        for holder in found:
            assert holder["associated_numbers"] == owners.count(holder[SORT_KEY])
    assert not [it for it in inventory if {"connector_id", "group_id"} <= it.keys()]
    members = [it["connector_id"] for group in holders[GROUP] for it in group["connectors"]]
    assert set(members) <= {connector[SORT_KEY] for connector in holders[CONNECTOR]}
    for connector in holders[CONNECTOR]:
        assert connector["group_memberships"] == members.count(connector[SORT_KEY])
    counts = {it[SORT_KEY]: it["amount"] for it in api.connectors(COUNT)}
    assert counts.pop(GROUP, 0) == len(holders[GROUP])
    assert sum(counts.values()) == len(holders[CONNECTOR])
    kept = [it for it in inventory if "deleted_at" not in it]
    assert sum(it["amount"] for it in api.numbers(COUNT)) == len(kept)
    queued = {it[SORT_KEY] for it in inventory if "deleted_at" in it}
    assert {it["number"] for it in api.numbers(DUE) if it["task"] == "purge"} == queued
    names = [it[SORT_KEY] for it in inventory + pool]
    assert len(names) == len(set(names)) == SUPPLY


SUPPLY = sum(number.state == STATE for number in synthetic_pool())

KINDS = {
    **dict.fromkeys(("create", "update", "delete", "origination", "termination"), 1),
    **dict.fromkeys(("users", "settings", "logging", "tags"), 1),
    **dict.fromkeys(("group", "group update", "group delete"), 1),
    **dict.fromkeys(("associate", "disassociate", "group associate"), 2),
    **dict.fromkeys(("delete-numbers", "rename-numbers"), 2),
    **dict.fromkeys(("order", "restore-number"), 1),
}
"""Kinds of change, each with its number of writes."""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_end_at_any_write_leaves_nothing_half_done(
    api: LocalApi, kind: str, moment: str
) -> None:
    # ARCHITECTURE A4: what belongs together is one write or one transaction
    method, target, document = request_of(api, kind)
    for write in range(KINDS[kind]):
        setattr(api, f"{moment}_call", kill_at(write))
        try:
            api.call(method, target, document)
        except Killed:
            pass
        setattr(api, f"{moment}_call", no_hook)
        if kind in {*NUMBERED, "create", "delete", "group"}:
            check_consistency(api)
    status, _ = api.call(method, target, document)
    # It may have been done by then; nothing else may stand in the way.
    done = {("delete", 404), ("group delete", 404), ("restore-number", 400)}
    assert status < 300 or (kind, status) in done
    api.run_number_orders()
    check_consistency(api)


@pytest.mark.parametrize("make", [LocalApi.new_connector, new_group])
def test_a_target_deleted_while_numbers_go_to_it_is_not_found(
    api: LocalApi, make: Callable[[LocalApi], str]
) -> None:
    # API PN8 PN9
    path, (number, *_) = make(api), api.new_numbers(1)
    rival = iter([lambda: api.made("DELETE", path)])

    def interfere(operation: str) -> None:
        if operation == "TransactWriteItems":
            next(rival, lambda: None)()

    api.before_call = interfere
    target = f"{path}?operation=associate-phone-numbers"
    status, answer = api.call("POST", target, {"E164PhoneNumbers": [number]})
    assert (status, answer["Code"]) == (404, "NotFound")
    check_consistency(api)


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        (ReadTimeoutError(endpoint_url="https://dynamodb"), 503, "ReadTimeoutError"),
        (ZeroDivisionError("a bug"), 500, None),
    ],
)
def test_a_failure_after_a_write_is_fed_and_leaves_its_cause_in_the_log(
    api: LocalApi,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    cause: str | None,
) -> None:
    # API E3, ARCHITECTURE A9: the change was made, so the edge must look
    path = api.new_connector()
    api.fed.clear()
    seen = iter([error])

    def fail_once(operation: str) -> None:
        if operation == "UpdateItem" and (pending := next(seen, None)) is not None:
            raise pending

    api.after_call = fail_once
    with caplog.at_level(logging.INFO, "management"):
        answer = api.call("PUT", f"{path}/origination", {"Origination": {"Disabled": True}})
    assert answer[0] == status
    assert "a bug" not in str(answer[1])
    assert api.fed == [ChangedKey("connectors", "connector", path.rpartition("/")[2])]
    refused: Any = [record for record in caplog.records if record.msg == "refused"]
    assert [getattr(record, "cause", None) for record in refused] == [cause]


READS = [
    *("/voice-connectors", "/voice-connectors/{id}", "/voice-connectors/{id}/origination"),
    *("/voice-connectors/{id}/termination", "/voice-connectors/{id}/termination/credentials"),
    *("/phone-numbers", "/phone-numbers/%2B14155552001", "/phone-number-orders"),
    *("/phone-number-orders/00000000-0000-7000-8000-000000000000", "/settings"),
    "/search?type=phone-numbers&area-code=415",
    *("/voice-connectors/{id}/termination/health", "/voice-connectors/{id}/logging-configuration"),
    "/voice-connectors/{id}/streaming-configuration",
    "/voice-connectors/{id}/emergency-calling-configuration",
    "/voice-connectors/{id}/external-systems-configuration",
    *("/voice-connector-groups", "/voice-connector-groups/00000000-0000-7000-8000-000000000000"),
    "/tags?arn=arn%3Aaws%3Achime%3Aus-east-1%3A000000000000%3Avc%2Funknown",
]


@pytest.mark.parametrize("target", READS)
@pytest.mark.parametrize("code", ["ReadTimeout", "ThrottlingException"])
def test_a_read_that_the_database_fails_is_unavailable_and_never_not_found(
    api: LocalApi, target: str, code: str
) -> None:
    # API E7: Terraform takes any refusal of a read for "it does not exist"
    target = target.replace("/voice-connectors/{id}", api.new_connector())

    def fail(operation: str) -> None:
        if code == "ReadTimeout":
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        raise ClientError({"Error": {"Code": code, "Message": ""}}, operation)

    api.before_call = fail
    status, answer = api.call("GET", target)
    assert (status, answer["Code"]) == (503, "ServiceUnavailable")
