"""What has been deployed, as its operator and its clients use it."""

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cli.pool_file import COLUMNS
from emulator import aws
from emulator.numbers_pool import synthetic_pool
from model.numbers import PoolNumber
from model.record_form import KEY_PREFIX
from model.settings import Settings
from model.tables import (
    CONNECTORS,
    NUMBERS,
    PARTITION_KEY,
    PENDING,
    SORT_KEY,
    Table,
    access_keys_secret_name,
    cdr_bucket_name,
)
from tests.e2e.records import StoredRecord
from tests.localstack.cdk import Cdk
from tests.localstack.server import LocalStack
from tests.management.stand import ROOMY, Key, Stand

PREFIX = "ovc"
DATA, API = f"{PREFIX}-data", f"{PREFIX}-api"
OVC = (sys.executable, "-m", "cli.main")
_LONGEST_S = 120.0


def context(*, private_addresses: bool) -> Mapping[str, object]:
    """Return what an operator would write into cdk.json.

    The quotas are those of the API suite, whose tests share one deployment.
    """
    api = json.loads(ROOMY.to_json())["api"] | {"private_addresses": private_addresses}
    return {"ovc:settings": {"domain": ROOMY.domain, "api": api}}


class Deployment:
    """The stacks of data and API on a LocalStack."""

    def __init__(self, localstack: LocalStack, cdk: Cdk) -> None:
        self.localstack, self.cdk = localstack, cdk
        self.aws = aws.clients(localstack.url, ROOMY.region)
        self.bucket = cdr_bucket_name(PREFIX, Settings().account_id, ROOMY.region)

    @property
    def url(self) -> str:
        """Return the endpoint of clients."""
        return self.cdk.outputs(API)["ApiUrl"].rstrip("/")

    def stand(self, key: Key) -> Stand:
        """Return the API for whoever has a key."""
        return Stand(
            url=self.url,
            prefix=PREFIX,
            aws=self.aws,
            settings=ROOMY,
            key=key,
            gateway=self.localstack.url.removeprefix("http://"),
        )

    def new_key(self) -> Key:
        """Let the operator make an access key."""
        told = json.loads(self._ovc("keys", "create", "--description", "tests", "--json"))
        return Key(told["AccessKeyId"], told["SecretAccessKey"])

    def import_pool(self, file: Path) -> str:
        """Let the operator import the numbers of the local run; return what the command says."""
        with file.open("w", newline="") as text:
            writer = csv.DictWriter(text, COLUMNS)
            writer.writeheader()
            writer.writerows(map(_line, synthetic_pool()))
        return self._ovc("numbers", "import", str(file))

    def smoke(self, *options: str) -> dict[str, str]:
        """Let the operator try it all; return the verdicts by the names of the steps."""
        # LocalStack itself is the proxy that knows the name of the Function URL.
        proxied = {"http_proxy": self.localstack.url, "no_proxy": "127.0.0.1"}
        told = json.loads(self._ovc("smoke", "--json", *options, more=proxied))
        return {step["name"]: step["verdict"] for step in told["steps"]}

    def records(self, connector_id: str) -> list[StoredRecord]:
        """Return the detail records of a connector, in order of their keys."""
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{KEY_PREFIX}/{connector_id}/"
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [self._record(key) for key in keys]

    def contents(self) -> dict[str, object]:
        """Return what must outlive an update: configuration, numbers, records and access keys.

        Of numbers without what is pending, which a function may do at any moment.
        """
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        secret = access_keys_secret_name(PREFIX)
        numbers = [(it[PARTITION_KEY], it[SORT_KEY]) for it in self._items(NUMBERS)]
        return {
            "configuration": self._items(CONNECTORS),
            "numbers": [it for it in numbers if it[0] != {"S": PENDING}],
            "records": [entry["ETag"] for page in pages for entry in page.get("Contents", [])],
            "keys": self.aws.secretsmanager.get_secret_value(SecretId=secret)["SecretString"],
        }

    def _items(self, table: Table) -> list[dict[str, Any]]:
        scan = self.aws.dynamodb.get_paginator("scan")
        pages = scan.paginate(TableName=table.physical_name(PREFIX))
        return [item for page in pages for item in page["Items"]]

    def _record(self, key: str) -> StoredRecord:
        body = self.aws.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return StoredRecord(key, body, json.loads(body))

    def _ovc(self, *arguments: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
        done = subprocess.run(
            [*OVC, *arguments, "--prefix", PREFIX, "--region", ROOMY.region],
            env={**self.localstack.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _line(it: PoolNumber) -> dict[str, str]:
    values = (it.e164, it.number_type, it.country, it.city or "", it.state or "")
    return dict(zip(COLUMNS, values, strict=True))
