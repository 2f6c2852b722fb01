"""A bucket with records, for reading.

Listing goes through boto3, which takes any key that strangers have left in a bucket; objects come
through obstore, which reads several times as many in a second and lets go of the interpreter's lock
meanwhile.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from obstore import get
from obstore.exceptions import BaseError
from obstore.store import S3Store

from cli.errors import CommandError
from edge.runtime.cdr_sink import first_line

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

_NO_BUCKET = frozenset({"NoSuchBucket", "404"})
_DENIED = frozenset({"AccessDenied", "403", "AllAccessDisabled"})


class Listed(NamedTuple):
    """An object of the bucket, unread."""

    key: str
    size: int
    """Octets."""
    modified_at: datetime


class Page(NamedTuple):
    """Some objects in the order of their keys."""

    objects: list[Listed]
    folders: list[str]
    """What the keys of others begin with, to the next slash; with it."""
    token: str | None
    """Gets the next page; None when there is none."""


class ObjectGone(Exception):
    """An object was listed, and is not there any more."""


class RecordBucket:
    """One bucket, whoever owns it."""

    def __init__(self, name: str, s3: "S3Client", store: S3Store) -> None:
        self.name = name
        self._s3 = s3
        self._store = store

    def page(
        self, prefix: str, *, after: str = "", token: str | None = None, folded: bool = False
    ) -> Page:
        """Return up to 1,000 objects under a prefix whose keys come behind `after`; `folded` gives
        those of folders as the folders' names. Raises CommandError."""
        more = {} if token is None else {"ContinuationToken": token}
        if folded:
            more["Delimiter"] = "/"
        if after and token is None:
            more["StartAfter"] = after
        try:
            # The optional arguments are a dictionary here, whose values fit by their names.
            answer = self._s3.list_objects_v2(
                Bucket=self.name,
                Prefix=prefix,
                **more,  # type: ignore[arg-type]
            )
        except (BotoCoreError, ClientError) as error:
            raise self._problem(error) from error
        return _page(answer)

    def folders(self, prefix: str) -> Iterator[str | Listed]:
        """Yield the folders right under a prefix, and the objects that lie beside them."""
        token: str | None = None
        while True:
            page = self.page(prefix, token=token, folded=True)
            yield from page.objects
            yield from page.folders
            if page.token is None:
                return
            token = page.token

    def read(self, key: str) -> bytes:
        """Return an object; raises ObjectGone, or CommandError for any other reason."""
        try:
            return bytes(get(self._store, key).bytes())
        except FileNotFoundError as error:
            raise ObjectGone(key) from error
        except (BaseError, ValueError) as error:
            raise CommandError(f"s3://{self.name}/{key} cannot be read: {first_line(error)}") from (
                error
            )

    def _problem(self, error: BotoCoreError | ClientError) -> CommandError:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code in _NO_BUCKET:
            return CommandError(f"there is no bucket {self.name}")
        if code in _DENIED:
            return CommandError(
                f"the bucket {self.name} may not be listed: s3:ListBucket is needed on it, and "
                "s3:GetObject on its objects"
            )
        return CommandError(f"the bucket {self.name} cannot be read: {error}")


def _page(answer: "ListObjectsV2OutputTypeDef") -> Page:
    return Page(
        [
            Listed(entry["Key"], entry["Size"], entry["LastModified"])
            for entry in answer.get("Contents", ())
        ],
        [entry["Prefix"] for entry in answer.get("CommonPrefixes", ())],
        answer.get("NextContinuationToken"),
    )
