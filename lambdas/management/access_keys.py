"""The access keys that clients sign with, read from one secret in Secrets Manager (A2).

The secret is a JSON object: access key id -> {"secret": "...", "active": true}.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.management.errors import ServiceFailure, ServiceUnavailable

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

CACHE_S = 60.0
"""A revoked key works no longer than this (A2)."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One active access key."""

    access_key_id: str
    secret: str = field(repr=False)

    def derived(self, purpose: str) -> bytes:
        """Return a key for another purpose than signing requests; it does not tell the secret."""
        return hmac.digest(self.secret.encode(), f"ovc {purpose}".encode(), hashlib.sha256)


class AccessKeys:
    """The keys of a deployment, read again when they are older than CACHE_S."""

    def __init__(
        self, client: "SecretsManagerClient", secret_name: str, monotonic: Callable[[], float]
    ) -> None:
        self._client = client
        self._secret_name = secret_name
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: Mapping[str, AccessKey] = {}
        self._read_at: float | None = None

    def find(self, access_key_id: str) -> AccessKey | None:
        """Return an active key, None when there is none; fails closed when nothing can be read."""
        with self._lock:
            now = self._monotonic()
            if self._read_at is None or now - self._read_at >= CACHE_S:
                self._keys = self._read()
                self._read_at = now
            return self._keys.get(access_key_id)

    def _read(self) -> Mapping[str, AccessKey]:
        try:
            text = self._client.get_secret_value(SecretId=self._secret_name)["SecretString"]
        except (ClientError, BotoCoreError) as error:
            raise ServiceUnavailable("The access keys cannot be read at the moment") from error
        try:
            return {
                access_key_id: AccessKey(access_key_id, entry["secret"])
                for access_key_id, entry in json.loads(text).items()
                if entry["active"] is True
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            # No `from`: the text of a JSON error could quote the secret into a log.
            raise ServiceFailure("The secret of the access keys is malformed") from None
