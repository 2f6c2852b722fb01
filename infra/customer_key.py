"""The deployment's own key (`ovc:kms_key` customer): made with the data, used by every stack.

Roles must be permitted to use it before anything is encrypted by it, and as long as anything is:
that is what `permitted` is for, where the key is there and encrypts nothing new.
Whoever reads or writes what it encrypts needs a right to it besides the right to the data. Ours
have it through the service that holds the data and through nothing else, which is what
`kms:ViaService` says: no role can decrypt anything by itself.
"""

from collections.abc import Iterable, Mapping

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.names import key_parameter_name
from infra.parameters import read_parameter
from infra.settings import DeploymentSettings
from model.connector_logs import ConnectorLog

_DATA_KEYS = ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext")
_ALL_USES = ("Decrypt", "DescribeKey", "Encrypt", *_DATA_KEYS, "ReEncryptFrom", "ReEncryptTo")
KEY_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": _ALL_USES,
    "s3": ("Decrypt", "GenerateDataKey"),
    "secretsmanager": ("Decrypt",),
}
"""Service that holds data -> what it does with the key in the name of a role of ours."""
FIREWALL_LOG = "aws-waf-logs-"
"""What AWS WAF wants the name of a log group to begin with."""


class CustomerKey(Construct):
    """A key that rotates, and that outlives the stack: nothing can be read without it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            alias=f"alias/{settings.prefix}",
            description=f"Voice Connector {settings.prefix}: tables, records, logs, secrets",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.key.add_to_resource_policy(_for_logs(Stack.of(self), settings))
        if settings.alarm_email:
            self.key.add_to_resource_policy(_for_alarms(Stack.of(self), settings))
        ssm.StringParameter(
            self,
            "Arn",
            parameter_name=key_parameter_name(settings),
            description="ARN of the key that encrypts what the deployment keeps",
            string_value=self.key.key_arn,
        )


def customer_key(scope: Construct, settings: DeploymentSettings) -> kms.IKey | None:
    """Return what encrypts data in another stack than that of the tables; None for AWS's keys."""
    return _known_key(scope, settings) if settings.encrypts_by_customer_key else None


def _known_key(scope: Construct, settings: DeploymentSettings) -> kms.IKey:
    stack = Stack.of(scope)
    known = stack.node.try_find_child(_KNOWN)
    if not isinstance(known, _KnownKey):
        known = _KnownKey(stack, _KNOWN, settings=settings)
    return known.key


_KNOWN = "CustomerKey"


class _KnownKey(Construct):
    """The key as another stack knows it, once for the whole stack."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        arn = read_parameter(self, "Arn", key_parameter_name(settings))
        self.key = kms.Key.from_key_arn(self, "Key", arn)


def permit_key(role: iam.Role, settings: DeploymentSettings, service: str) -> None:
    """Let a role reach through a service what the deployment's own key has encrypted there."""
    if not settings.has_customer_key or service not in KEY_ACTIONS:
        return
    key = _known_key(role, settings)
    role.add_to_policy(
        iam.PolicyStatement(
            actions=_prefixed(KEY_ACTIONS[service]),
            resources=[key.key_arn],
            conditions={
                "StringEquals": {"kms:ViaService": f"{service}.{Aws.REGION}.amazonaws.com"}
            },
        )
    )


def _prefixed(actions: Iterable[str]) -> list[str]:
    return [f"kms:{action}" for action in actions]


def _for_logs(stack: Stack, settings: DeploymentSettings) -> iam.PolicyStatement:
    """Let CloudWatch Logs use the key for log groups of the deployment.

    Those of connectors are among them, so that an operator may give them the key.
    """
    prefix = settings.prefix
    groups = (f"{prefix}-*", f"/{prefix}/*", f"{FIREWALL_LOG}{prefix}-*")
    connectors = (f"{log.value}/*" for log in ConnectorLog)
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.amazonaws.com")],
        actions=_prefixed(_ALL_USES),
        resources=["*"],
        conditions={
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": [
                    stack.format_arn(
                        service="logs",
                        resource="log-group",
                        resource_name=it,
                        arn_format=ArnFormat.COLON_RESOURCE_NAME,
                    )
                    for it in (*groups, *connectors)
                ]
            }
        },
    )


def _for_alarms(stack: Stack, settings: DeploymentSettings) -> iam.PolicyStatement:
    """Let CloudWatch publish what the deployment's alarms say."""
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
        actions=_prefixed(("Decrypt", *_DATA_KEYS)),
        resources=["*"],
        conditions=alarms_only(stack, settings),
    )


def alarms_only(stack: Stack, settings: DeploymentSettings) -> dict[str, dict[str, str]]:
    """Return the condition that CloudWatch acts for an alarm of this deployment."""
    alarms = stack.format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name=f"{settings.prefix}-*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return {
        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
        "ArnLike": {"aws:SourceArn": alarms},
    }
