"""Termination credentials through unmodified boto3."""

import hashlib
from typing import Any

import pytest

from model.connector_items import connector_from
from model.tables import CONNECTOR, CONNECTORS, key
from tests.management.stand import UNCHECKED, Stand

pytestmark = pytest.mark.sockets


def put(client: Any, connector_id: str, *usernames: str, password: str = "p") -> None:
    client.put_voice_connector_termination_credentials(
        VoiceConnectorId=connector_id,
        Credentials=[{"Username": name, "Password": password} for name in usernames],
    )


def users(client: Any, connector_id: str) -> list[str]:
    answer = client.list_voice_connector_termination_credentials(VoiceConnectorId=connector_id)
    return list(answer["Usernames"])


def test_put_adds_and_keeps_the_others(stand: Stand, voice: Any) -> None:
    # API TC2 TC3
    connector_id = stand.new_connector()
    assert users(voice, connector_id) == []
    put(voice, connector_id, "b", "a")
    put(voice, connector_id, "c")
    assert users(voice, connector_id) == ["a", "b", "c"]


def test_the_store_holds_hashes_and_no_password(stand: Stand, voice: Any) -> None:
    # API TC1, EDGE G1 G3
    connector_id = stand.new_connector()
    put(voice, connector_id, "alice", password="first")
    put(voice, connector_id, "alice", password="S3cret!pass")
    item = stand.aws.dynamodb.get_item(
        TableName=CONNECTORS.physical_name(stand.prefix),
        Key=key(CONNECTOR, connector_id),
    )["Item"]
    assert "S3cret!pass" not in str(item)
    (credential,) = connector_from(item).credentials
    secret = f"alice:{connector_id}.voiceconnector.localhost:S3cret!pass".encode()
    assert credential.ha1_sha256 == hashlib.sha256(secret).hexdigest()
    assert credential.ha1_md5 == hashlib.md5(secret).hexdigest()


def test_delete_ignores_unknown_names_and_an_empty_list(stand: Stand, voice: Any) -> None:
    # API TC3 TC4
    connector_id = stand.new_connector()
    put(voice, connector_id, "a", "b")
    for unwanted in (["a", "nobody"], [], ["b"]):
        answer = voice.delete_voice_connector_termination_credentials(
            VoiceConnectorId=connector_id, Usernames=unwanted
        )
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert users(voice, connector_id) == []


def test_ten_users_fit_and_one_more_does_not(stand: Stand, voice: Any) -> None:
    # API TC1
    connector_id = stand.new_connector()
    put(voice, connector_id, *(f"u{number}" for number in range(10)))
    put(voice, connector_id, "u0", password="new")
    with pytest.raises(voice.exceptions.BadRequestException, match="11 users; at most 10"):
        put(voice, connector_id, "one more")
    assert len(users(voice, connector_id)) == 10


BAD_CREDENTIALS: list[tuple[dict[str, object], str]] = [
    ({"Username": "u"}, r"Credentials\[0\].Password is missing or empty"),
    ({"Password": "p"}, r"Credentials\[0\].Username is missing or empty"),
    ({"Username": "", "Password": "p"}, r"Username is missing or empty"),
    ({"Username": "u", "Password": ""}, r"Password is missing or empty"),
    ({"Username": "ü", "Password": "p"}, "Username is not valid; printable US-ASCII"),
    ({"Username": "u", "Password": "p\n"}, "Password is not valid; printable US-ASCII"),
    ({"Username": 7, "Password": "p"}, "Username is not valid; a string"),
]


@pytest.mark.parametrize(("credential", "message"), BAD_CREDENTIALS)
def test_a_bad_credential_is_refused(
    stand: Stand, credential: dict[str, object], message: str
) -> None:
    # API TC1 V1
    client = stand.client(config=UNCHECKED)
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        client.put_voice_connector_termination_credentials(
            VoiceConnectorId=stand.new_connector(), Credentials=[credential]
        )


def test_an_unknown_connector_is_not_found(voice: Any) -> None:
    # API TC3
    unknown = "a" * 22
    with pytest.raises(voice.exceptions.NotFoundException):
        users(voice, unknown)
    with pytest.raises(voice.exceptions.NotFoundException):
        put(voice, unknown, "u")
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.delete_voice_connector_termination_credentials(
            VoiceConnectorId=unknown, Usernames=["u"]
        )
