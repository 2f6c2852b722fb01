"""The access keys that clients sign with, read from one secret in Secrets Manager (A2)."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.management.errors import ServiceFailure, ServiceUnavailable
from model.access_keys import MalformedKeys, read_keys

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

CACHE_S = 60.0
"""A revoked key works no longer than this (A2)."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One active access key."""

    access_key_id: str
    secret: str = field(repr=False)
    valid_until: datetime | None = None

    def is_valid_at(self, now: datetime) -> bool:
        """Tell whether its time has not run out, as it does for a key that was rotated."""
        return self.valid_until is None or now < self.valid_until

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
            answer = self._client.get_secret_value(
                SecretId=self._secret_name, VersionStage="AWSCURRENT"
            )
        except (ClientError, BotoCoreError) as error:
            raise ServiceUnavailable("The access keys cannot be read at the moment") from error
        try:
            entries = read_keys(answer["SecretString"])
        except MalformedKeys:
            # No `from`: nothing of what stands in the secret may reach a log.
            raise ServiceFailure("The secret of the access keys is malformed") from None
        return {
            access_key_id: AccessKey(access_key_id, entry.secret, entry.valid_until)
            for access_key_id, entry in entries.items()
            if entry.active
        }
