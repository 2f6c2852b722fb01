"""What docs/operations.md tells a person at three in the morning is true of the code."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import boto3
import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session
from moto import mock_aws
from typer.main import get_command

from cli.main import app
from infra.settings import DeploymentSettings
from model.settings import Settings
from model.tables import CONNECTORS
from tests.infra.synthesis import ROOT, Assembly

DOCS = ROOT / "docs"
GUIDE = (DOCS / "operations.md").read_text()
FAILURES = (
    *("Edge dies", "AWS worker dies", "Media worker dies", "DynamoDB away", "S3 away or denied"),
    *("DNS away", "Carrier away", "Too many calls", "Flood from strangers", "Certificate expired"),
    *("Key leaked", "Journal kept aside", "Disk full", "Reaper does not run", "Order stuck"),
)
TASKS = ("Restore", "Rotate", "Upgrade", "Scale", "Drain")
OF_THE_CLI = {("logs", "tail"): {"since", "format", "filter-pattern", "follow"}}
"""Commands that the AWS CLI has beside the services' operations: command -> its options."""
CALLED = {"s3api": "s3"}
"""Services that the AWS CLI calls otherwise."""
EVERYWHERE = {"query", "output", "region", "profile"}
INVOKED = ("lambda", "invoke")


def sections(level: int, text: str = GUIDE) -> dict[str, str]:
    """Return the text below each heading of a level, without what is under its equals."""
    mark = "#" * level
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def anchors(path: Path) -> list[str]:
    """Return the anchors of a page's headings, as they are made of them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return [re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in headings]


def commands(name: str) -> Iterator[list[str]]:
    """Yield the words of every command of a name: those in blocks, and those within a sentence."""
    for line in re.findall(rf"^    ({name} .+)$", GUIDE, re.M):
        yield shlex.split(line.partition(" > ")[0])
    for text in re.findall(rf"`({name} [^` ]+ [^`]+)`", GUIDE.replace("\n", " ")):
        yield shlex.split(text)


def options(words: list[str]) -> set[str]:
    return {it.removeprefix("--").partition("=")[0] for it in words if it.startswith("--")}


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


def test_links_lead_somewhere() -> None:
    own = anchors(DOCS / "operations.md")
    assert len(own) == len(set(own)), "two headings have one anchor"
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", GUIDE)
    assert links
    for file, anchor in links:
        assert not anchor or anchor in anchors(DOCS / (file or "operations.md")), (file, anchor)
        assert (DOCS / file).exists(), file


def test_commands_of_aws_exist() -> None:
    session, told = Session(), list(commands("aws"))
    assert len(told) > 40
    for _, service, operation, *rest in told:
        known = OF_THE_CLI.get((service, operation))
        if known is None:
            known = _of_the_service(session, service, operation, rest)
        assert options(rest) - EVERYWHERE <= known, (service, operation, options(rest) - known)


def _of_the_service(session: Session, service: str, operation: str, rest: list[str]) -> set[str]:
    """Return the options of an operation; a service or an operation that is none is a failure."""
    try:
        model = session.get_service_model(CALLED.get(service, service))
    except UnknownServiceError:
        pytest.fail(f"there is no service {service}")
    if operation == "wait":
        waiters = session.create_client(service, region_name="us-east-1").waiter_names
        assert rest[0].replace("-", "_") in waiters, rest[0]
        return {"table-name"}
    names = {xform_name(it, "-"): it for it in model.operation_names}
    assert operation in names, f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    known: set[str] = set()
    for name, member in (shape.members if shape is not None else {}).items():
        option = xform_name(name, "-")
        known |= {option, f"no-{option}"} if member.type_name == "boolean" else {option}
    given = options(rest)
    required = {xform_name(it, "-") for it in (shape.required_members if shape else ())}
    if (service, operation) != INVOKED or given:
        missing = {it for it in required if it not in given and f"no-{it}" not in given}
        assert not missing, (service, operation, missing)
    return known


def test_what_commands_ask_for_can_be_asked() -> None:
    asked = [
        words[at + 1] for words in commands("aws") for at, it in enumerate(words) if it == "--query"
    ]
    assert len(asked) > 8
    for expression in asked:
        jmespath.compile(expression)


def test_commands_of_ours_exist() -> None:
    told = list(commands("ovc"))
    assert len(told) > 8
    for _, *words in told:
        command: Any = get_command(app)
        while hasattr(command, "commands"):
            assert words and words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        known = {it for each in command.params for it in each.opts}
        assert {f"--{it}" for it in options(words)} <= known, (command.name, words)


def test_deployments_are_of_stacks_and_keys_that_exist() -> None:
    for words in commands("npx"):
        assert words[1:3] == ["aws-cdk@2.1148.1", "deploy"]
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
