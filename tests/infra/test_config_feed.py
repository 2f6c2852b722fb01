"""The config_feed function: what brings it changes, and what it may do (A9)."""

import json

import pytest

from tests.infra.synthesis import ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


@pytest.fixture(scope="module")
def api(assembly: Assembly) -> Template:
    return assembly.template("ovc-api")


def streams(template: Template) -> dict[str, str]:
    """Return the names of the template's parameters that CloudFormation reads, by their value."""
    found = template.document["Parameters"].items()
    return {it["Default"]: name for name, it in found if name.startswith("ConfigFeed")}


def test_it_is_the_same_code_with_another_handler(api: Template) -> None:  # A3
    function = api.named("AWS::Lambda::Function", "ConfigFeed")
    assert function["Code"] == api.named("AWS::Lambda::Function", "Management")["Code"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    module, _, attribute = function["Handler"].rpartition(".")
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    assert f"\n{attribute} = " in source
    variables = function["Environment"]["Variables"]
    assert set(variables) == {"OVC_TABLE_PREFIX"} and '"OVC_TABLE_PREFIX"' in source
    assert text_of(variables["OVC_TABLE_PREFIX"]) == "ovc"


def test_both_streams_bring_what_nodes_want_to_know(api: Template) -> None:  # A9
    mappings = {
        text_of(it["Properties"]["EventSourceArn"]): it["Properties"]
        for name, it in api.of("AWS::Lambda::EventSourceMapping").items()
        if name.startswith("ConfigFeed")
    }
    wanted = {
        "/ovc/connectors-stream": ["connector", "group", "settings"],
        "/ovc/numbers-stream": ["inventory"],
    }
    assert set(mappings) == {f"${{{streams(api)[name]}}}" for name in wanted}
    for name, partitions in wanted.items():
        mapping = mappings[f"${{{streams(api)[name]}}}"]
        (pattern,) = mapping["FilterCriteria"]["Filters"]
        keys = {"pk": {"S": partitions}}
        assert json.loads(pattern["Pattern"]) == {"dynamodb": {"Keys": keys}}
        # What cannot be written is tried for an hour; then nodes read everything anyway.
        assert mapping["StartingPosition"] == "TRIM_HORIZON"
        assert mapping["BisectBatchOnFunctionError"] is True
        assert mapping["MaximumRecordAgeInSeconds"] == 3_600


def test_the_role_has_exactly_what_is_needed(api: Template) -> None:
    (log,) = [name for name in api.of("AWS::Logs::LogGroup") if name.startswith("ConfigFeed")]
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/ovc-"
    assert api.grants("ConfigFeedRole") == {
        ("logs:CreateLogStream", f"${{{log}.Arn}}"),
        ("logs:PutLogEvents", f"${{{log}.Arn}}"),
        ("dynamodb:BatchWriteItem", f"{table}feed"),
        *(
            (f"dynamodb:{action}", f"${{{stream}}}")
            for action in ("DescribeStream", "GetRecords", "GetShardIterator")
            for stream in streams(api).values()
        ),
        ("dynamodb:ListStreams", "*"),
    }
    assert "ManagedPolicyArns" not in api.named("AWS::IAM::Role", "ConfigFeedRole")
