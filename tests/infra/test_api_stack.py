"""The management function, its URL and its keys; test_asset.py of the API runs the code itself."""

import json

import pytest

from infra.management_asset import ROOT
from model.settings import Settings
from model.tables import CALLS, access_keys_secret_name
from tests.infra.synthesis import OTHER_SETTINGS, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


@pytest.fixture(scope="module")
def api(assembly: Assembly) -> Template:
    return assembly.template("ovc-api")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-api")


def variables(template: Template) -> dict[str, str]:
    given = template.named("AWS::Lambda::Function", "Management")["Environment"]["Variables"]
    return {name: text_of(value) for name, value in given.items()}


def test_the_function_runs_what_was_tested(api: Template) -> None:
    # ARCHITECTURE A3
    function = api.named("AWS::Lambda::Function", "Management")
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    module, _, attribute = function["Handler"].rpartition(".")
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    assert f"\n{attribute} = " in source


def test_the_function_gets_every_variable_it_reads(api: Template) -> None:
    given = variables(api)
    source = (ROOT / "lambdas/management/handler.py").read_text()
    assert set(given) == {"OVC_TABLE_PREFIX", "OVC_ACCESS_KEYS_SECRET", "OVC_SETTINGS"}
    assert all(f'"{name}"' in source for name in given)
    assert given["OVC_TABLE_PREFIX"] == "ovc"
    assert given["OVC_ACCESS_KEYS_SECRET"] == access_keys_secret_name("ovc")
    settings = Settings.from_json(given["OVC_SETTINGS"])
    assert settings.account_id == "${AWS::AccountId}"
    assert settings.region == "${AWS::Region}"


def test_the_function_is_told_of_the_api_only(other: Template) -> None:
    told = json.loads(variables(other)["OVC_SETTINGS"])
    assert told == {
        "domain": OTHER_SETTINGS["domain"],
        "api": OTHER_SETTINGS["api"],
        "account_id": "${AWS::AccountId}",
        "region": "${AWS::Region}",
    }
    assert variables(other)["OVC_TABLE_PREFIX"] == "lab2"


def test_concurrency_is_capped_unless_the_account_cannot(api: Template, other: Template) -> None:
    # ARCHITECTURE A2
    assert api.named("AWS::Lambda::Function", "Management")["ReservedConcurrentExecutions"] == 20
    assert "ReservedConcurrentExecutions" not in other.named("AWS::Lambda::Function", "Management")


def test_the_sdks_wait_as_long_as_the_function_runs(api: Template) -> None:
    assert api.named("AWS::Lambda::Function", "Management")["Timeout"] == 60


def test_anyone_reaches_the_url_and_the_function_itself_by_nothing_else(api: Template) -> None:
    # ARCHITECTURE A2: the signatures are verified behind it
    assert api.properties("AWS::Lambda::Url")["AuthType"] == "NONE"
    permissions = [
        it["Properties"]
        for name, it in api.of("AWS::Lambda::Permission").items()
        if name.startswith("Management")
    ]
    assert {permission["Action"] for permission in permissions} == {
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    }
    for permission in permissions:
        url_only = permission.get("InvokedViaFunctionUrl") or permission.get("FunctionUrlAuthType")
        assert url_only in (True, "NONE")


def test_the_secret_starts_without_a_key_and_is_kept(api: Template) -> None:
    secret = api.only("AWS::SecretsManager::Secret")
    assert secret["Properties"]["Name"] == access_keys_secret_name("ovc")
    assert json.loads(secret["Properties"]["SecretString"]) == {}
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_role_has_exactly_what_is_needed(api: Template) -> None:
    (log,) = [name for name in api.of("AWS::Logs::LogGroup") if name.startswith("Management")]
    (secret,) = api.of("AWS::SecretsManager::Secret")
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/ovc-"
    actions = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    assert api.grants("ManagementRole") == {
        ("logs:CreateLogStream", f"${{{log}.Arn}}"),
        ("logs:PutLogEvents", f"${{{log}.Arn}}"),
        ("secretsmanager:GetSecretValue", f"${{{secret}}}"),
        *((f"dynamodb:{action}", f"{table}connectors") for action in actions),
        *((f"dynamodb:{action}", f"{table}numbers") for action in actions),
        ("dynamodb:GetItem", f"{table}nodes"),
        ("dynamodb:Query", f"{table}nodes"),
        ("dynamodb:GetItem", f"{table}calls"),
        *(("dynamodb:Query", f"{table}calls/index/{index.name}") for index in CALLS.indexes),
    }
    role = api.named("AWS::IAM::Role", "Management")
    assert "ManagedPolicyArns" not in role
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_recordings_are_ordered_only_where_they_are_allowed(api: Template, other: Template) -> None:
    written = ("dynamodb:UpdateItem", "table/lab2-nodes")
    granted = other.grants("ManagementRole")
    (resource,) = [it for action, it in granted if action == written[0] and it.endswith("nodes")]
    assert resource.endswith(written[1])
    assert all(
        not (it[0] == written[0] and it[1].endswith("nodes")) for it in api.grants("ManagementRole")
    )


def test_logs_end_some_day(api: Template) -> None:
    groups = api.of("AWS::Logs::LogGroup").values()
    assert [it["Properties"]["RetentionInDays"] for it in groups] == [90] * 4


def test_the_url_is_told(api: Template) -> None:
    (url,) = api.of("AWS::Lambda::Url")
    assert text_of(api.document["Outputs"]["ApiUrl"]["Value"]) == f"${{{url}.FunctionUrl}}"


def test_all_deployments_run_the_same_asset(api: Template, other: Template) -> None:
    keys = {
        text_of(it.named("AWS::Lambda::Function", "Management")["Code"]["S3Key"])
        for it in (api, other)
    }
    assert len(keys) == 1


def test_tables_come_before_the_function(assembly: Assembly) -> None:
    assert "ovc-data" in assembly.dependencies("ovc-api")
