"""Tags of connectors through unmodified boto3."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.management.stand import UNCHECKED, Stand

pytestmark = pytest.mark.sockets


def new_connector(stand: Stand, **members: Any) -> str:
    """Create a connector and return its ARN."""
    created = stand.client().create_voice_connector(Name="v", RequireEncryption=False, **members)
    return str(created["VoiceConnector"]["VoiceConnectorArn"])


def tag(client: Any, arn: str, **tags: str) -> Any:
    entries = [{"Key": name, "Value": value} for name, value in tags.items()]
    return client.tag_resource(ResourceARN=arn, Tags=entries)


def tags_of(client: Any, arn: str) -> dict[str, str]:
    found = client.list_tags_for_resource(ResourceARN=arn)["Tags"]
    tags = {entry["Key"]: entry["Value"] for entry in found}
    assert len(tags) == len(found)
    return tags


def test_tagging_merges_and_untagging_ignores_what_is_unknown(stand: Stand, voice: Any) -> None:
    # API TG1 W6
    arn = new_connector(stand, Tags=[{"Key": "team", "Value": "voice"}])
    assert tags_of(voice, arn) == {"team": "voice"}
    answer = tag(voice, arn, team="sales", cost="")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags_of(voice, arn) == {"cost": "", "team": "sales"}
    answer = voice.untag_resource(ResourceARN=arn, TagKeys=["team", "nothing"])
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    voice.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert tags_of(voice, arn) == {"cost": ""}
    voice.untag_resource(ResourceARN=arn, TagKeys=["cost"])
    # Terraform expects the member, also when there is no tag (W4).
    assert voice.list_tags_for_resource(ResourceARN=arn)["Tags"] == []


def test_a_key_may_be_any_text(stand: Stand, voice: Any) -> None:
    # API TG1 section 9
    arn = new_connector(stand)
    strange = {"a.b": "1", "#x :y": "2", "é 電": "3", "k" * 128: "v" * 256}
    tag(voice, arn, **strange)
    assert tags_of(voice, arn) == strange
    voice.untag_resource(ResourceARN=arn, TagKeys=list(strange))
    assert tags_of(voice, arn) == {}


def test_a_resource_has_fifty_tags_at_most(stand: Stand, voice: Any) -> None:
    # API TG1, section 7
    arn = new_connector(stand)
    tag(voice, arn, **{f"k{n}": "old" for n in range(50)})
    tag(voice, arn, **{f"k{n}": "new" for n in range(50)})
    with pytest.raises(voice.exceptions.ResourceLimitExceededException, match="51 tags") as error:
        tag(voice, arn, k0="newer", one_more="v")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    # All or none: also the tag that had a place is as it was.
    assert tags_of(voice, arn) == {f"k{n}": "new" for n in range(50)}


BAD_ARNS = [
    "arn:aws:chime:us-east-1:111122223333:vc/{id}",
    "arn:aws:chime:eu-west-1:000000000000:vc/{id}",
    "arn:aws:chime:mars-1:000000000000:vc/unknown",
    "arn:aws:chime:us-east-1:000000000000:vcg/11111111-1111-4111-8111-111111111111",
    "arn:aws:chime:us-east-1:000000000000:sma/{id}",
    "arn:aws:chime:us-east-1:000000000000:vc/{id}/more",
    "arn:aws:chime:us-east-1:000000000000:vc/",
    "arn:aws:chime::000000000000:vc/{id}",
    "arn:aws:s3:us-east-1:000000000000:vc/{id}",
    "arn:aws-cn:chime:us-east-1:000000000000:vc/{id}",
    "arn:x",
]


@pytest.mark.parametrize("form", BAD_ARNS)
def test_what_is_no_connector_of_this_account_is_an_invalid_resource(
    stand: Stand, voice: Any, form: str
) -> None:
    # API TG1 E5 VG6
    arn = form.replace("{id}", new_connector(stand).rpartition("/")[2])
    calls: tuple[Callable[[], object], ...] = (
        lambda: voice.list_tags_for_resource(ResourceARN=arn),
        lambda: tag(voice, arn, k="v"),
        lambda: voice.untag_resource(ResourceARN=arn, TagKeys=["k"]),
    )
    for call in calls:
        with pytest.raises(voice.exceptions.BadRequestException, match="Invalid resource"):
            call()


@pytest.mark.parametrize("unknown", ["a" * 22, "unknown", "x" * 900])
def test_a_connector_that_does_not_exist_is_not_found(voice: Any, unknown: str) -> None:
    # API TG1 VC1
    arn = f"arn:aws:chime:us-east-1:000000000000:vc/{unknown}"
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.list_tags_for_resource(ResourceARN=arn)
    with pytest.raises(voice.exceptions.NotFoundException):
        tag(voice, arn, k="v")
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.untag_resource(ResourceARN=arn, TagKeys=["k"])


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ([], "Tags has 0 entries; at least 1"),
        ([{"Key": str(n), "Value": ""} for n in range(51)], "Tags has 51 entries; at most 50"),
        ([{"Key": "k", "Value": "v"}, {"Key": "k", "Value": "w"}], "Tags holds a Key twice"),
        ([{"Key": "", "Value": "v"}], r"Tags\[0\].Key .*at least 1"),
        ([{"Key": "k" * 129, "Value": "v"}], r"Tags\[0\].Key .*at most 128"),
        ([{"Key": "k", "Value": "v" * 257}], r"Tags\[0\].Value .*at most 256"),
        ([{"Key": "k"}], r"Tags\[0\].Value is missing"),
    ],
)
def test_bad_tags_are_refused(stand: Stand, tags: list[dict[str, str]], message: str) -> None:
    # API V1 TG1
    client = stand.client(config=UNCHECKED)
    arn = new_connector(stand)
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        client.tag_resource(ResourceARN=arn, Tags=tags)
    assert tags_of(client, arn) == {}


def test_parallel_tags_never_exceed_the_limit(stand: Stand, voice: Any) -> None:
    # API TG1, section 7
    arn = new_connector(stand)
    tag(voice, arn, **{f"k{n}": "v" for n in range(44)})

    def write(number: int) -> bool:
        try:
            tag(voice, arn, **{f"n{number}": "v", "k0": str(number)})
        except voice.exceptions.ResourceLimitExceededException:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(write, range(12)))
    tags = tags_of(voice, arn)
    assert len(tags) == 50
    assert stored.count(True) == 6
    assert {f"n{number}" for number, done in enumerate(stored) if done} <= tags.keys()
