"""The management Lambda and, where it has no front of its own, its Function URL (A2, A3)."""

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.document import settings_document
from infra.names import index_arn, table_arn
from infra.python_function import PythonFunction
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
    """One function; it verifies the signatures itself."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        access_keys: secretsmanager.Secret,
    ) -> None:
        super().__init__(scope, construct_id)
        made = PythonFunction(
            self,
            settings=settings,
            description="Voice Connector management API",
            handler=HANDLER,
            memory_mib=MEMORY_MIB,
            timeout_s=TIMEOUT_S,
            concurrency=settings.api_concurrency or None,
            environment={
                "OVC_TABLE_PREFIX": settings.prefix,
                "OVC_ACCESS_KEYS_SECRET": access_keys_secret_name(settings.prefix),
                "OVC_SETTINGS": settings_document(Stack.of(self), settings, SECTIONS),
            },
        )
        self._permit(made, settings, access_keys)
        self.url = self._url(made.function, settings)
        """What clients take for their endpoint."""

    def _url(self, function: lambda_.Function, settings: DeploymentSettings) -> str:
        if settings.api_domain:
            # The front's (infra/front_stack.py): another way in would lead round its firewall.
            return f"https://{settings.api_domain}/"
        # The SDKs sign for the service `chime`, which no front door of IAM would let through (A2).
        return function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE).url

    def _permit(
        self,
        made: PythonFunction,
        settings: DeploymentSettings,
        access_keys: secretsmanager.Secret,
    ) -> None:
        stack = Stack.of(self)
        tables = [table_arn(stack, settings, table) for table in (CONNECTORS, NUMBERS)]
        indexes = [index_arn(stack, settings, CALLS, index) for index in CALLS.indexes]
        made.permit_database(TABLE_ACTIONS, *tables)
        nodes = table_arn(stack, settings, NODES)
        made.permit_database(("GetItem",), nodes)
        made.permit_database(("Query",), nodes, *indexes)
        made.permit_database(("GetItem",), table_arn(stack, settings, CALLS))
        if settings.operator.recording.allowed:
            made.permit_database(("UpdateItem",), nodes)
        made.permit(("secretsmanager:GetSecretValue",), access_keys.secret_arn)
