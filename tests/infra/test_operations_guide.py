"""What docs/operations.md tells a person at three in the morning is true of the code."""

import re
from dataclasses import fields
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.session import Session
from moto import mock_aws

from infra.settings import DeploymentSettings
from model.settings import Settings
from model.tables import CONNECTORS
from tests.infra.guides import commands
from tests.infra.synthesis import ROOT, Assembly

DOCS = ROOT / "docs"
GUIDE = (DOCS / "operations.md").read_text()
FAILURES = (
    *("Edge dies", "AWS worker dies", "Media worker dies", "DynamoDB away", "S3 away or denied"),
    *("DNS away", "Carrier away", "Too many calls", "Flood from strangers", "Certificate expired"),
    *("Wrong certificate",),
    *("Key leaked", "Journal kept aside", "Disk full", "Reaper does not run", "Order stuck"),
    *("Client shut out by the firewall", "Key disabled"),
    *("Deployment stuck", "Deployment rolled back", "Node does not drain", "Region away"),
)
TASKS = ("Restore", "Rotate", "Upgrade", "Scale", "Drain", "Remove")


def sections(level: int, text: str = GUIDE) -> dict[str, str]:
    """Return the text below each heading of a level, without what is under its equals."""
    mark = "#" * level
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_every_alarm_has_its_runbook_and_no_other(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    names = set()
    for made, prefix in ((assembly, "ovc"), (other_assembly, "lab2")):
        found = made.template(f"{prefix}-observability").of("AWS::CloudWatch::Alarm").values()
        names |= {it["Properties"]["AlarmName"].removeprefix(f"{prefix}-") for it in found}
    assert set(sections(3, sections(2)["Alarms"])) == names


def test_every_runbook_says_what_it_means_what_happens_and_what_to_do() -> None:
    for name, text in sections(3, sections(2)["Alarms"]).items():
        told = re.findall(r"^\*(.+?)\*", text, re.M)
        assert told == ["What it means.", "By itself.", "Do."], name


def test_every_failure_is_told() -> None:
    told = sections(3, sections(2)["Failures"])
    assert tuple(told) == FAILURES
    for name, text in told.items():
        if "*Shows:*" in text:
            assert "*By itself:*" in text and "*Do:*" in text, name
        else:
            assert re.match(r"\n\[[\w-]+\]\(#[\w-]+\)", text), name
    assert set(TASKS) <= set(sections(2))


def test_there_are_commands_for_everything() -> None:
    assert len(list(commands(GUIDE, "aws"))) > 40
    assert len(list(commands(GUIDE, "ovc"))) > 8


def test_deployments_are_of_stacks_and_keys_that_exist() -> None:
    for words in commands(GUIDE, "npx"):
        assert words[1] == "aws-cdk@2.1148.1"
        if words[2:] in (["diff"], ["destroy", "--all"]):
            continue
        assert words[2] == "deploy"
        stacks = [it for it in words[3:] if it.startswith("ovc-")]
        assert stacks and set(stacks) <= {
            f"ovc-{it}" for it in ("data", "api", "edge", "analytics", "observability", "dns")
        }
    keys = set(re.findall(r"\bovc:(\w+)", GUIDE))
    assert keys and keys <= {it.name for it in fields(DeploymentSettings)}


def test_settings_exist() -> None:
    told = re.findall(r"`(admission|routing|media|records|logs|call|srtp)\.(\w+)`", GUIDE)
    assert told
    for section, member in told:
        assert hasattr(getattr(Settings(), section), member), f"{section}.{member}"


def test_events_of_the_log_exist() -> None:
    source = "".join(
        path.read_text() for room in ("edge", "model") for path in (ROOT / room).rglob("*.py")
    )
    known = set(sections(3, sections(2)["Alarms"]))
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", GUIDE)) - known
    others = {it for it in told if it.endswith("-function") or it.startswith("ovc-")}
    api = set(map(lambda it: xform_name(it, "-"), _voice_operations()))
    events = told - others - api
    assert len(events) > 20
    for event in events:
        assert f'"{event}"' in source, f"no line of the edge has the event {event}"


def _voice_operations() -> list[str]:
    operations: list[str] = Session().get_service_model("chime-sdk-voice").operation_names
    return operations


def test_parameters_of_functions_exist() -> None:
    told = set(re.findall(r"`(?:/ovc/)?([a-z-]+)-function`", GUIDE))
    rooms = {it.parent.name for it in (ROOT / "lambdas").glob("*/handler.py")}
    assert told | {"call-reaper"} == {it.replace("_", "-") for it in rooms}


@mock_aws
def test_the_program_that_copies_a_table_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client: Any = boto3.client("dynamodb")
    for prefix in ("there", "back"):
        client.create_table(**CONNECTORS.creation(prefix))
    items = [{"pk": {"S": "connector"}, "sk": {"S": f"{n}"}, "n": {"N": "1"}} for n in range(30)]
    for item in items:
        client.put_item(TableName="there-connectors", Item=item)
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    monkeypatch.setattr("sys.argv", ["copy_table.py", "there-connectors", "back-connectors"])
    exec(compile(program, "copy_table.py", "exec"), {})
    found = client.scan(TableName="back-connectors")["Items"]
    assert sorted(map(str, found)) == sorted(map(str, items))
