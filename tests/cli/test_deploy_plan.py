"""`ovc deploy plan`: what is told of a deployment before it is made."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from billing.infrastructure import Assumptions
from cli import deploy_plan
from cli.deploy_plan import Traffic, resources_of
from cli.errors import CommandError, ExitCode
from cli.main import app
from tests.infra.synthesis import Assembly

SETTINGS = {"domain": "vc.example.org"}
APP = """
import json, os, pathlib
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain"}
nodes = [{"Type": "AWS::ECS::Service"}] * int(context["ovc:nodes"])
for name, found in (("ovc-data", [table]), ("ovc-edge", nodes)):
    made = {"Resources": {f"R{number}": it for number, it in enumerate(found)}}
    file = pathlib.Path(os.environ["CDK_OUTDIR"]) / f"{name}.template.json"
    file.write_text(json.dumps(made))
"""
"""Writes as many services as there are nodes, so that the context is seen to have arrived."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    context = {"ovc:settings": SETTINGS, "ovc:nodes": 2}
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "app.py", "context": context}))
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def planned(
    project: Path,
    *given: str,
    concurrent: int | None = None,
    resources: bool = False,
    as_json: bool = True,
) -> None:
    deploy_plan.run(
        directory=project,
        given=given,
        traffic=Traffic(minutes=100_000, call_seconds=180, concurrent=concurrent),
        prices_file=None,
        with_resources=resources,
        as_json=as_json,
    )


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def amounts(plan: Any) -> dict[str, float]:
    return {line["What"]: float(line["Amount"]) for line in plan["Lines"]}


def test_the_plan_has_the_settings_and_their_price(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(project)
    plan = told(capsys)
    assert plan["Settings"] == {
        "Prefix": "ovc",
        "Domain": "vc.example.org",
        "Profile": "small",
        "Nodes": 2,
        "MaxNodes": 0,
        "CallsPerNode": None,
        "SizedFor": "srtp",
        "Cpu": 1_024,
        "MemoryMib": 2_048,
        "MediaWorkers": 1,
        "Zones": 2,
        "Architecture": "x86_64",
        "Host": None,
        "ElasticIps": 0,
        "EdgeImage": None,
    }
    assert plan["Stacks"] is None
    assert amounts(plan)["Fargate vCPU"] == pytest.approx(2 * 730 * 0.04048)
    assert float(plan["Amount"]) == pytest.approx(sum(amounts(plan).values()), abs=0.005)


def test_what_is_typed_wins_over_the_file(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(project, "ovc:nodes=3", "ovc:profile=large", "ovc:architecture=arm64")
    plan = told(capsys)
    assert plan["Settings"]["Nodes"] == 3
    assert plan["Settings"]["Zones"] == 3
    assert amounts(plan)["Fargate vCPU"] == pytest.approx(3 * 2 * 730 * 0.03238)
    assert amounts(plan)["Fargate memory"] == pytest.approx(3 * 4 * 730 * 0.00356)


def test_quality_records_are_priced_where_they_are_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(project)
    without = amounts(told(capsys))
    document = json.dumps(SETTINGS | {"records": {"quality": True}})
    planned(project, f"ovc:settings={document}")
    assert amounts(told(capsys))["S3 PUTs"] == pytest.approx(2 * without["S3 PUTs"], rel=1e-4)


@pytest.mark.parametrize(
    ("concurrent", "word"),
    [
        (2_133, "They do not hold the peak of 2,133 calls"),
        (2_132, "While one is away, the others do not hold the peak of 2,132 calls"),
        (1_067, "While one is away, the others do not hold the peak of 1,067 calls"),
        (1_066, None),
        (None, None),
    ],
)
def test_a_peak_that_finds_no_room_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], concurrent: int | None, word: str | None
) -> None:
    planned(project, "ovc:sized_for=rtp", concurrent=concurrent)
    plan = told(capsys)
    assert (plan["CallsHeld"], plan["CallsHeldWithoutOneNode"]) == (2_132, 1_066)
    notes = [it for it in plan["Notes"] if "the peak" in it]
    assert [it.startswith(word or "") for it in notes] == ([] if word is None else [True])


def test_a_fleet_that_follows_the_calls_has_three_prices(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("ovc:max_nodes=8", "ovc:calls_per_node=500")
    deploy_plan.run(
        directory=project,
        given=given,
        # Of 1,500 calls at once, all the time.
        traffic=Traffic(minutes=1_500 * 730 * 60, call_seconds=180, concurrent=None),
        prices_file=None,
        with_resources=False,
        as_json=True,
    )
    plan = told(capsys)
    assert (plan["Settings"]["MaxNodes"], plan["Settings"]["CallsPerNode"]) == (8, 500)
    average = 3 * Assumptions().nodes_by_load
    assert plan["NodesOnAverage"] == f"{average:.2f}"
    assert amounts(plan)["Fargate vCPU"] == pytest.approx(float(average) * 730 * 0.04048)
    assert amounts(plan)["CloudWatch alarms"] == pytest.approx(5.20)
    assert plan["CallsHeld"] == 8 * 682
    least, amount, most = (
        float(plan[it]) for it in ("AmountWithLeastNodes", "Amount", "AmountWithMostNodes")
    )
    assert least < amount < most
    # Vcpu, memory, address, and some units of DynamoDB and octets of the log.
    assert most - least == pytest.approx(6 * 730 * (0.04048 + 2 * 0.004445 + 0.005), rel=0.06)
    (note,) = [it for it in plan["Notes"] if "all the time" in it]
    assert (
        note
        == f"A month comes to ${least:,.2f} with 2 nodes all the time, and to ${most:,.2f} with 8."
    )


def test_a_fixed_fleet_has_one_price(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned(project)
    plan = told(capsys)
    assert plan["Amount"] == plan["AmountWithLeastNodes"] == plan["AmountWithMostNodes"]
    assert plan["NodesOnAverage"] == "2.00"
    planned(project, "ovc:max_nodes=8", as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 to 8, at 680 calls each, x 1024 CPU units" in shown
    assert "A month with 100,000 minutes of talk, on average 2.0 nodes" in shown


def test_hosts_with_fixed_addresses_are_priced(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = ("ovc:addressing=fixed", "ovc:elastic_ip_count=4")
    planned(project, *fixed)
    plan = told(capsys)
    assert (plan["Settings"]["Host"], plan["Settings"]["ElasticIps"]) == ("c6i.large", 4)
    found = amounts(plan)
    assert found["EC2 instances, c6i.large"] == pytest.approx(2 * 730 * 0.085)
    assert found["Elastic IPs"] == pytest.approx(4 * 730 * 0.005)
    assert "Fargate vCPU" not in found
    planned(project, *fixed, as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Hosts c6i.large, one for each node; 4 Elastic IPs" in shown
    with pytest.raises(
        CommandError, match=r"no price for c7i\.large: ec2\.large_hour\.c7i is wanted"
    ):
        planned(project, *fixed, "ovc:instance_type=c7i.large")


def test_parts_are_priced_where_there_are_any(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned(project)
    without = amounts(told(capsys))
    carrier = {"name": "one", "host": "192.0.2.1", "username": "u", "password": "secret:password"}
    document = json.dumps(SETTINGS | {"carriers": [carrier]})
    more = ("ovc:hosted_zone_id=Z0123456789ABCDEFGHIJ", "ovc:tls_secret=ovc/tls")
    planned(project, f"ovc:settings={document}", *more)
    found = amounts(told(capsys))
    assert found["Secrets"] == pytest.approx(without["Secrets"] + 0.80)
    assert found["CloudWatch metrics"] == pytest.approx(without["CloudWatch metrics"] + 0.30)


def test_an_own_domain_a_firewall_and_a_key_are_priced(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = "arn:aws:acm:us-east-1:111122223333:certificate/0000-1111"
    own = ("ovc:api_domain=api.example.org", f"ovc:api_certificate={certificate}")
    planned(project, *own)
    found = amounts(told(capsys))
    assert found["Load balancer of the API"] > 16 and "Firewall of the API" not in found
    planned(project, *own, "ovc:api_waf=3000", "ovc:kms_key=customer")
    found = amounts(told(capsys))
    assert (found["Firewall of the API"], found["Its rules"], found["Key of one's own"]) == (
        5,
        3,
        1,
    )


def test_more_calls_than_media_can_do_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.dumps(SETTINGS | {"admission": {"concurrent_calls": 1_101}})
    planned(project, f"ovc:settings={document}")
    (note,) = [it for it in told(capsys)["Notes"] if "packets may be lost" in it]
    assert "than its media was measured to hold (1,100)" in note
    planned(project, "ovc:nodes=3")
    assert not [it for it in told(capsys)["Notes"] if "packets may be lost" in it]


def test_a_node_holds_no_more_calls_than_it_takes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.dumps(SETTINGS | {"admission": {"concurrent_calls": 300}})
    planned(project, f"ovc:settings={document}")
    assert told(capsys)["CallsPerNode"] == 300


def test_the_app_is_asked_for_what_would_be_created(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy_plan, "_missing_for_templates", lambda: None)
    planned(project, "ovc:nodes=3", resources=True)
    tables = {"AWS::DynamoDB::Table": 1}
    assert told(capsys)["Stacks"] == {
        "ovc-data": {"Resources": tables, "Kept": tables},
        "ovc-edge": {"Resources": {"AWS::ECS::Service": 3}, "Kept": {}},
    }
    planned(project, "ovc:nodes=3", resources=True, as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "ovc-data AWS::DynamoDB::Table 1 1" in shown
    assert "ovc-edge AWS::ECS::Service 3" in shown
    assert "Fargate vCPU 2,190.00 hours $0.04048 $88.65" in shown


def test_an_app_that_fails_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_plan, "_missing_for_templates", lambda: None)
    (project / "app.py").write_text("raise SystemExit('ovc: no wheels')")
    with pytest.raises(CommandError, match=r"templates cannot be made:\novc: no wheels"):
        planned(project, resources=True)


@pytest.mark.parametrize("missing", ["aws_cdk", "node"])
def test_without_the_means_the_rest_is_told(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    there = {"aws_cdk", "node"} - {missing}
    monkeypatch.setattr(deploy_plan, "find_spec", lambda name: name if name in there else None)
    monkeypatch.setattr(
        "cli.deploy_plan.shutil.which", lambda name: name if name in there else None
    )
    planned(project, resources=True)
    plan = told(capsys)
    assert plan["Stacks"] is None
    assert plan["Notes"][0].startswith("What would be created is not shown: ")
    assert float(plan["Amount"]) > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ovc:nodes", "--context is 'ovc:nodes'; KEY=VALUE is wanted"),
        ("ovc:nodes=many", "ovc:nodes: it is 'many'; wanted is a whole number"),
        ("ovc:profile=huge", "ovc:profile: it is 'huge'; wanted is one of small, medium, large"),
    ],
)
def test_settings_that_cannot_be_used_are_told(project: Path, given: str, message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        planned(project, given)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_directory_without_the_app_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"cdk\.json cannot be read.*--directory"):
        planned(tmp_path)


def test_the_command_takes_its_options(project: Path) -> None:
    done = CliRunner().invoke(
        app,
        [
            *("deploy", "plan", "--directory", str(project), "--no-resources", "--json"),
            *("-c", "ovc:zones=3", "--minutes", "10", "--concurrent", "1", "--call-seconds", "60"),
        ],
    )
    assert done.exit_code == 0, done.output
    plan = json.loads(done.stdout)
    assert (plan["Minutes"], plan["ConcurrentCalls"], plan["CallSeconds"]) == (10, 1, 60)
    assert plan["Settings"]["Zones"] == 3


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_the_real_app_has_tables_that_are_kept_and_one_service(assembly: Assembly) -> None:
    stacks = resources_of(assembly.directory)
    data = stacks["ovc-data"]
    assert data.kept["AWS::DynamoDB::Table"] == data.counts["AWS::DynamoDB::Table"] >= 6
    assert stacks["ovc-edge"].counts["AWS::ECS::Service"] == 1
