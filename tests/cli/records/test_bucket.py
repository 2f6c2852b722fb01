"""A bucket that is read: pages, folders, objects, and what goes wrong with each."""

import boto3
import pytest

from cli.errors import CommandError
from cli.records.bucket import Listed, ObjectGone, RecordBucket
from edge.runtime.s3_bucket import s3_store
from tests.cli.records.conftest import Shelf
from tests.runtime.local_aws import REGION, LocalAws

pytestmark = pytest.mark.sockets


def bucket_of(aws: LocalAws, name: str, page_size: int | None = None) -> RecordBucket:
    session = boto3.Session("test", "test", region_name=REGION)
    s3 = session.client("s3", endpoint_url=aws.url)
    if page_size is not None:
        s3.meta.events.register(
            "provide-client-params.s3.ListObjectsV2",
            lambda params, **_: params.update(MaxKeys=page_size),
        )
    return RecordBucket(name, s3, s3_store(name, session, {"AWS_ENDPOINT_URL": aws.url}))


def test_keys_come_in_pages_and_folders(shelf: Shelf) -> None:
    for key in ("a/1", "a/2", "a/b/3", "a/c/4", "d"):
        shelf.lay(key, key.encode())
    bucket = bucket_of(shelf.deployment.aws, shelf.bucket)
    page = bucket.page("a/", after="a/1")
    assert [it.key for it in page.objects] == ["a/2", "a/b/3", "a/c/4"]
    assert (page.token, page.folders) == (None, [])
    found = list(bucket.folders("a/"))
    assert [it.key for it in found if isinstance(it, Listed)] == ["a/1", "a/2"]
    assert [it for it in found if isinstance(it, str)] == ["a/b/", "a/c/"]
    assert bucket.read("a/b/3") == b"a/b/3"


def test_pages_go_on_where_the_one_before_ended(shelf: Shelf) -> None:
    keys = [f"n/{number}/0" for number in range(5)]
    for key in keys:
        shelf.lay(key, b"")
    bucket = bucket_of(shelf.deployment.aws, shelf.bucket, page_size=2)
    token, found = None, []
    for _ in range(2):
        page = bucket.page("n/", after=keys[0], token=token)
        token = page.token
        found += [it.key for it in page.objects]
    assert (found, token) == (keys[1:], None)
    assert list(bucket.folders("n/")) == [key.removesuffix("0") for key in keys]


def test_an_object_that_went_is_told_apart_from_a_bucket_that_fails(shelf: Shelf) -> None:
    shelf.lay("a", b"")
    shelf.take("a")
    with pytest.raises(ObjectGone):
        bucket_of(shelf.deployment.aws, shelf.bucket).read("a")
    gone = bucket_of(shelf.deployment.aws, "nobody-has-this-one")
    with pytest.raises(CommandError, match="there is no bucket nobody-has-this-one"):
        gone.page("")


def test_s3_that_is_away_is_told(shelf: Shelf) -> None:
    aws = LocalAws()
    aws.stop()
    bucket = bucket_of(aws, shelf.bucket)
    with pytest.raises(CommandError, match=f"s3://{shelf.bucket}/a cannot be read: "):
        bucket.read("a")
    with pytest.raises(CommandError, match=f"the bucket {shelf.bucket} cannot be read: "):
        bucket.page("")
