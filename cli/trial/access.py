"""The management API of a deployment on trial, and a key to sign with."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cli.key_changes import Changed, with_created, without
from cli.key_store import KeyStore, key_store
from cli.keys import new_key
from cli.trial.report import Told, Unfit
from model.tables import DEFAULT_PREFIX

T = TypeVar("T")

SIGNED_FOR = "chime"
UNKNOWN_KEY = "UnrecognizedClientException"
KEY_WORKS_WITHIN_S = 70.0
"""Each instance of the function reads the keys again when what it knows is 60 s old."""
LEFT_FOR = timedelta(hours=2)
"""After which a key that a killed run has left works no more."""
_ASK_AGAIN_S = 2.0
_ANSWERS_WITHIN_S = 30.0
_SOUND = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
_NEEDED = ("data", "api")
_OTHERS = ("front", "edge", "dns", "observability", "analytics")
"""Stacks that a deployment may do without, or that stand for themselves in later steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What requests are signed with."""

    access_key_id: str
    secret: str
    works_by: float = 0.0
    """Monotonic time until which a refusal may only mean that the key is new."""


# boto3 makes its clients at run time; types-boto3 knows chime-sdk-voice only as an extra.
class Api:
    """Signed requests: AWS's operations by `voice`, the operator's extensions by `ext`."""

    def __init__(self, url: str, region: str, key: ApiKey) -> None:
        self.url = url.rstrip("/")
        self._region, self._key = region, key
        self.voice: Any = boto3.client(
            "chime-sdk-voice",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret,
            config=Config(
                connect_timeout=5,
                read_timeout=_ANSWERS_WITHIN_S,
                retries={"mode": "standard", "total_max_attempts": 4},
            ),
        )

    def call(self, operation: str, **members: object) -> Any:
        """Return the answer of an operation of `chime-sdk-voice`; raises ClientError."""
        return self._patiently(lambda: getattr(self.voice, operation)(**members))

    def ext(self, target: str) -> Any:
        """Return what is below /ext/; raises OSError or ClientError."""
        return self._patiently(lambda: self._get(target))

    def _patiently(self, ask: Callable[[], T]) -> T:
        while True:
            try:
                return ask()
            except ClientError as error:
                is_new = time.monotonic() < self._key.works_by
                if error.response["Error"]["Code"] != UNKNOWN_KEY or not is_new:
                    raise
            time.sleep(_ASK_AGAIN_S)

    def _get(self, target: str) -> Any:
        unsigned = AWSRequest("GET", self.url + target)
        credentials = Credentials(self._key.access_key_id, self._key.secret)
        SigV4Auth(credentials, SIGNED_FOR, self._region).add_auth(unsigned)
        headers = dict(unsigned.headers.items())
        try:
            with urlopen(
                Request(self.url + target, headers=headers), timeout=_ANSWERS_WITHIN_S
            ) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise _client_error(error, target) from error


def _client_error(error: HTTPError, target: str) -> ClientError:
    """Return a refusal of an extension as the SDK would have it."""
    code = (error.headers.get("x-amzn-ErrorType") or str(error.code)).partition(":")[0]
    try:
        message = str(json.loads(error.read()).get("Message", ""))
    except ValueError:
        message = ""
    return ClientError({"Error": {"Code": code, "Message": message}}, f"GET {target}")


def found_stacks(cloudformation: Any, name: str) -> Told[str]:
    """Look at the stacks of a deployment and return the URL of its API; raises Unfit.

    `name` is the deployment's prefix; `cloudformation` is a client of boto3.
    """
    stacks = {it: _stack(cloudformation, f"{name}-{it}") for it in (*_NEEDED, *_OTHERS)}
    for part in _NEEDED:
        if stacks[part] is None:
            raise Unfit(f"there is no stack {name}-{part} in {cloudformation.meta.region_name}")
    for stack in filter(None, stacks.values()):
        if stack["StackStatus"] not in _SOUND:
            raise Unfit(
                f"the stack {stack['StackName']} is {stack['StackStatus']}",
                f"aws cloudformation describe-stack-events --stack-name {stack['StackName']}",
            )
    api = stacks["api"] or {}
    outputs = {it["OutputKey"]: it["OutputValue"] for it in api.get("Outputs", ())}
    if "ApiUrl" not in outputs:
        raise Unfit(f"the stack {name}-api has no output ApiUrl")
    there = ", ".join(f"{name}-{it}" for it, stack in stacks.items() if stack is not None)
    return Told(there, str(outputs["ApiUrl"]))


def _stack(cloudformation: Any, name: str) -> Mapping[str, Any] | None:
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    stack: Mapping[str, Any] = found[0]
    return stack


def temporary_key(
    prefix: str | None, region: str | None, made: Callable[[str, Callable[[], None]], object]
) -> ApiKey:
    """Make an access key and return it.

    `made` hears its id and what takes it away, before it is made: whatever ends the command then,
    nothing is left.
    """
    store = key_store(api_port=None, prefix=prefix or DEFAULT_PREFIX, region=region)
    new, now = new_key(), datetime.now(UTC)
    made(new.access_key_id, lambda: _take_away(store, new.access_key_id))
    store.change(
        lambda keys: _passing(with_created(keys, new, description="ovc smoke", now=now), now)
    )
    return ApiKey(
        access_key_id=new.access_key_id,
        secret=new.secret,
        works_by=time.monotonic() + KEY_WORKS_WITHIN_S,
    )


def _passing(change: Changed, now: datetime) -> Changed:
    entry = replace(change.entry, valid_until=now + LEFT_FOR)
    return Changed({**change.keys, entry.access_key_id: entry}, entry)


def _take_away(store: KeyStore, access_key_id: str) -> None:
    """Remove the key altogether: as a revoked one it would fill the list for 90 days."""
    if access_key_id in store.read():
        store.change(lambda keys: without(keys, access_key_id))


def key_of_profile(profile: str) -> ApiKey:
    """Return the key that an AWS profile holds; raises Unfit."""
    credentials = boto3.Session(profile_name=profile).get_credentials()
    frozen = None if credentials is None else credentials.get_frozen_credentials()
    if frozen is None or frozen.access_key is None or frozen.secret_key is None:
        raise Unfit(f"the profile {profile} holds no keys")
    return ApiKey(access_key_id=frozen.access_key, secret=frozen.secret_key)
