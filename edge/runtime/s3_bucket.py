"""An S3 bucket through obstore: a PUT costs a tenth of what it costs through boto3."""

import os
from collections.abc import Mapping
from datetime import timedelta

import boto3
from obstore import get_async, put_async
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import PermissionDeniedError
from obstore.store import S3Store

CREDENTIALS_KEPT = timedelta(minutes=10)
"""obstore asks again in the last 5 minutes of this, and botocore renews what ends within 15."""
REQUEST_TIMEOUT = timedelta(seconds=10)
ATTEMPTS_WITHIN = timedelta(seconds=15)
"""obstore's own quick retries; the queue above has the patience."""
IDLE_CONNECTIONS_KEPT = timedelta(seconds=20)
"""After a burst, which opens as many as it has PUTs under way."""


class S3Bucket:
    """One bucket; credentials from botocore's chain, which knows ECS tasks, profiles and SSO."""

    def __init__(
        self, name: str, session: boto3.Session, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._name = name
        self._session = session
        self._environ = environ
        self._store: S3Store | None = None

    async def create(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """PUT with If-None-Match: *; raises obstore's AlreadyExistsError when the object exists.

        Any other error, one about credentials included, says that it may be tried again.
        """
        attributes = {"Content-Type": content_type}
        await put_async(self._opened(), key, body, mode="create", attributes=attributes)

    async def read(self, key: str) -> bytes | None:
        """Return an object, None when we may not see it; raises obstore's errors otherwise."""
        try:
            found = await get_async(self._opened(), key)
            return bytes(await found.bytes_async())
        except PermissionDeniedError:
            return None

    def _opened(self) -> S3Store:
        if self._store is None:
            self._store = s3_store(self._name, self._session, self._environ)
        return self._store


def s3_store(
    name: str, session: boto3.Session, environ: Mapping[str, str], *, region: str | None = None
) -> S3Store:
    """Return the store of a bucket; without a region it is looked for in the session's own.

    `environ` may name another S3 than Amazon's, as AWS's own tools would be told.
    """
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    region = region or session.region_name or "us-east-1"
    # A dot in the name would break the certificate check of https://<bucket>.s3.amazonaws.com.
    virtual_hosted = endpoint is None and "." not in name
    return S3Store(
        name,
        region=region,
        endpoint=endpoint or _endpoint(name, region, virtual_hosted),
        virtual_hosted_style_request=virtual_hosted,
        credential_provider=Boto3CredentialProvider(session, ttl=CREDENTIALS_KEPT),
        client_options={
            "allow_http": endpoint is not None and endpoint.startswith("http://"),
            "timeout": REQUEST_TIMEOUT,
            "pool_idle_timeout": IDLE_CONNECTIONS_KEPT,
        },
        retry_config={"max_retries": 2, "retry_timeout": ATTEMPTS_WITHIN},
    )


def _endpoint(name: str, region: str, virtual_hosted: bool) -> str:
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    host = f"s3.{region}.{suffix}"
    return f"https://{name}.{host}" if virtual_hosted else f"https://{host}"
