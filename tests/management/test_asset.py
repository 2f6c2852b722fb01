"""The synthesised Lambda asset, alone in a Python without anything else, answers like the sources.

The API suite runs a second time, through the asset's handler, against moto's server.
"""

import base64
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from emulator.aws import EmbeddedAws, provision
from model.settings import Settings
from model.tables import DEFAULT_PREFIX
from tests.infra.synthesis import ROOT, Assembly, Template, text_of
from tests.management.asset import ASSET_VARIABLE, CALLS_VARIABLE, AssetProcess
from tests.management.signing import signed_headers

pytestmark = [pytest.mark.node, pytest.mark.sockets, pytest.mark.xdist_group("cdk")]

HERE = Path(__file__).parent
STREAM = "${NumberOrders"
"""Begins the stream's ARN, which is a parameter of the stack."""
SUITE = sorted(
    path
    for path in HERE.glob("test_*.py")
    if "\npytestmark = pytest.mark.sockets\n" in path.read_text()
)
"""Everything that speaks boto3 to a stand."""


@pytest.fixture(scope="module")
def api(assembly: Assembly) -> Template:
    return assembly.template("ovc-api")


@pytest.fixture(scope="module")
def archive(assembly: Assembly, api: Template) -> Path:
    key = text_of(api.named("AWS::Lambda::Function", "Management")["Code"]["S3Key"])
    return assembly.directory / f"asset.{key}"


@pytest.fixture(scope="module")
def asset(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("asset")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def environment(api: Template) -> Mapping[str, str]:
    """Return the function's environment as CloudFormation would fill it in."""
    known = {"AWS::AccountId": Settings().account_id, "AWS::Region": "us-east-1"}
    variables = api.named("AWS::Lambda::Function", "Management")["Environment"]["Variables"]
    return {
        name: re.sub(r"\$\{([^}]+)\}", lambda match: known[match[1]], text_of(value))
        for name, value in variables.items()
    }


def test_the_asset_is_pure_python(asset: Path) -> None:
    # ARCHITECTURE A3
    endings = {path.suffix for path in asset.rglob("*") if path.is_file()}
    assert not endings & {".so", ".pyd", ".dylib", ".dll", ".a"}
    wheels = [path.read_text() for path in asset.glob("*.dist-info/WHEEL")]
    assert wheels
    assert all("Root-Is-Purelib: true" in wheel for wheel in wheels)


def test_the_asset_holds_what_is_locked_and_nothing_else_of_ours(asset: Path) -> None:
    locked = re.findall(
        r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements/lambda.txt").read_text(), re.M
    )
    held = {path.name.removesuffix(".dist-info") for path in asset.glob("*.dist-info")}
    assert held == {f"{name.replace('-', '_')}-{version}" for name, version in locked}
    tested = (ROOT / "requirements/runtime.txt").read_text()
    assert all(f"\n{name}=={version}" in tested for name, version in locked)
    assert not {"edge", "emulator", "cli", "tests", "infra"} & {
        path.name for path in asset.iterdir()
    }


def test_the_asset_is_made_of_its_inputs_alone(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    bytecode = [entry.filename for entry in entries if "__pycache__" in entry.filename]
    assert all(name.endswith(".cpython-313.pyc") for name in bytecode)
    assert bool(bytecode) is (sys.version_info[:2] == (3, 13))


def test_recorded_events_are_answered_in_the_deployed_environment(
    asset: Path, environment: Mapping[str, str], embedded_aws: EmbeddedAws
) -> None:
    # ARCHITECTURE A2: the events are AWS's, signed anew because the asset's clock is the real one
    aws = embedded_aws.clients("us-east-1")
    provision(aws, Settings(), prefix=DEFAULT_PREFIX)
    recorded = json.loads((HERE / "events" / "aws.json").read_text())["events"]
    with AssetProcess(asset, environment, aws_url=aws.endpoint_url) as process:
        expired = process.management(recorded[0]["event"], None)
        assert (expired["statusCode"], "Signature expired" in str(expired["body"])) == (403, True)
        for each in recorded:
            answer = process.management(signed_now(each["event"]), None)
            assert answer["statusCode"] == each["status"], each["request"]
            assert each["contains"] in str(answer["body"]), each["request"]
        created = process.management(signed_now(creation(recorded[0]["event"])), None)
    assert created["statusCode"] == 201, created["body"]
    connector = json.loads(str(created["body"]))["VoiceConnector"]
    assert connector["OutboundHostName"].endswith(".voiceconnector.example.com")
    assert connector["VoiceConnectorArn"].startswith("arn:aws:chime:us-east-1:000000000000:vc/")


def signed_now(event: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded event with a signature of this moment."""
    given = event["headers"]
    body = str(event.get("body") or "").encode()
    signed = signed_headers(
        event["requestContext"]["http"]["method"],
        event["rawPath"] + ("?" + event["rawQueryString"] if event["rawQueryString"] else ""),
        base64.b64decode(body) if event["isBase64Encoded"] else body,
        moment=datetime.now(UTC),
        service=given["authorization"].split("/")[3],
        headers={"Host": given["host"]},
    )
    return event | {"headers": given | signed}


def creation(event: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded event made into CreateVoiceConnector."""
    context = event["requestContext"]
    http = context["http"] | {"method": "POST", "path": "/voice-connectors"}
    return event | {
        "rawPath": "/voice-connectors",
        "requestContext": context | {"http": http},
        "body": json.dumps({"Name": "vc", "RequireEncryption": False}),
    }


def test_the_call_reaper_runs_out_of_the_asset(
    asset: Path, api: Template, environment: Mapping[str, str], embedded_aws: EmbeddedAws
) -> None:
    # EDGE C9; without the models of S3 and ECS it could not be imported
    prefix = "reaped"
    provision(embedded_aws.clients("us-east-1"), Settings(), prefix=prefix, pool=())
    given = {**environment, "OVC_TABLE_PREFIX": prefix}
    process = AssetProcess(asset, given, aws_url=embedded_aws.url)
    with process:
        report = process.function("call_reaper")({"source": "aws.events"}, None)
    assert report == {"nodes": 0, "dead": 0, "closed": 0, "left": 0}
    rights = allowed(api, "CallReaperRole")
    for function, action, target in process.calls:
        assert function == "call_reaper"
        assert action in rights[target.replace(prefix, "ovc")]


def test_the_api_suite_passes_and_asks_aws_for_what_the_role_allows(
    asset: Path, api: Template, tmp_path: Path
) -> None:
    assert len(SUITE) >= 8
    calls = tmp_path / "calls"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, SUITE)],
        cwd=ROOT,
        env=os.environ | {ASSET_VARIABLE: str(asset), CALLS_VARIABLE: str(calls)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Each stand has a prefix of its own: t3f9a0c1b-connectors, t3f9a0c1b/access-keys.
    asked: dict[str, dict[str, set[str]]] = {"management": {}, "number_orders": {}}
    for line in calls.read_text().splitlines():
        function, action, target = line.split()
        name = re.sub(r"^t[0-9a-f]{8}", "ovc", target)
        asked[function].setdefault(name, set()).add(action)
    assert asked["management"] == allowed(api, "ManagementRole")
    assert asked["number_orders"] == allowed(api, "NumberOrdersRole")


def allowed(api: Template, role: str) -> dict[str, set[str]]:
    """Return what a role allows besides logs and streams: table or secret -> actions."""
    (secret,) = api.of("AWS::SecretsManager::Secret")
    names = {f"${{{secret}}}": text_of(api.properties("AWS::SecretsManager::Secret")["Name"])}
    found: dict[str, set[str]] = {}
    for action, resource in api.grants(role):
        service, _, name = action.partition(":")
        if service != "logs" and not resource.startswith(STREAM) and resource != "*":
            found.setdefault(names.get(resource, resource.rpartition("/")[2]), set()).add(name)
    return found
