"""How a trial finds the API of a deployment in AWS, and the key that it signs with."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from cli.trial.access import UNKNOWN_KEY, Api, ApiKey, found_stacks, key_of_profile, temporary_key
from cli.trial.report import Unfit
from model.access_keys import read_keys
from model.tables import CONNECTORS, access_keys_secret_name

REGION = "us-east-1"
URL = "https://abc.lambda-url.us-east-1.on.aws/"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def cloudformation(*parts: str, status: str = "CREATE_COMPLETE", url: str | None = URL) -> Any:
    """Return a client of an account that has these stacks of the deployment and no others."""
    client: Any = boto3.client("cloudformation", region_name=REGION)
    stubber = Stubber(client)
    for part in ("data", "api", "front", "edge", "dns", "observability", "analytics"):
        name = f"ovc-{part}"
        if part not in parts:
            stubber.add_client_error(
                "describe_stacks", "ValidationError", f"Stack with id {name} does not exist"
            )
            continue
        outputs = [{"OutputKey": "ApiUrl", "OutputValue": url}] if part == "api" and url else []
        stack = {
            "StackName": name,
            "StackStatus": status,
            "CreationTime": datetime(2026, 1, 2, tzinfo=UTC),
            "Outputs": outputs,
        }
        stubber.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": name})
    stubber.activate()
    return client


def test_the_url_stands_in_the_outputs() -> None:
    found = found_stacks(cloudformation("data", "api", "edge"), "ovc")
    assert found == ("ovc-data, ovc-api, ovc-edge", URL)


def test_a_stack_that_is_missing_is_named_with_the_region() -> None:
    with pytest.raises(Unfit, match="there is no stack ovc-api in us-east-1"):
        found_stacks(cloudformation("data"), "ovc")


def test_a_stack_whose_last_change_failed_is_named_with_what_to_look_at() -> None:
    rolled_back = cloudformation("data", "api", status="UPDATE_ROLLBACK_COMPLETE")
    with pytest.raises(Unfit, match="ovc-data is UPDATE_ROLLBACK_COMPLETE") as raised:
        found_stacks(rolled_back, "ovc")
    assert "describe-stack-events --stack-name ovc-data" in str(raised.value.remedy)


def test_a_stack_without_the_output_is_none_of_ours() -> None:
    with pytest.raises(Unfit, match="no output ApiUrl"):
        found_stacks(cloudformation("data", "api", url=None), "ovc")


@mock_aws
def test_a_key_is_made_and_leaves_no_trace() -> None:
    secrets: Any = boto3.client("secretsmanager", region_name=REGION)
    name = access_keys_secret_name("ovc")
    secrets.create_secret(Name=name, SecretString="{}")
    tables: Any = boto3.client("dynamodb", region_name=REGION)
    tables.create_table(**CONNECTORS.creation("ovc"))

    def keys() -> list[tuple[str, str]]:
        current = secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        found = read_keys(current["SecretString"])
        return [(it.access_key_id, it.description) for it in found.values()]

    made: dict[str, Callable[[], None]] = {}

    def note(access_key_id: str, take_away: Callable[[], None]) -> None:
        take_away()  # it is not there yet
        made[access_key_id] = take_away

    key = temporary_key(None, REGION, note)
    assert keys() == [(key.access_key_id, "ovc smoke")]
    made[key.access_key_id]()
    assert keys() == []


def test_a_profile_may_hold_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    file.write_text("[voice]\naws_access_key_id = OVCK\naws_secret_access_key = s\n[empty]\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    key = key_of_profile("voice")
    assert (key.access_key_id, key.secret, key.works_by) == ("OVCK", "s", 0.0)


class Doorman(BaseHTTPRequestHandler):
    """Answers as the API does: strange keys are refused, until the keys are read again."""

    refusals = 0

    def do_GET(self) -> None:
        if Doorman.refusals > 0:
            Doorman.refusals -= 1
            self._answer(403, {"Message": "unknown key"}, UNKNOWN_KEY)
        elif self.path.startswith("/ext/nodes"):
            self._answer(200, {"Nodes": []})
        elif self.path.startswith("/ext/"):
            self._answer(404, {"Message": "no such thing"}, "UnknownOperationException")
        else:
            self._answer(200, {"VoiceConnectors": []})

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: dict[str, object], error: str | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if error is not None:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("cli.trial.access._ASK_AGAIN_S", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Doorman)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def api(door: str, works_by: float) -> Api:
    return Api(door, REGION, ApiKey(access_key_id="OVCK", secret="s", works_by=works_by))


@pytest.mark.sockets
def test_a_new_key_is_tried_until_the_api_knows_it(door: str) -> None:
    patient = api(door, time.monotonic() + 20.0)
    Doorman.refusals = 2
    assert patient.ext("/ext/nodes") == {"Nodes": []}
    Doorman.refusals = 2
    assert patient.call("list_voice_connectors")["VoiceConnectors"] == []


@pytest.mark.sockets
def test_a_key_that_is_not_new_is_refused_at_once(door: str) -> None:
    Doorman.refusals = 1
    with pytest.raises(ClientError, match=UNKNOWN_KEY):
        api(door, 0.0).ext("/ext/nodes")


@pytest.mark.sockets
def test_what_an_extension_refuses_says_why(door: str) -> None:
    Doorman.refusals = 0
    with pytest.raises(ClientError, match=r"UnknownOperationException.*GET /ext/other.*no such"):
        api(door, 0.0).ext("/ext/other")
