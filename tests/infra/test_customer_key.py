"""A key of the deployment's own: what it encrypts, who may use it, and by which way."""

from pathlib import Path

import pytest

from tests.infra.synthesis import Assembly, Template, listed, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

SERVICES = ("dynamodb", "s3", "secretsmanager")
"""Those that hold what the key encrypts, and that roles reach it by."""


@pytest.fixture(scope="module")
def data(front_assembly: Assembly) -> Template:
    return front_assembly.template("ovc-data")


def is_the_key(template: Template, value: object) -> bool:
    """Tell whether a property is the key's ARN, in the stack of the data or in another."""
    reference = text_of(value)
    if reference in {f"${{{name}.Arn}}" for name in template.of("AWS::KMS::Key")}:
        return True
    named = template.document.get("Parameters", {}).get(reference.strip("${}"), {})
    return bool(named.get("Default") == "/ovc/kms-key")


def test_there_is_none_by_default(assembly: Assembly) -> None:
    for template in assembly.templates():
        assert not template.of("AWS::KMS::Key")
        assert "/ovc/kms-key" not in str(template.document)


def test_it_rotates_is_kept_and_can_be_found(data: Template) -> None:
    key = data.only("AWS::KMS::Key")
    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")
    alias = data.properties("AWS::KMS::Alias")
    assert alias["AliasName"] == "alias/ovc" and is_the_key(data, alias["TargetKeyId"])
    (left,) = [
        it["Properties"]
        for it in data.of("AWS::SSM::Parameter").values()
        if it["Properties"]["Name"] == "/ovc/kms-key"
    ]
    assert is_the_key(data, left["Value"])


def test_it_encrypts_everything_that_is_kept(front_assembly: Assembly) -> None:
    named = {
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
    }
    found = set()
    for template in front_assembly.templates():
        for kind, member in named.items():
            for name, resource in template.of(kind).items():
                assert is_the_key(template, resource["Properties"][member]), name
                found.add(kind)
    assert found == set(named)


def test_it_encrypts_every_table(data: Template) -> None:
    for table in data.of("AWS::DynamoDB::Table").values():
        encryption = table["Properties"]["SSESpecification"]
        assert (encryption["SSEEnabled"], encryption["SSEType"]) == (True, "KMS")
        assert is_the_key(data, encryption["KMSMasterKeyId"])


def test_buckets_spare_requests_to_it_and_logs_do_without(front_assembly: Assembly) -> None:
    encrypted = {}
    for template in front_assembly.templates():
        for name, bucket in template.of("AWS::S3::Bucket").items():
            (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            how = rule["ServerSideEncryptionByDefault"]
            if how["SSEAlgorithm"] == "aws:kms":
                assert is_the_key(template, how["KMSMasterKeyID"])
                assert rule["BucketKeyEnabled"] is True
            encrypted[name[:-8]] = how["SSEAlgorithm"]
    # Neither load balancers nor S3 write logs into a bucket with a key.
    assert encrypted == {
        "CdrBucket": "aws:kms",
        "LogsBucket": "AES256",
        "QueriesResults": "aws:kms",
    }


def test_results_of_queries_are_encrypted_with_it(front_assembly: Assembly) -> None:
    analytics = front_assembly.template("ovc-analytics")
    configuration = analytics.properties("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]
    encryption = configuration["ResultConfiguration"]["EncryptionConfiguration"]
    assert encryption["EncryptionOption"] == "SSE_KMS"
    assert is_the_key(analytics, encryption["KmsKey"])


def test_on_the_way_it_is_there_and_encrypts_nothing(assemblies: Path) -> None:
    made = Assembly(assemblies / "off")
    key = made.template("ovc-data").only("AWS::KMS::Key")
    assert key["DeletionPolicy"] == "Retain"
    for template in made.templates():
        for kind in ("DynamoDB::Table", "Logs::LogGroup", "SecretsManager::Secret", "S3::Bucket"):
            for resource in template.of(f"AWS::{kind}").values():
                assert "KmsKeyId" not in resource["Properties"]
                assert "KMSMasterKey" not in str(resource)


@pytest.mark.parametrize("name", ["front", "off"])
def test_roles_reach_it_by_the_services_whose_data_they_may_have(
    name: str, assemblies: Path
) -> None:
    looked_at = 0
    for template in Assembly(assemblies / name).templates():
        for policy in template.of("AWS::IAM::Policy").values():
            role = policy["Properties"]["Roles"][0]["Ref"]
            granted = template.grants(role)
            services = {action.partition(":")[0] for action, _ in granted} & set(SERVICES)
            uses = template.key_uses(role)
            assert {service.partition(".")[0] for _, service in uses} == services, role
            assert all(service.endswith(".${AWS::Region}.amazonaws.com") for _, service in uses)
            looked_at += bool(services)
    assert looked_at >= 5


def test_nobody_uses_it_but_through_a_service(front_assembly: Assembly) -> None:
    for template in front_assembly.templates():
        for policy in template.of("AWS::IAM::Policy").values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if any(it.startswith("kms:") for it in listed(statement["Action"])):
                    assert "kms:ViaService" in statement["Condition"]["StringEquals"]
                    assert is_the_key(template, statement["Resource"])


def test_its_policy_names_who_uses_it_and_for_what(data: Template) -> None:
    account, logs, alarms = data.properties("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    assert text_of(account["Principal"]["AWS"]).endswith(":${AWS::AccountId}:root")
    assert text_of(logs["Principal"]["Service"]) == "logs.${AWS::Region}.amazonaws.com"
    groups = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert {text_of(it).partition(":log-group:")[2] for it in groups} == {
        *("ovc-*", "/ovc/*", "aws-waf-logs-ovc-*"),
        *("/aws/ChimeVoiceConnectorLogs/*", "/aws/ChimeVoiceConnectorSipMessages/*"),
    }
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert alarms["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert text_of(alarms["Condition"]["ArnLike"]["aws:SourceArn"]).endswith(":alarm:ovc-*")


def test_every_log_group_is_one_that_its_policy_knows(front_assembly: Assembly) -> None:
    # A group without a name gets one that begins with the stack's.
    for path in front_assembly.directory.glob("*.template.json"):
        stack = path.name.removesuffix(".template.json")
        groups = front_assembly.template(stack).of("AWS::Logs::LogGroup").values()
        for properties in (it["Properties"] for it in groups):
            name = properties.get("LogGroupName", f"{stack}-")
            assert name.startswith(("ovc-", "/ovc/", "aws-waf-logs-ovc-")), name
