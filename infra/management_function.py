"""The management Lambda and its Function URL (A2, A3)."""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.document import settings_document
from infra.findings import accept
from infra.management_asset import management_asset
from infra.names import index_arn, table_arn
from infra.settings import DeploymentSettings
from model.tables import CALLS, CONNECTORS, NODES, NUMBERS, access_keys_secret_name

HANDLER = "lambdas.management.handler.handler"
SECTIONS = ("domain", "api")
"""What the function reads of the settings; all of its environment must fit into 4 KB."""
TIMEOUT_S = 60
"""As long as an SDK waits for an answer; four tries of the database and of the secret fit."""
MEMORY_MIB = 1_024
"""Half a vCPU comes with it: a cold start is imports and parsing, all of it computing."""
TABLE_ACTIONS = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
"""On connectors and numbers; a transaction needs the rights of its parts."""


class ManagementFunction(Construct):
    """One function behind one URL; it verifies the signatures itself."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        access_keys: secretsmanager.Secret,
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Log",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._role(settings, access_keys, log_group)
        asset = management_asset()
        function = lambda_.Function(
            self,
            "Function",
            description="Voice Connector management API",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(asset.path), asset_hash=asset.digest),
            handler=HANDLER,
            memory_size=MEMORY_MIB,
            timeout=Duration.seconds(TIMEOUT_S),
            reserved_concurrent_executions=settings.api_concurrency or None,
            role=role,
            log_group=log_group,
            environment={
                "OVC_TABLE_PREFIX": settings.prefix,
                "OVC_ACCESS_KEYS_SECRET": access_keys_secret_name(settings.prefix),
                "OVC_SETTINGS": settings_document(Stack.of(self), settings, SECTIONS),
            },
        )
        accept(function, {"AwsSolutions-L1": "3.13 is the newest Python that the tests run with."})
        # The SDKs sign for the service `chime`, which no front door of IAM would let through (A2).
        self.url = function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE).url

    def _role(
        self,
        settings: DeploymentSettings,
        access_keys: secretsmanager.Secret,
        log_group: logs.LogGroup,
    ) -> iam.Role:
        stack = Stack.of(self)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in TABLE_ACTIONS],
                resources=[table_arn(stack, settings, table) for table in (CONNECTORS, NUMBERS)],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["dynamodb:Query"],
                resources=[
                    table_arn(stack, settings, NODES),
                    *(index_arn(stack, settings, CALLS, index) for index in CALLS.indexes),
                ],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"], resources=[access_keys.secret_arn]
            )
        )
        return role
