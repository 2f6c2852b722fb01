"""What Terraform's AWS provider 5.100 does over HTTP, replayed (API section 10).

The provider sets its state straight from the answers, so each test asks one thing above all: is
what was put read back identically, at once, so that a second plan is empty?
"""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests.clients.go_client import Answer, GoClient
from tests.management.stand import Stand

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("clients")]


ORIGINATION = {
    "Routes": [
        {"Host": "127.0.0.1", "Port": 5060, "Protocol": "TCP", "Priority": 1, "Weight": 1},
        {"Host": "127.0.0.2", "Port": 5060, "Protocol": "UDP", "Priority": 2, "Weight": 99},
    ]
}
TERMINATION = {
    "CallingRegions": ["US", "RU", "CA"],
    "CidrAllowedList": ["50.35.78.97/32", "100.35.78.97/32", "50.35.78.0/27"],
    "CpsLimit": 1,
}
LOGS = {"EnableSIPLogs": True, "EnableMediaMetricLogs": True}
STREAM = {
    "DataRetentionInHours": 5,
    "Disabled": False,
    "StreamingNotificationTargets": [{"NotificationTarget": "SQS"}],
}
BUCKET = "sequence-records"


class Part(NamedTuple):
    """A sub-resource of a connector: it is put, read and deleted at one path."""

    path: str
    member: str
    first: dict[str, Any]
    changed: dict[str, Any]
    default: dict[str, Any]
    """Members that the provider leaves out and the answer has all the same."""


PARTS = {
    "origination": Part(
        "origination",
        "Origination",
        ORIGINATION,
        {"Routes": ORIGINATION["Routes"][:1], "Disabled": True},
        {"Disabled": False},
    ),
    "termination": Part(
        "termination",
        "Termination",
        TERMINATION,
        {**TERMINATION, "CpsLimit": 2, "CallingRegions": ["US"], "Disabled": True},
        {"Disabled": False},
    ),
    "streaming": Part(
        "streaming-configuration",
        "StreamingConfiguration",
        STREAM,
        {"DataRetentionInHours": 2, "Disabled": True},
        {},
    ),
}
"""Those that are deleted; logging is only put (API LG1)."""


@pytest.fixture
def client(stand: Stand) -> GoClient:
    return GoClient(stand.url)


@pytest.fixture
def connector(client: GoClient) -> Iterator[str]:
    """Return the path of a connector, which goes after the test."""
    path = f"/voice-connectors/{created(client)['VoiceConnectorId']}"
    yield path
    assert client.delete(path).status in (204, 404)


def created(client: GoClient, **members: object) -> dict[str, Any]:
    """Create a connector as the provider does and return it."""
    document = {"AwsRegion": "us-east-1", "Name": "vc-1", "RequireEncryption": False} | members
    answer = client.post("/voice-connectors", document)
    assert answer.status == 201
    made: dict[str, Any] = answer.document["VoiceConnector"]
    return made


def is_gone(answer: Answer) -> bool:
    """Tell whether the provider takes an answer for "does not exist" (API E2)."""
    return (answer.status, answer.error_type) == (404, "NotFoundException")


def at_once(*requests: Callable[[], Answer]) -> list[Answer]:
    """Send requests in the same moment and return their answers in order."""
    barrier = threading.Barrier(len(requests))

    def send(request: Callable[[], Answer]) -> Answer:
        barrier.wait(10)
        return request()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def putting(client: GoClient, connector: str, part: Part) -> Callable[[], Answer]:
    """Return the request that puts a part for the first time."""
    return lambda: client.put(f"{connector}/{part.path}", {part.member: part.first})


def deleting(client: GoClient, connector: str, part: Part) -> Callable[[], Answer]:
    """Return the request that deletes a part."""
    return lambda: client.delete(f"{connector}/{part.path}")


def test_a_connector(client: GoClient) -> None:
    # API VC4 VC7 VC8 TG1 E2
    made = created(client, Tags=[{"Key": "key1", "Value": "value1"}])
    path = f"/voice-connectors/{made['VoiceConnectorId']}"
    arn = made["VoiceConnectorArn"]
    tags = f"/tags?arn={arn.replace(':', '%3A').replace('/', '%2F')}"
    assert client.get(path).document["VoiceConnector"] == made
    assert client.get(tags).document == {"Tags": [{"Key": "key1", "Value": "value1"}]}

    untag = {"ResourceARN": arn, "TagKeys": ["key1"]}
    assert client.post("/tags?operation=untag-resource", untag).status == 204
    tag = {"ResourceARN": arn, "Tags": [{"Key": "key2", "Value": "value2"}]}
    assert client.post("/tags?operation=tag-resource", tag).status == 204
    renamed = client.put(path, {"Name": "vc-2", "RequireEncryption": True})
    assert renamed.status == 200
    read = client.get(path).document["VoiceConnector"]
    assert read == renamed.document["VoiceConnector"]
    assert (read["Name"], read["RequireEncryption"], read["AwsRegion"]) == (
        "vc-2",
        True,
        made["AwsRegion"],
    )
    assert client.get(tags).document == {"Tags": [{"Key": "key2", "Value": "value2"}]}

    assert client.delete(path).status == 204
    assert is_gone(client.get(path))
    assert is_gone(client.delete(path))


@pytest.mark.parametrize("name", ["origination", "termination", "streaming"])
def test_a_part_of_a_connector(client: GoClient, connector: str, name: str) -> None:
    # API OR1 OR7 TM6 TM7 SC1 SC2 V5: what was put is read back, a few ms later
    part = PARTS[name]
    path = f"{connector}/{part.path}"
    assert is_gone(client.get(path))
    for wanted in (part.first, part.changed, part.first):
        answer = client.put(path, {part.member: wanted})
        read = client.get(path)
        assert (answer.status, read.status) == (200, 200)
        assert read.document == answer.document == {part.member: {**part.default, **wanted}}
    assert client.delete(path).status == 204
    assert is_gone(client.get(path))
    assert client.delete(path).status == 204
    # Destroyed outside of Terraform: the connector went, and took its parts along.
    client.delete(connector)
    assert is_gone(client.get(path))
    assert is_gone(client.delete(path))


def test_logging_is_put_and_never_deleted(client: GoClient, connector: str) -> None:
    # API LG1
    path = f"{connector}/logging-configuration"
    off = {"EnableSIPLogs": False, "EnableMediaMetricLogs": False}
    for wanted in (LOGS, {**LOGS, "EnableSIPLogs": False}, off):
        answer = client.put(path, {"LoggingConfiguration": wanted})
        assert answer.status == 200
        assert client.get(path).document == {"LoggingConfiguration": wanted}


def test_credentials(client: GoClient, connector: str) -> None:
    # API TC1-TC4: a user that an update leaves out lives on, and only existence is read
    path = f"{connector}/termination/credentials"
    client.put(f"{connector}/termination", {"Termination": TERMINATION})
    assert client.get(path).document == {"Usernames": []}
    one = {"Username": "test1", "Password": "test1!"}
    two = {"Username": "test2", "Password": "test2!"}
    for users in ([one], [one, two], [two]):
        put = client.post(f"{path}?operation=put", {"Credentials": users})
        assert (put.status, put.body) == (204, b"")
    assert sorted(client.get(path).document["Usernames"]) == ["test1", "test2"]
    names = {"Usernames": ["test1", "test2"]}
    assert client.post(f"{path}?operation=delete", names).status == 204
    assert client.get(path).document == {"Usernames": []}


def test_a_group(client: GoClient, connector: str) -> None:
    # API VG2-VG4: the rename without members is the provider's bug, and must be taken
    items = [{"VoiceConnectorId": connector.rpartition("/")[2], "Priority": 3}]
    document = {"Name": "vcg-1", "VoiceConnectorItems": items}
    answer = client.post("/voice-connector-groups", document)
    assert answer.status == 201
    made = answer.document["VoiceConnectorGroup"]
    path = f"/voice-connector-groups/{made['VoiceConnectorGroupId']}"
    assert client.get(path).document["VoiceConnectorGroup"] == made
    assert made["VoiceConnectorItems"] == items
    assert client.delete(connector).status == 409

    renamed = client.put(path, {"Name": "vcg-2", "VoiceConnectorItems": []})
    assert renamed.status == 202
    read = client.get(path).document["VoiceConnectorGroup"]
    assert (read["Name"], read["VoiceConnectorItems"]) == ("vcg-2", [])
    # The second apply, after the plan has seen that the members are gone.
    assert client.put(path, {"Name": "vcg-2", "VoiceConnectorItems": items}).status == 202
    assert client.get(path).document["VoiceConnectorGroup"]["VoiceConnectorItems"] == items

    assert client.put(path, {"Name": "vcg-2", "VoiceConnectorItems": []}).status == 202
    assert client.get(path).document["VoiceConnectorGroup"]["VoiceConnectorItems"] == []
    assert client.delete(path).status == 204
    assert is_gone(client.get(path))
    assert is_gone(client.delete(path))


def test_global_settings(stand: Stand, client: GoClient) -> None:
    # API GS1 S8: the id is the account's, an unset bucket an empty member
    identity = client.caller_identity()
    assert identity.status == 200
    account = re.search(rb"<Account>(\d+)</Account>", identity.body)
    assert account is not None and account[1].decode() == stand.settings.account_id
    for wanted in ({"CdrBucket": BUCKET}, {"CdrBucket": f"{BUCKET}-2"}, {}):
        put = client.put("/settings", {"VoiceConnector": wanted})
        assert (put.status, put.body) == (204, b"")
        assert client.get("/settings").document == {"VoiceConnector": wanted}


def test_everything_at_once(client: GoClient, connector: str) -> None:
    # API V5: what has no dependency arrives in the same millisecond, and nothing is lost
    parts = [PARTS["origination"], PARTS["termination"]]
    user = {"Credentials": [{"Username": "test1", "Password": "test1!"}]}
    credentials = f"{connector}/termination/credentials"
    for _ in range(5):
        put = at_once(
            *(putting(client, connector, part) for part in parts),
            lambda: client.post(f"{credentials}?operation=put", user),
            lambda: client.put(connector, {"Name": "vc-1", "RequireEncryption": False}),
        )
        assert [it.status for it in put] == [200, 200, 204, 200]
        for part in parts:
            read = client.get(f"{connector}/{part.path}").document
            assert read == {part.member: {**part.default, **part.first}}
        assert client.get(credentials).document == {"Usernames": ["test1"]}

        destroyed = at_once(
            *(deleting(client, connector, part) for part in parts),
            lambda: client.post(f"{credentials}?operation=delete", {"Usernames": ["test1"]}),
        )
        assert [it.status for it in destroyed] == [204, 204, 204]
        for part in parts:
            assert is_gone(client.get(f"{connector}/{part.path}"))
    assert client.delete(connector).status == 204


def test_streaming_and_logging_at_once(client: GoClient, connector: str) -> None:
    # API V5: the provider reads streaming without a pause
    part, logs = PARTS["streaming"], f"{connector}/logging-configuration"
    for _ in range(5):
        put = at_once(
            putting(client, connector, part),
            lambda: client.put(logs, {"LoggingConfiguration": LOGS}),
            putting(client, connector, PARTS["origination"]),
        )
        assert [it.status for it in put] == [200, 200, 200]
        assert client.get(f"{connector}/{part.path}").document == {part.member: part.first}
        assert client.get(logs).document == {"LoggingConfiguration": LOGS}
        destroyed = at_once(
            deleting(client, connector, part),
            lambda: client.put(logs, {"LoggingConfiguration": dict.fromkeys(LOGS, False)}),
            deleting(client, connector, PARTS["origination"]),
        )
        assert [it.status for it in destroyed] == [204, 200, 204]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/sip-media-applications", {"Name": "app", "AwsRegion": "us-east-1", "Endpoints": []}),
        ("/sip-rules", {"Name": "rule", "TriggerType": "ToPhoneNumber", "TriggerValue": "+1206"}),
        ("/voice-profile-domains", {"Name": "domain"}),
    ],
)
def test_resources_out_of_scope_fail_when_they_are_made(
    client: GoClient, path: str, document: dict[str, object]
) -> None:
    # API E8: not retried, and clear
    answer = client.post(path, document)
    assert (answer.status, answer.error_type) == (403, "ForbiddenException")
    assert "is not supported by this endpoint" in answer.document["Message"]
