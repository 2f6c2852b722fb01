"""The number_orders function: what calls it, and what it may do."""

import json

import pytest

from model.settings import Settings
from tests.infra.synthesis import OTHER_SETTINGS, ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


@pytest.fixture(scope="module")
def api(assembly: Assembly) -> Template:
    return assembly.template("ovc-api")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-api")


def stream_of(template: Template) -> str:
    """Return the name of the template's parameter that CloudFormation reads from SSM."""
    (name,) = [it for it in template.document["Parameters"] if it.startswith("NumberOrders")]
    return str(name)


def test_it_is_the_same_code_with_another_handler(api: Template) -> None:
    # ARCHITECTURE A3
    function = api.named("AWS::Lambda::Function", "NumberOrders")
    management = api.named("AWS::Lambda::Function", "Management")
    assert function["Code"] == management["Code"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    module, _, attribute = function["Handler"].rpartition(".")
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    assert f"\n{attribute} = " in source


def test_it_gets_every_variable_it_reads(api: Template, other: Template) -> None:
    source = (ROOT / "lambdas/number_orders/handler.py").read_text()
    for template, prefix in ((api, "ovc"), (other, "lab2")):
        function = template.named("AWS::Lambda::Function", "NumberOrders")
        given = {name: text_of(it) for name, it in function["Environment"]["Variables"].items()}
        assert set(given) == {"OVC_TABLE_PREFIX", "OVC_SETTINGS"}
        assert all(f'"{name}"' in source for name in given)
        assert given["OVC_TABLE_PREFIX"] == prefix
    told = json.loads(given["OVC_SETTINGS"])
    assert told["api"] == OTHER_SETTINGS["api"]
    assert set(told) == {"api", "account_id", "region"}
    assert Settings.from_json(given["OVC_SETTINGS"]).api.private_addresses is True


def test_it_is_called_every_minute(api: Template) -> None:
    # API PN5 PN7 PN11
    rule = api.named("AWS::Events::Rule", "NumberOrders")
    (function,) = [
        name for name in api.of("AWS::Lambda::Function") if name.startswith("NumberOrders")
    ]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    assert [text_of(it["Arn"]) for it in rule["Targets"]] == [f"${{{function}.Arn}}"]
    permissions = [
        it["Properties"]
        for name, it in api.of("AWS::Lambda::Permission").items()
        if name.startswith("NumberOrders")
    ]
    assert [it["Principal"] for it in permissions] == ["events.amazonaws.com"]
    (rule_name,) = [it for it in api.of("AWS::Events::Rule") if it.startswith("NumberOrders")]
    assert text_of(permissions[0]["SourceArn"]) == f"${{{rule_name}.Arn}}"
    # What fails is left to the next minute.
    calls = api.named("AWS::Lambda::EventInvokeConfig", "NumberOrders")
    assert calls["MaximumRetryAttempts"] == 0


def test_a_pending_order_knocks(api: Template, other: Template) -> None:
    # API PN5
    for template, prefix in ((api, "ovc"), (other, "lab2")):
        stream = stream_of(template)
        parameter = template.document["Parameters"][stream]
        assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
        assert parameter["Default"] == f"/{prefix}/numbers-stream"
        mapping = template.named("AWS::Lambda::EventSourceMapping", "NumberOrders")
        assert text_of(mapping["EventSourceArn"]) == f"${{{stream}}}"
        (wanted,) = mapping["FilterCriteria"]["Filters"]
        assert json.loads(wanted["Pattern"]) == {
            "eventName": ["INSERT"],
            "dynamodb": {"Keys": {"pk": {"S": ["pending"]}}},
        }
        # A knock that came to nothing is not worth repeating: the schedule is there.
        assert (mapping["StartingPosition"], mapping["MaximumRetryAttempts"]) == ("LATEST", 0)


def test_the_role_has_exactly_what_is_needed(api: Template) -> None:
    (log,) = [name for name in api.of("AWS::Logs::LogGroup") if name.startswith("NumberOrders")]
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/ovc-"
    stream = f"${{{stream_of(api)}}}"
    assert api.grants("NumberOrdersRole") == {
        ("logs:CreateLogStream", f"${{{log}.Arn}}"),
        ("logs:PutLogEvents", f"${{{log}.Arn}}"),
        *(
            (f"dynamodb:{action}", f"{table}numbers")
            for action in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
        ),
        ("dynamodb:DescribeStream", stream),
        ("dynamodb:GetRecords", stream),
        ("dynamodb:GetShardIterator", stream),
        ("dynamodb:ListStreams", "*"),
    }
    assert "ManagedPolicyArns" not in api.named("AWS::IAM::Role", "NumberOrdersRole")


def test_all_that_is_to_be_done_fits_into_a_run(api: Template) -> None:
    # API PN8: 10,000 numbers, 400 transactions of 25
    function = api.named("AWS::Lambda::Function", "NumberOrders")
    assert (function["Timeout"], function["MemorySize"]) == (300, 512)
