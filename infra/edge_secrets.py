"""The secrets of the edge: its tasks know names, and read the values through the API (EDGE S15)."""

from collections.abc import Iterator

from aws_cdk import ArnFormat, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.customer_key import customer_key
from infra.findings import accept
from infra.settings import DeploymentSettings

NONCE_SECRET_CHARACTERS = 64
_RANDOM = "-??????"
"""What Secrets Manager puts behind a name to make an ARN of it: six characters."""


def nonce_secret(scope: Construct, settings: DeploymentSettings) -> secretsmanager.Secret:
    """Return the secret of digest nonces, which AWS makes."""
    secret = secretsmanager.Secret(
        scope,
        "NonceSecret",
        description="Secret of SIP digest nonces, the same on all edge nodes (EDGE G3)",
        encryption_key=customer_key(scope, settings),
        generate_secret_string=secretsmanager.SecretStringGenerator(
            password_length=NONCE_SECRET_CHARACTERS, exclude_punctuation=True
        ),
    )
    accept(
        secret,
        {
            "AwsSolutions-SMG4": "The keys in use are derived from it and change every day; "
            "nodes read it when they start, and must agree on it (EDGE G3)."
        },
    )
    return secret


def permit_secrets(
    role: iam.Role, settings: DeploymentSettings, nonces: secretsmanager.Secret
) -> None:
    """Let nodes read exactly the secrets that the deployment names."""
    stack = Stack.of(role)
    named = list(dict.fromkeys(_named(settings)))
    resources = [nonces.secret_arn, *(_resource(stack, it) for it in named)]
    actions = ["secretsmanager:GetSecretValue"]
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
    # cdk-nag writes a reference as <AWS::Region>.
    place = "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret"
    accept(
        role,
        {
            f"AwsSolutions-IAM5[Resource::{place}:{it}{_RANDOM}]": "An ARN ends with six "
            "characters that are made with the secret; it may be made after this."
            for it in named
            if not it.startswith("arn:")
        },
    )
    if settings.secret_kms_keys:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt"],
                resources=list(settings.secret_kms_keys),
                # Not for whatever else such a key encrypts.
                conditions={
                    "StringEquals": {"kms:ViaService": f"secretsmanager.{Aws.REGION}.amazonaws.com"}
                },
            )
        )


def _named(settings: DeploymentSettings) -> Iterator[str]:
    """Yield the names or ARNs of the operator's own secrets."""
    if settings.tls_secret:
        yield settings.tls_secret
    for carrier in settings.operator.carriers:
        if carrier.secret_id is not None:
            yield carrier.secret_id


def _resource(stack: Stack, secret: str) -> str:
    if secret.startswith("arn:"):
        return secret
    return stack.format_arn(
        service="secretsmanager",
        resource="secret",
        resource_name=f"{secret}{_RANDOM}",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
