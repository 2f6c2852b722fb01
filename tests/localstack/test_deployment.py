"""The stacks of data and API on LocalStack, from the first deployment to the last command.

The tests are the days of one deployment and run in the order in which they stand here.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.environment import isolated
from emulator.seed import Seed, seed
from lambdas.call_reaper.repository import ReaperRepository
from lambdas.management.store import Store
from model.tables import TABLES
from tests.e2e.lab import eventually
from tests.e2e.records import StoredRecord, assert_record, window
from tests.infra.synthesis import ROOT, Assembly
from tests.localstack.cdk import TOOLKIT, Cdk
from tests.localstack.deployment import API, DATA, PREFIX, Deployment
from tests.localstack.phones import CALLER, Phones
from tests.management.deployed import environment_of
from tests.management.stand import ROOMY, Key, Stand
from tests.management.test_asset import SUITE

pytestmark = pytest.mark.localstack

SILENT = "fallback"
"""LocalStack's word for a resource that it does not make, in a deployment that succeeds."""
NOT_MADE = {"ContainerAssetsRepository"}
"""Of the CDK's own stack: a registry of images, which nothing here uses."""
UNLIKE_AWS = {
    # It writes a form anew before it hands it on, so that its signature fits no longer.
    "what_is_json_is_read_as_json_whatever_its_label[application/x-www-form-urlencoded]",
    # It decodes paths, which AWS hands on as they were sent (API S4): what is encoded twice, or is
    # a slash, a dot or no UTF-8, can be told no longer.
    "a_path_is_taken_as_it_was_sent[/voice-connectors/a%2Fb-404-NotFound]",
    "a_path_is_taken_as_it_was_sent[/voice-connectors/a%2fb/origination-404-NotFound]",
    "a_path_is_taken_as_it_was_sent[/voice-connectors/%2E%2E-404-NotFound]",
    "a_path_is_taken_as_it_was_sent[/voice-connectors/%ff-400-BadRequest]",
}
"""Tests of raw requests that no LocalStack can pass, and why."""
EXAMPLES = ("test_boto3_example.py", "test_aws_cli_example.py", "test_chime_client.py")
NOT_HERE = {"DNS", "node 127.0.0.1 TLS"}
"""Steps of `ovc smoke` that it skips: this edge has a name that needs no record, and no port for
TLS."""
PRIVATE_HOST = "127.0.0.8"
PRIVATE = {"Routes": [{"Host": PRIVATE_HOST, "Port": 5060, "Priority": 1, "Weight": 1}]}
KEPT = "kept over the update"
SCHEDULED_WITHIN_S = 120.0
"""Rates begin when the rule is made; a minute, and patience."""
PSTN = "+12125550100"
"""It answers and echoes."""


def run_tests(stand: Stand, folder: Path, *arguments: str | Path) -> None:
    """Run tests of another directory against the deployment; all must pass."""
    described = environment_of(stand, folder / "deployment.json")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)],
        cwd=ROOT,
        env=isolated(os.environ) | described,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]


def silent(events: list[dict[str, Any]]) -> set[str]:
    """Return what was not made, by logical id."""
    return {it["LogicalResourceId"] for it in events if SILENT in str(it).lower()}


def test_every_resource_is_made(cdk: Cdk, deployment: Deployment, first_assembly: Assembly) -> None:
    for stack in (DATA, API):
        assert silent(cdk.events(stack)) == set()
        made = cdk.resources(stack)
        assert set(made) == set(first_assembly.template(stack).document["Resources"])
        assert {it["ResourceStatus"] for it in made.values()} == {"CREATE_COMPLETE"}
    assert silent(cdk.events(TOOLKIT)) <= NOT_MADE


def test_the_tables_are_those_of_the_model(deployment: Deployment) -> None:
    # ARCHITECTURE A4
    for table in TABLES:
        name = table.physical_name(PREFIX)
        found = deployment.aws.dynamodb.describe_table(TableName=name)["Table"]
        wanted = table.creation(PREFIX)
        assert found["KeySchema"] == wanted["KeySchema"]
        indexes = {it["IndexName"] for it in found.get("GlobalSecondaryIndexes", [])}
        assert indexes == {it.name for it in table.indexes}


def test_nobody_is_served_without_a_key(deployment: Deployment, key: Key, gateway: None) -> None:
    # ARCHITECTURE A2
    assert deployment.stand(key).client().list_voice_connectors()["VoiceConnectors"] == []
    stranger = deployment.stand(Key("test", "test")).client()
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        stranger.list_voice_connectors()


def test_the_pool_is_imported(deployment: Deployment, tmp_path: Path) -> None:
    # ARCHITECTURE A6
    assert deployment.import_pool(tmp_path / "pool.csv").startswith("375 imported")


def test_the_examples_run_unmodified(deployment: Deployment, key: Key, tmp_path: Path) -> None:
    clients = ROOT / "tests" / "clients"
    run_tests(deployment.stand(key), tmp_path, *(clients / name for name in EXAMPLES))


def test_calls_of_an_edge_on_these_tables_leave_their_records(
    deployment: Deployment, key: Key, gateway: None, tmp_path: Path
) -> None:
    # ARCHITECTURE A9: the edge runs before its connector is there, and hears of it by the feed
    with Phones(deployment, tmp_path) as phones:
        trunk = new_trunk(deployment, key, phones)
        phones.await_effect(trunk.connector_host)
        tried = deployment.smoke("--number", PSTN, "--duration", "1")
        to_us, ours = trunk.numbers
        with window() as inbound:
            report = phones.call_in(to_us, duration_s=0.5)
        assert report.exit_code == 0, report
        with (
            window() as outbound,
            phones.call_out(PSTN, trunk.connector_host, ours, lasts_ms=300) as pbx,
        ):
            pbx.succeed()
        records = eventually(lambda: both_records(deployment, trunk), "two records")
    assert {step for step, verdict in tried.items() if verdict != "ok"} <= NOT_HERE
    assert f"call to {PSTN}" in tried and "record of the call" in tried
    shared = {"connector_id": trunk.connector_id}
    called, calling = records["Origination"], records["Termination"]
    call_id = str(called.members["CallId"])
    numbers = {"from_number": CALLER, "to_number": to_us, "disposition": "Origination"}
    assert_record(called, inbound, call_id=call_id, **shared, **numbers)
    numbers = {"from_number": ours, "to_number": PSTN, "disposition": "Termination"}
    assert_record(calling, outbound, call_id=pbx.call_id(), **shared, **numbers)


def new_trunk(deployment: Deployment, key: Key, phones: Phones) -> Seed:
    """Make a connector with two numbers, which the deployed functions have to fulfil."""
    return seed(
        deployment.url,
        settings=ROOMY,
        access_key=key,
        cdr_bucket=deployment.bucket,
        pbx=phones.pbx,
        allowed=["127.0.0.0/8"],
    )


def both_records(deployment: Deployment, trunk: Seed) -> dict[str, StoredRecord] | None:
    """Return the records of two calls by their disposition, once both are there."""
    found = deployment.records(trunk.connector_id)
    return {str(it.members["Disposition"]): it for it in found} if len(found) == 2 else None


def test_schedules_call_the_functions(deployment: Deployment) -> None:
    # EDGE C9: what a run of the reaper leaves for the next one
    reaper = ReaperRepository(Store(deployment.aws.dynamodb, time.sleep), PREFIX)
    eventually(reaper.notes, "a run of call_reaper", within_s=SCHEDULED_WITHIN_S)


def test_an_update_changes_a_setting_and_nothing_else(
    deployment: Deployment, key: Key, gateway: None, second_assembly: Assembly
) -> None:
    voice = deployment.stand(key).client()
    made = voice.create_voice_connector(Name=KEPT, RequireEncryption=False)["VoiceConnector"]
    identifier = {"VoiceConnectorId": made["VoiceConnectorId"]}
    voice.put_voice_connector_origination(**identifier, Origination=PRIVATE)
    before, url = deployment.contents(), deployment.url
    assert before["records"]

    deployment.cdk.deploy(second_assembly, DATA, API)

    assert silent(deployment.cdk.events(API)) == set()
    assert (deployment.contents(), deployment.url) == (before, url)
    with pytest.raises(voice.exceptions.BadRequestException, match="publicly routable"):
        voice.put_voice_connector_origination(**identifier, Origination=PRIVATE)
    kept = voice.get_voice_connector_origination(**identifier)["Origination"]["Routes"]
    assert [it["Host"] for it in kept] == [PRIVATE_HOST]


def test_the_api_suite_passes_through_the_function_url(
    deployment: Deployment, key: Key, tmp_path: Path
) -> None:
    raw = "tests/management/test_raw_requests.py::test_"
    left_out = [f"--deselect={raw}{name}" for name in sorted(UNLIKE_AWS)]
    run_tests(deployment.stand(key), tmp_path, *SUITE, *left_out)


def test_the_stacks_go(deployment: Deployment, cdk: Cdk, second_assembly: Assembly) -> None:
    cdk.unprotect(DATA)
    cdk.destroy(second_assembly, API, DATA)
    assert set(cdk.stacks()) == {TOOLKIT}
