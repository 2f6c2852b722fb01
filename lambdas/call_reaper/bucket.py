"""The objects of records as the reaper writes and reads them: one for each call (EDGE C9)."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from model.cdr import CallDetailRecord
from model.cdr_reader import ReadRecord, read_record

_THERE = "PreconditionFailed"
_FORBIDDEN = "AccessDenied"
"""Whose bucket it is may let us write and not read."""


class BucketRefuses(Exception):
    """A bucket takes or shows nothing at the moment: it is away, unknown, or not open to us."""


class RecordBucket:
    """Stores records; raises BucketRefuses."""

    # botocore's clients are made at run time: what they take and return has no static type.
    def __init__(self, client: Any) -> None:
        self._client = client

    def create(self, bucket: str, record: CallDetailRecord) -> bool:
        """Store a record unless its object is there; tell whether it was not."""
        try:
            self._client.put_object(
                Bucket=bucket,
                Key=record.key(),
                Body=record.body(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _THERE:
                return False
            raise BucketRefuses(f"{bucket}: {error}") from error
        except BotoCoreError as error:
            raise BucketRefuses(f"{bucket}: {error}") from error
        return True

    def read(self, bucket: str, key: str) -> ReadRecord | None:
        """Return a record that is there, None when we may not see it; raises NotARecord when it is
        something else."""
        try:
            body = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _FORBIDDEN:
                return None
            raise BucketRefuses(f"{bucket}: {error}") from error
        except BotoCoreError as error:
            raise BucketRefuses(f"{bucket}: {error}") from error
        return read_record(key, body)
