"""The stack for DNS: what calls its function, and what that may do with a zone or without (A11)."""

import json
import re

import pytest

from lambdas.edge_dns.records import MOST_RECORDS
from model.settings import Settings
from tests.infra.synthesis import ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

ZONE = "Z0123456789ABCDEFGHIJ"
NODES_TABLE = "table/lab2-nodes"
ASKED = {
    **{"query": "Query", "get": "GetItem", "put": "PutItem", "create": "PutItem"},
    **{"update": "UpdateItem", "delete": "DeleteItem"},
}
"""Method of Store -> what it asks of DynamoDB."""


@pytest.fixture(scope="module")
def dns(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-dns")


def test_without_a_zone_it_only_tells_nodes_to_drain(assembly: Assembly) -> None:
    # A11: nobody else would, and protected tasks of an old version would stay for ever.
    template = assembly.template("ovc-dns")
    given = template.properties("AWS::Lambda::Function")["Environment"]["Variables"]
    assert "OVC_HOSTED_ZONE_ID" not in given
    granted = {action for action, _ in template.grants("EdgeDnsRole")}
    assert not {it for it in granted if it.startswith("route53:")}
    assert {"dynamodb:PutItem", "ecs:DescribeTasks", "ecs:DescribeServices"} <= granted
    schedules = [it["Properties"] for it in template.of("AWS::Events::Rule").values()]
    assert "rate(1 minute)" in {it.get("ScheduleExpression") for it in schedules}


def test_it_is_the_same_code_with_another_handler(dns: Template, other_assembly: Assembly) -> None:
    function = dns.properties("AWS::Lambda::Function")
    api = other_assembly.template("lab2-api")
    assert function["Code"] == api.named("AWS::Lambda::Function", "Management")["Code"]
    module, _, attribute = function["Handler"].rpartition(".")
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    assert f"\n{attribute} = " in source


def test_it_gets_every_variable_it_reads(dns: Template, other_assembly: Assembly) -> None:
    source = (ROOT / "lambdas/edge_dns/handler.py").read_text()
    variables = dns.properties("AWS::Lambda::Function")["Environment"]["Variables"]
    given = {name: text_of(it) for name, it in variables.items()}
    assert all(f'"{name}"' in source for name in given)
    assert source.count("os.environ") == len(given) + 1, "one is read twice"
    assert given["OVC_TABLE_PREFIX"] == "lab2"
    assert given["OVC_HOSTED_ZONE_ID"] == ZONE
    assert Settings.from_json(given["OVC_SETTINGS"]).domain == "vc.example.org"
    assert set(json.loads(given["OVC_SETTINGS"])) == {"domain", "account_id", "region"}
    edge = other_assembly.template("lab2-edge")
    assert given["OVC_CLUSTER"] == edge.properties("AWS::ECS::Cluster")["ClusterName"]
    assert given["OVC_SERVICE"] == edge.properties("AWS::ECS::Service")["ServiceName"]


def test_it_is_called_every_minute_and_when_a_task_ends(dns: Template) -> None:
    (function,) = dns.of("AWS::Lambda::Function")
    rules = [it["Properties"] for it in dns.of("AWS::Events::Rule").values()]
    for rule in rules:
        assert rule["State"] == "ENABLED"
        assert [text_of(it["Arn"]) for it in rule["Targets"]] == [f"${{{function}.Arn}}"]
    (scheduled,) = [it for it in rules if "ScheduleExpression" in it]
    assert scheduled["ScheduleExpression"] == "rate(1 minute)"
    (told,) = [it["EventPattern"] for it in rules if "EventPattern" in it]
    assert (told["source"], told["detail-type"]) == (["aws.ecs"], ["ECS Task State Change"])
    assert told["detail"]["desiredStatus"] == ["STOPPED"]
    (cluster,) = told["detail"]["clusterArn"]
    assert text_of(cluster).endswith(":cluster/lab2-edge")
    calls = dns.properties("AWS::Lambda::EventInvokeConfig")
    assert (calls["MaximumRetryAttempts"], calls["MaximumEventAgeInSeconds"]) == (0, 60)


def asked_of_the_table() -> set[str]:
    """Return the methods of Store that the function's repository calls."""
    source = (ROOT / "lambdas/edge_dns/repository.py").read_text()
    return set(re.findall(r"self\._store\.(\w+)\(", source))


def test_it_may_do_what_it_does_and_no_more(dns: Template) -> None:
    granted = {
        (action, resource.rpartition(":")[2]) for action, resource in dns.grants("EdgeDnsRole")
    }
    assert {it for it in granted if not it[0].startswith("logs:")} == {
        *((f"dynamodb:{ASKED[it]}", NODES_TABLE) for it in asked_of_the_table()),
        ("ecs:DescribeTasks", "task/lab2-edge/*"),
        ("ecs:DescribeServices", "service/lab2-edge/edge"),
        ("route53:ListResourceRecordSets", f"hostedzone/{ZONE}"),
        ("route53:ChangeResourceRecordSets", f"hostedzone/{ZONE}"),
    }
    assert "ManagedPolicyArns" not in dns.properties("AWS::IAM::Role")


def test_it_may_change_one_name_of_the_zone_alone(dns: Template) -> None:
    (policy,) = dns.of("AWS::IAM::Policy").values()
    (statement,) = [
        it
        for it in policy["Properties"]["PolicyDocument"]["Statement"]
        if it["Action"] == "route53:ChangeResourceRecordSets"
    ]
    assert statement["Condition"] == {
        "ForAllValues:StringEquals": {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["\\052.vc.example.org"],
            "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
        }
    }


def test_the_guide_tells_how_many_nodes_a_name_takes() -> None:
    guide = (ROOT / "docs" / "dns.md").read_text()
    assert f"{MOST_RECORDS} nodes" in guide
