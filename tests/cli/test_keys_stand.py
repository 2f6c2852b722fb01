"""`ovc keys` as it is typed, against a stand's AWS; the API takes the keys that it makes."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator import aws
from emulator.gateway import RunningGateway
from emulator.stand_file import StandFacts, StandFile
from lambdas.management.composition import build
from model.settings import Settings
from model.tables import DEFAULT_PREFIX, access_keys_secret_name

pytestmark = pytest.mark.sockets

PORT = 4999
"""Names the stand's file; nothing listens there."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """An API, its AWS and a stand's file: what `ovc keys` needs of a stand."""
    runtime = tmp_path_factory.mktemp("runtime")
    settings = Settings()
    with pytest.MonkeyPatch.context() as patch, aws.start(account_id="0" * 12) as embedded:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        clients = embedded.clients(settings.region)
        aws.provision(clients, settings)
        handler = build(
            settings=settings,
            table_prefix=DEFAULT_PREFIX,
            access_keys_secret=access_keys_secret_name(DEFAULT_PREFIX),
            dynamodb=clients.dynamodb,
            secretsmanager=clients.secretsmanager,
            log=logging.getLogger("management"),
        )
        with RunningGateway(handler) as gateway:
            file = StandFile(facts(gateway.url, embedded.url, settings), PORT)
            # What leads elsewhere in the shell must not matter to a stand.
            yield {**os.environ, "AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
            file.close()


def facts(api_url: str, aws_url: str, settings: Settings) -> StandFacts:
    return StandFacts(
        pid=os.getpid(),
        api_url=api_url,
        aws_url=aws_url,
        access_key_id=aws.ACCESS_KEY_ID,
        secret_access_key=aws.SECRET_ACCESS_KEY,
        region=settings.region,
        cdr_bucket="",
        sip_address="",
        tls_address="",
        ca_file="",
        connector_id="",
        connector_host="",
        numbers=(),
        control_address="",
    )


def ovc(environment: Mapping[str, str], *arguments: str) -> str:
    """Return what `ovc keys` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "keys", *arguments, "--api-port", str(PORT)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def client(url: str, access_key_id: str, secret: str) -> Any:
    return boto3.client(
        "chime-sdk-voice",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_key_is_made_used_and_revoked(environment: Mapping[str, str]) -> None:
    # ARCHITECTURE A2: the API reads its keys anew after 60 s, so here for the first time
    new = json.loads(ovc(environment, "create", "--description", "CI", "--json"))
    (api_url,) = {
        json.loads(path.read_text())["api_url"]
        for path in Path(environment["XDG_RUNTIME_DIR"]).rglob("stand-*.json")
    }
    mine = client(api_url, new["AccessKeyId"], new["SecretAccessKey"])
    assert mine.list_voice_connectors()["VoiceConnectors"] == []
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client(api_url, new["AccessKeyId"], "guess").list_voice_connectors()
    rows = {row["AccessKeyId"]: row for row in json.loads(ovc(environment, "list", "--json"))}
    assert set(rows) == {"test", new["AccessKeyId"]}
    assert rows[new["AccessKeyId"]]["LastUsed"] is not None
    assert rows["test"]["LastUsed"] is None
    assert "is revoked" in ovc(environment, "revoke", new["AccessKeyId"])
    assert " revoked " in ovc(environment, "list")
    # The key of the stand itself can still be rotated: it was written without a time.
    assert "test keeps working until it is revoked" in ovc(environment, "rotate", "test")
