"""The API under a domain of its own: the balancer, what it lets through, and to whom it leads."""

import json

import pytest
from botocore.parsers import create_parser
from botocore.session import Session

from tests.infra.synthesis import Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

ELB = "AWS::ElasticLoadBalancingV2::"


@pytest.fixture(scope="module")
def front(front_assembly: Assembly) -> Template:
    return front_assembly.template("ovc-front")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-front")


def parameter(template: Template, reference: str) -> str:
    """Return the name of the SSM parameter that a reference stands for."""
    return str(template.document["Parameters"][reference.strip("${}")]["Default"])


def test_there_is_none_by_default(assembly: Assembly) -> None:
    assert not list(assembly.directory.glob("*-front*"))


def test_the_balancer_hands_on_what_was_signed(front: Template) -> None:
    # ARCHITECTURE A2: the host is signed, and so may be headers and parameters that repeat
    given = front.properties(f"{ELB}LoadBalancer")["LoadBalancerAttributes"]
    attributes = {it["Key"]: text_of(it["Value"]) for it in given}
    assert attributes["routing.http.preserve_host_header.enabled"] == "true"
    assert front.properties(f"{ELB}TargetGroup")["TargetGroupAttributes"] == [
        {"Key": "lambda.multi_value_headers.enabled", "Value": "true"}
    ]
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert attributes["routing.http.desync_mitigation_mode"] == "defensive"
    assert attributes["deletion_protection.enabled"] == "true"


def test_the_balancer_waits_longer_than_the_function_works(
    front: Template, front_assembly: Assembly
) -> None:
    given = front.properties(f"{ELB}LoadBalancer")["LoadBalancerAttributes"]
    (idle,) = [it["Value"] for it in given if it["Key"] == "idle_timeout.timeout_seconds"]
    function = front_assembly.template("ovc-api").named("AWS::Lambda::Function", "Management")
    assert int(idle) > function["Timeout"]


def test_only_https_is_open_and_nothing_leads_out(front: Template) -> None:
    listener = front.properties(f"{ELB}Listener")
    assert (listener["Port"], listener["Protocol"]) == (443, "HTTPS")
    assert listener["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    group = front.properties("AWS::EC2::SecurityGroup")
    assert [(it["FromPort"], it["ToPort"]) for it in group["SecurityGroupIngress"]] == [(443, 443)]
    assert [it["CidrIp"] for it in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]
    assert not front.of("AWS::EC2::NatGateway")
    assert len(front.of("AWS::EC2::Subnet")) == 2


def test_only_the_own_domain_reaches_the_function(front: Template) -> None:
    (default,) = front.properties(f"{ELB}Listener")["DefaultActions"]
    assert default["FixedResponseConfig"]["StatusCode"] == "404"
    rule = front.properties(f"{ELB}ListenerRule")
    (condition,) = rule["Conditions"]
    assert condition["HostHeaderConfig"] == {"Values": ["api.vc.example.org"]}
    (group,) = front.of(f"{ELB}TargetGroup")
    assert rule["Actions"] == [{"Type": "forward", "TargetGroupArn": {"Ref": group}}]


def test_the_balancer_may_call_the_function_and_no_other_may(front: Template) -> None:
    permission = front.only("AWS::Lambda::Permission")["Properties"]
    group = front.only(f"{ELB}TargetGroup")
    (target,) = group["Properties"]["Targets"]
    assert group["Properties"]["TargetType"] == "lambda"
    assert permission["FunctionName"] == target["Id"]
    name = text_of(target["Id"]).rpartition(":")[2]
    assert parameter(front, name) == "/ovc/management-function"
    assert permission["Principal"] == "elasticloadbalancing.amazonaws.com"
    assert text_of(permission["SourceArn"]).endswith(
        f":targetgroup/{group['Properties']['Name']}/*"
    )
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    # The group takes a function only when it may call it.
    assert list(front.of("AWS::Lambda::Permission")) == group["DependsOn"]


def test_access_is_logged_into_the_bucket_for_it(front: Template, front_assembly: Assembly) -> None:
    given = front.properties(f"{ELB}LoadBalancer")["LoadBalancerAttributes"]
    attributes = {it["Key"]: text_of(it["Value"]) for it in given}
    assert attributes["access_logs.s3.enabled"] == "true"
    assert parameter(front, attributes["access_logs.s3.bucket"]) == "/ovc/log-bucket"
    assert attributes["access_logs.s3.prefix"] == "api"
    assert {"ovc-data", "ovc-api"} <= set(front_assembly.dependencies("ovc-front"))


def test_there_is_no_way_round_it(front_assembly: Assembly) -> None:
    api = front_assembly.template("ovc-api")
    assert not api.of("AWS::Lambda::Url")
    callers = {it["Properties"]["Principal"] for it in api.of("AWS::Lambda::Permission").values()}
    assert callers == {"events.amazonaws.com"}
    assert api.document["Outputs"]["ApiUrl"]["Value"] == "https://api.vc.example.org/"


def test_the_record_is_made_where_the_zone_surely_has_it(front: Template, other: Template) -> None:
    record = front.properties("AWS::Route53::RecordSet")
    assert (record["Name"], record["Type"]) == ("api.vc.example.org.", "A")
    assert record["HostedZoneId"] == "Z0123456789ABCDEFGHIJ"
    (balancer,) = front.of(f"{ELB}LoadBalancer")
    assert text_of(record["AliasTarget"]["DNSName"]) == f"dualstack.${{{balancer}.DNSName}}"
    # api.example.org is not below vc.example.org: whose zone it is in nobody here knows.
    assert not other.of("AWS::Route53::RecordSet")
    assert text_of(other.document["Outputs"]["ApiTarget"]["Value"]).endswith(".DNSName}")


def test_the_firewall_stands_before_the_balancer(front: Template) -> None:
    (acl,) = front.of("AWS::WAFv2::WebACL")
    (balancer,) = front.of(f"{ELB}LoadBalancer")
    assert front.properties("AWS::WAFv2::WebACLAssociation") == {
        "ResourceArn": {"Ref": balancer},
        "WebACLArn": {"Fn::GetAtt": [acl, "Arn"]},
    }


def test_its_rules_count_addresses_and_know_hostile_ones(front: Template, other: Template) -> None:
    rate, reputation, common = front.properties("AWS::WAFv2::WebACL")["Rules"]
    assert rate["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": 10,
    }
    chosen, *_ = other.properties("AWS::WAFv2::WebACL")["Rules"]
    assert chosen["Statement"]["RateBasedStatement"]["Limit"] == 3_000
    for rule in (reputation, common):
        assert rule["OverrideAction"] == {"None": {}}
    # An order of 10,000 numbers has a body that the common rules would refuse.
    overridden = common["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    assert overridden == [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]


def test_clients_understand_that_they_ask_too_much(front: Template) -> None:
    # API E2, E3
    acl = front.properties("AWS::WAFv2::WebACL")
    block = acl["Rules"][0]["Action"]["Block"]["CustomResponse"]
    body = acl["CustomResponseBodies"][block["CustomResponseBodyKey"]]
    assert body["ContentType"] == "APPLICATION_JSON"
    headers = {it["Name"].lower(): it["Value"] for it in block["ResponseHeaders"]}
    answer = {
        "status_code": block["ResponseCode"],
        "headers": headers,
        "body": body["Content"].encode(),
    }
    model = Session().get_service_model("chime-sdk-voice")
    shape = model.operation_model("ListVoiceConnectors").output_shape
    assert shape is not None
    parsed = create_parser("rest-json").parse(answer, shape)
    assert parsed["Error"]["Code"] == "ThrottledClientException"
    assert "later" in parsed["Error"]["Message"]
    assert json.loads(body["Content"])["Code"] in model.shape_for("ErrorCode").metadata["enum"]


def test_its_log_has_refusals_only_and_no_signature(front: Template) -> None:
    logging = front.properties("AWS::WAFv2::LoggingConfiguration")
    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "authorization"}}]
    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    (kept,) = logging["LoggingFilter"]["Filters"]
    assert kept["Conditions"] == [{"ActionCondition": {"Action": "BLOCK"}}]
    (destination,) = logging["LogDestinationConfigs"]
    group = front.properties("AWS::Logs::LogGroup")
    # AWS WAF takes no other beginning.
    assert group["LogGroupName"].startswith("aws-waf-logs-")
    assert text_of(destination).endswith(f":log-group:{group['LogGroupName']}")
    assert group["RetentionInDays"] == 90


def test_no_sample_of_a_request_is_kept(front: Template) -> None:
    # It would have the signature.
    acl = front.properties("AWS::WAFv2::WebACL")
    configurations = [acl["VisibilityConfig"], *(it["VisibilityConfig"] for it in acl["Rules"])]
    assert len(configurations) == 4
    assert not any(it["SampledRequestsEnabled"] for it in configurations)
