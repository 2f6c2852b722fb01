"""Our Lambda functions: one zip, one runtime, a log group and a role each (A3)."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.customer_key import customer_key, permit_key
from infra.findings import accept
from infra.log_retention import retention
from infra.management_asset import management_asset
from infra.names import function_parameter_name
from infra.parameters import read_parameter
from infra.settings import DeploymentSettings


class PythonFunction:
    """The parts of one function, made in the construct that it belongs to.

    No construct of its own: the names of what is deployed would change with another level.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        settings: DeploymentSettings,
        description: str,
        handler: str,
        memory_mib: int,
        timeout_s: int,
        environment: Mapping[str, str],
        concurrency: int | None = None,
        retry_attempts: int | None = None,
        max_event_age_s: int | None = None,
    ) -> None:
        """Make the function of a handler in lambdas/; `concurrency` is reserved for it,
        `retry_attempts` are Lambda's own of asynchronous calls, and `max_event_age_s` is how long
        such a call may wait, from 60."""
        self._settings = settings
        log_group = logs.LogGroup(
            scope,
            "Log",
            retention=retention(settings),
            encryption_key=customer_key(scope, settings),
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        asset = management_asset()
        self.function = lambda_.Function(
            scope,
            "Function",
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(asset.path), asset_hash=asset.digest),
            handler=handler,
            memory_size=memory_mib,
            timeout=Duration.seconds(timeout_s),
            reserved_concurrent_executions=concurrency,
            retry_attempts=retry_attempts,
            max_event_age=None if max_event_age_s is None else Duration.seconds(max_event_age_s),
            role=self.role,
            log_group=log_group,
            environment=dict(environment),
        )
        accept(
            self.function,
            {"AwsSolutions-L1": "3.13 is the newest Python that the tests run with."},
        )

        ssm.StringParameter(
            scope,
            "Name",
            parameter_name=function_parameter_name(settings, handler.split(".")[1]),
            description="Name of the function, for whoever watches it",
            string_value=self.function.function_name,
        )

    def permit(self, actions: tuple[str, ...], *resources: str) -> None:
        """Let the function do something, and use the key that it takes where it does it."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources))
        )
        for service in dict.fromkeys(action.partition(":")[0] for action in actions):
            permit_key(self.role, self._settings, service)

    def permit_database(self, actions: tuple[str, ...], *resources: str) -> None:
        """Let the function do something in DynamoDB; actions without their prefix."""
        self.permit(tuple(f"dynamodb:{action}" for action in actions), *resources)


def function_name(scope: Construct, settings: DeploymentSettings, function: str) -> str:
    """Return the name of a function of another stack, as CloudFormation will read it.

    The name is made up when the function is; a name of our choosing would replace the function, and
    the URL of the API with it.
    """
    construct_id = "".join(word.capitalize() for word in function.split("_"))
    return read_parameter(scope, construct_id, function_parameter_name(settings, function))
