"""The call_reaper function: what calls it, and what it may do (EDGE C9)."""

import json

import pytest

from cli.policies.deployed import REAPER_OUTPUT
from cli.policies.rights import needs_of
from lambdas.call_reaper.composition import WORKS_FOR_S
from model.settings import Settings
from tests.cli.policies.samples import EDGE, REAPER
from tests.infra.synthesis import OTHER_SETTINGS, ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


@pytest.fixture(scope="module")
def api(assembly: Assembly) -> Template:
    return assembly.template("ovc-api")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-api")


def test_it_is_the_same_code_with_another_handler(api: Template) -> None:  # A3
    function = api.named("AWS::Lambda::Function", "CallReaper")
    assert function["Code"] == api.named("AWS::Lambda::Function", "Management")["Code"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    module, _, attribute = function["Handler"].rpartition(".")
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    assert f"\n{attribute} = " in source


def test_it_gets_every_variable_it_reads(other: Template) -> None:
    source = (ROOT / "lambdas/call_reaper/handler.py").read_text()
    function = other.named("AWS::Lambda::Function", "CallReaper")
    given = {name: text_of(it) for name, it in function["Environment"]["Variables"].items()}
    assert set(given) == {"OVC_TABLE_PREFIX", "OVC_SETTINGS"}
    assert all(f'"{name}"' in source for name in given)
    assert given["OVC_TABLE_PREFIX"] == "lab2"
    # In which form an object is to be, its row knows.
    assert set(json.loads(given["OVC_SETTINGS"])) == {"account_id", "region"}
    assert Settings.from_json(given["OVC_SETTINGS"]).account_id == "${AWS::AccountId}"


def test_it_is_called_every_minute_and_runs_alone(api: Template, other: Template) -> None:
    # EDGE C9
    rule = api.named("AWS::Events::Rule", "CallReaper")
    (function,) = [
        name for name in api.of("AWS::Lambda::Function") if name.startswith("CallReaper")
    ]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    assert [text_of(it["Arn"]) for it in rule["Targets"]] == [f"${{{function}.Arn}}"]
    assert api.named("AWS::Lambda::Permission", "CallReaper")["Principal"] == "events.amazonaws.com"
    assert api.named("AWS::Lambda::Function", "CallReaper")["ReservedConcurrentExecutions"] == 1
    assert "ReservedConcurrentExecutions" not in other.named("AWS::Lambda::Function", "CallReaper")
    # What fails, or waits behind a run, is left to the next minute.
    calls = api.named("AWS::Lambda::EventInvokeConfig", "CallReaper")
    assert (calls["MaximumRetryAttempts"], calls["MaximumEventAgeInSeconds"]) == (0, 60)


def test_a_run_has_time_to_end_what_it_has_begun(api: Template) -> None:
    # 28 s is what four tries of the database take, two of them after the time is up.
    timeout_s = api.named("AWS::Lambda::Function", "CallReaper")["Timeout"]
    assert timeout_s >= WORKS_FOR_S + 2 * 28


def test_the_role_has_exactly_what_is_needed(api: Template) -> None:
    (log,) = [name for name in api.of("AWS::Logs::LogGroup") if name.startswith("CallReaper")]
    place = "${AWS::Region}:${AWS::AccountId}"
    table = f"arn:${{AWS::Partition}}:dynamodb:{place}:table/ovc-"
    bucket = "arn:${AWS::Partition}:s3:::ovc-cdr-${AWS::AccountId}-${AWS::Region}"
    objects = f"{bucket}/Amazon-Chime-Voice-Connector-CDRs/json/*"
    assert api.grants("CallReaperRole") == {
        ("logs:CreateLogStream", f"${{{log}.Arn}}"),
        ("logs:PutLogEvents", f"${{{log}.Arn}}"),
        *(
            (f"dynamodb:{action}", f"{table}nodes")
            for action in ("Query", "GetItem", "PutItem", "DeleteItem")
        ),
        ("dynamodb:Query", f"{table}calls/index/live"),
        ("dynamodb:Scan", f"{table}calls/index/live"),
        ("dynamodb:UpdateItem", f"{table}calls"),
        ("dynamodb:DeleteItem", f"{table}calls"),
        ("dynamodb:GetItem", f"{table}connectors"),
        ("ecs:DescribeTasks", f"arn:${{AWS::Partition}}:ecs:{place}:task/ovc-edge/*"),
        ("s3:PutObject", objects),
        ("s3:GetObject", objects),
    }
    assert "ManagedPolicyArns" not in api.named("AWS::IAM::Role", "CallReaperRole")


def test_it_may_do_the_same_in_a_bucket_of_another_account(other: Template) -> None:  # EDGE C9
    bucket = "arn:${AWS::Partition}:s3:::lab2-cdr-${AWS::AccountId}-${AWS::Region}"
    foreign = "arn:${AWS::Partition}:s3:::central-cdrs.example"
    granted = other.grants("CallReaperRole")
    assert {it for it in granted if it[0].startswith("s3:")} == {
        (f"s3:{action}", f"{place}/{prefix}/*")
        for action in ("PutObject", "GetObject")
        for place in (bucket, foreign)
        for prefix in ("telephony/cdrs", "old/cdrs")
    }
    assert {it[0] for it in granted if it[0].startswith("kms:")} == {
        *("kms:GenerateDataKey", "kms:Decrypt")
    }


def test_who_writes_a_buckets_policy_finds_both_roles(assembly: Assembly) -> None:
    # cli/policies/deployed.py looks for them there
    outputs = assembly.template("ovc-api").document["Outputs"]
    assert text_of(outputs[REAPER_OUTPUT]["Value"]).startswith("${CallReaperRole")
    task = assembly.template("ovc-edge").properties("AWS::ECS::TaskDefinition")
    assert task["Family"] == "ovc-edge"
    names = [it["Name"] for it in task["ContainerDefinitions"][0]["Environment"]]
    assert "OVC_SETTINGS" in names


def test_a_bucket_of_ones_own_is_asked_for_what_the_roles_may_in_ours(
    other_assembly: Assembly,
) -> None:
    # cli/policies/rights.py tells what `ovc cdr check-bucket` puts into its policy
    settings = Settings.from_json(json.dumps(OTHER_SETTINGS))
    bucket = "lab2-cdr-${AWS::AccountId}-${AWS::Region}"
    needs = needs_of(settings, EDGE, REAPER)
    for who, stack, role in (("edge", "edge", "TaskTaskRole"), ("reaper", "api", "CallReaperRole")):
        granted = other_assembly.template(f"lab2-{stack}").grants(role)
        ours = {it for it in granted if it[0].startswith("s3:") and bucket in it[1]}
        assert ours == {
            (action, resource.replace("arn:aws:", "arn:${AWS::Partition}:"))
            for need in needs
            if need.who == who
            for action in need.actions
            for resource in need.resources(bucket)
        }


def test_its_tasks_are_those_of_the_edges_cluster(assembly: Assembly) -> None:
    cluster = assembly.template("ovc-edge").properties("AWS::ECS::Cluster")
    assert cluster["ClusterName"] == "ovc-edge"
