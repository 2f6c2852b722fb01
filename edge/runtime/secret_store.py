"""What a node reads of Secrets Manager, and what it says when it cannot; never any of a secret."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from edge.runtime.backoff import Backoff

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

CLIENT = Config(
    connect_timeout=2.0, read_timeout=5.0, retries={"mode": "standard", "total_max_attempts": 2}
)
TRIES = 4
"""At a start: a right that was given a moment ago takes seconds to be known everywhere."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 4.0

_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})


class SecretProblemError(LookupError):
    """A secret that cannot be had: the message names it, says why and what to do."""


class SecretStore:
    """Secrets by their names or ARNs, as they are now."""

    def __init__(self, client: "SecretsManagerClient", region: str) -> None:
        self._client = client
        self._region = region

    @classmethod
    def over(cls, session: boto3.Session) -> "SecretStore":
        """Return the store of a session's region; raises SecretProblemError."""
        try:
            return cls(session.client("secretsmanager", config=CLIENT), session.region_name)
        except (BotoCoreError, OSError) as error:
            problem = f"Secrets Manager cannot be asked ({error}); has the node credentials?"
            raise SecretProblemError(problem) from error

    def read(self, secret_id: str) -> str:
        """Return the text of a secret, without line ends behind it; raises SecretProblemError."""
        try:
            answer = self._client.get_secret_value(SecretId=secret_id)
        except ClientError as error:
            raise SecretProblemError(self._refusal(secret_id, error)) from error
        except (BotoCoreError, OSError) as error:
            raise SecretProblemError(
                f"the secret {secret_id} cannot be read: Secrets Manager of {self._region} is not "
                f"reached ({type(error).__name__}); has the node a way there, and credentials?"
            ) from error
        text = answer.get("SecretString")
        if text is None:
            raise SecretProblemError(
                f"the secret {secret_id} holds bytes; wanted is text (SecretString): "
                "put it with --secret-string file://..."
            )
        text = text.rstrip("\r\n")
        if not text:
            raise SecretProblemError(f"the secret {secret_id} is empty; put a value into it")
        return text

    def read_patiently(self, secret_id: str, rest: Callable[[float], None] = time.sleep) -> str:
        """Return the text of a secret after some tries; raises SecretProblemError of the last."""
        waits = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)
        for _ in range(TRIES - 1):
            try:
                return self.read(secret_id)
            except SecretProblemError:
                rest(waits.next_s())
        return self.read(secret_id)

    def _refusal(self, secret_id: str, error: ClientError) -> str:
        """Say why Secrets Manager does not give a secret; its own messages hold nothing of it."""
        told = error.response.get("Error", {})
        code, message = told.get("Code", ""), told.get("Message", "")
        name = f"the secret {secret_id}"
        if code == "ResourceNotFoundException":
            has_no_value = "staging label" in message
            how = "put-secret-value --secret-id" if has_no_value else "create-secret --name"
            return (
                f"{name} is not there, or has no value, in {self._region}: give it one with "
                f"aws secretsmanager {how} {secret_id} --secret-string file://..."
            )
        if code == "DecryptionFailure" or (code in _DENIED and "kms" in message.lower()):
            return (
                f"{name} cannot be decrypted: its KMS key is off, or the role of the node has no "
                "right kms:Decrypt on it; deploy with the key in ovc:secret_kms_keys"
            )
        if code in _DENIED:
            return (
                f"{name} may not be read: the role of the node has no right "
                "secretsmanager:GetSecretValue on it; does the deployment name this very secret?"
            )
        if code == "InvalidRequestException" and "delet" in message:
            return (
                f"{name} is marked for deletion: bring it back with "
                f"aws secretsmanager restore-secret --secret-id {secret_id}"
            )
        return f"{name} cannot be read: {code}: {message}"
