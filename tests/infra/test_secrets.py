"""Secrets stand in no template and in no environment: whoever needs one reads it (EDGE S15)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from edge.settings import SHORTEST_NONCE_SECRET
from tests.infra.synthesis import OTHER, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

SECRETS = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"
NAMES_OF_SECRETS = {"OVC_NONCE_SECRET_ID", "OVC_TLS_SECRET_ID", "OVC_ACCESS_KEYS_SECRET"}
"""Variables that say where a secret is."""


@pytest.fixture(scope="module")
def edge(assembly: Assembly) -> Template:
    return assembly.template("ovc-edge")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-edge")


def readable(template: Template) -> set[str]:
    """Return the secrets that tasks may read."""
    granted = template.grants("TaskTaskRole")
    assert not [it for it in template.grants("TaskExecutionRole") if it[0].startswith("secrets")]
    reads = [it for it in granted if it[0].startswith("secretsmanager:")]
    assert {action for action, _ in reads} == {"secretsmanager:GetSecretValue"}
    return {resource for _, resource in reads}


def environments(template: Template) -> Iterator[dict[str, Any]]:
    """Yield the variables of every container and function, as they stand in the template."""
    for task in template.of("AWS::ECS::TaskDefinition").values():
        for container in task["Properties"]["ContainerDefinitions"]:
            # ECS would put the values into the environment.
            assert "Secrets" not in container
            assert "secretOptions" not in json.dumps(container).lower()
            yield {it["Name"]: it["Value"] for it in container["Environment"]}
    for function in template.of("AWS::Lambda::Function").values():
        yield function["Properties"].get("Environment", {}).get("Variables", {})


def test_no_environment_and_no_template_holds_a_secret(
    assembly: Assembly, other_assembly: Assembly
) -> None:
    seen = set()
    for template in (*assembly.templates(), *other_assembly.templates()):
        # CloudFormation would put the value there.
        assert "{{resolve:secretsmanager" not in json.dumps(template.document)
        assert "{{resolve:ssm-secure" not in json.dumps(template.document)
        for secret in template.of("AWS::SecretsManager::Secret").values():
            # Without any key it is no secret yet.
            assert secret["Properties"].get("SecretString", "{}") == "{}"
        for variables in environments(template):
            about = {it for it in variables if re.search("SECRET|PASSWORD|KEY|TOKEN", it)}
            assert about <= NAMES_OF_SECRETS
            for name in about:
                shown = text_of(variables[name])
                # A reference to a secret is its ARN.
                assert re.fullmatch(r"[a-z0-9/-]+|\$\{\w*Secret\w*\}", shown), shown
            seen |= about
            if "OVC_SETTINGS" in variables:
                document = json.loads(text_of(variables["OVC_SETTINGS"]))
                for carrier in document.get("carriers", []):
                    assert carrier.get("password", "secret:").startswith("secret:")
    assert seen == NAMES_OF_SECRETS


def test_tasks_may_read_exactly_the_secrets_that_are_named(edge: Template, other: Template) -> None:
    # EDGE F13, S15
    (nonces,) = edge.of("AWS::SecretsManager::Secret")
    assert readable(edge) == {f"${{{nonces}}}"}
    assert readable(other) == {
        f"${{{nonces}}}",
        f"{SECRETS}:lab2/tls-??????",
        f"{SECRETS}:trunks/two-??????",
    }


def test_a_key_of_ones_own_decrypts_secrets_and_nothing_else(
    edge: Template, other: Template
) -> None:
    def statements(template: Template) -> list[Any]:
        policies = template.of("AWS::IAM::Policy").values()
        found = [it for one in policies for it in one["Properties"]["PolicyDocument"]["Statement"]]
        return [it for it in found if [it["Resource"]] == OTHER["ovc:secret_kms_keys"]]

    assert statements(edge) == []
    (statement,) = statements(other)
    assert statement["Action"] == "kms:Decrypt"
    service = text_of(statement["Condition"]["StringEquals"]["kms:ViaService"])
    assert service == "secretsmanager.${AWS::Region}.amazonaws.com"


def test_the_nonce_secret_is_made_by_aws_and_long_enough(edge: Template) -> None:  # EDGE G3
    made = edge.properties("AWS::SecretsManager::Secret")["GenerateSecretString"]
    assert made == {"PasswordLength": 64, "ExcludePunctuation": True}
    assert made["PasswordLength"] >= SHORTEST_NONCE_SECRET
