"""The access keys of one deployment where they lie: a secret, and when each was used, in DynamoDB.

Secrets Manager has no conditional write, but the move of a label is one: UpdateSecretVersionStage
fails when AWSCURRENT is not on the version that it is to be taken from. So a change is put as a
version of its own, that nobody reads, and becomes current only if what it was made from still is.
Whoever loses reads again: no run of the command loses another's key.
"""

import os
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from cli.deployment import stand_client
from cli.errors import CommandError
from cli.key_changes import Change
from cli.stand import running_stand
from emulator.environment import isolate
from model.access_keys import KeyEntry, Keys, MalformedKeys, read_keys, write_keys
from model.codec import decode
from model.tables import (
    ACCESS_KEY,
    CONNECTORS,
    DEFAULT_PREFIX,
    PARTITION_KEY,
    SORT_KEY,
    access_keys_secret_name,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_secretsmanager import SecretsManagerClient

CURRENT = "AWSCURRENT"
PROPOSED = "OVCPROPOSED"
"""Label of a change that is not yet current; a version without any label could be removed."""
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStore:
    """The keys of one deployment."""

    secretsmanager: "SecretsManagerClient"
    dynamodb: "DynamoDBClient"
    prefix: str

    def read(self) -> Keys:
        """Return the keys as they are; raises CommandError."""
        return self._current()[1]

    def change(self, change: Change) -> KeyEntry:
        """Apply a change to the keys as they are, and return the key that it is about."""
        for _ in range(ATTEMPTS):
            version, keys = self._current()
            after, entry = change(keys)
            if after is keys or self._replace(version, after):
                return entry
        raise CommandError("others keep changing the keys; nothing was changed, try again")

    def last_uses(self) -> dict[str, datetime]:
        """Return when each key was last used, to the hour; keys that never were are not in it."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=CONNECTORS.physical_name(self.prefix),
            KeyConditionExpression=f"{PARTITION_KEY} = :partition",
            ExpressionAttributeValues={":partition": {"S": ACCESS_KEY}},
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        return {
            item[SORT_KEY]["S"]: datetime.fromisoformat(str(decode(item["last_used_at"])))
            for item in items
        }

    @property
    def _secret(self) -> str:
        return access_keys_secret_name(self.prefix)

    def _current(self) -> tuple[str, Keys]:
        answer = self.secretsmanager.get_secret_value(SecretId=self._secret, VersionStage=CURRENT)
        try:
            return answer["VersionId"], read_keys(answer["SecretString"])
        except MalformedKeys as error:
            raise CommandError(
                f"the secret {self._secret} does not hold access keys; docs/keys.md has its form"
            ) from error

    def _replace(self, seen: str, after: Keys) -> bool:
        """Make `after` current; False when `seen` is current no longer."""
        token = str(uuid.uuid4())
        self.secretsmanager.put_secret_value(
            SecretId=self._secret,
            ClientRequestToken=token,
            SecretString=write_keys(after),
            VersionStages=[PROPOSED],
        )
        try:
            self.secretsmanager.update_secret_version_stage(
                SecretId=self._secret,
                VersionStage=CURRENT,
                MoveToVersionId=token,
                RemoveFromVersionId=seen,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "InvalidParameterException":
                raise
            # Also when the answer to a first, successful try was lost and the client tried again.
            return self._current()[0] == token
        return True


def key_store(*, api_port: int | None, prefix: str | None, region: str | None) -> KeyStore:
    """Return the store of a deployment in AWS when one is named, else of the running stand."""
    if prefix is None and region is None:
        facts = running_stand(api_port)
        isolate(os.environ)
        return KeyStore(
            secretsmanager=stand_client("secretsmanager", facts),
            dynamodb=stand_client("dynamodb", facts),
            prefix=DEFAULT_PREFIX,
        )
    session = boto3.session.Session(region_name=region)
    return KeyStore(
        secretsmanager=session.client("secretsmanager"),
        dynamodb=session.client("dynamodb"),
        prefix=prefix or DEFAULT_PREFIX,
    )
