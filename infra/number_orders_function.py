"""The number_orders Lambda: its schedule, and the stream that makes it faster (API PN5, PN7, PN11).

The schedule is what can be relied on: every minute the function does all that is to be done. The
stream only knocks when an order is placed, so that it is fulfilled within a second or two. That is
why the stream is read from its end, why a knock that failed is not repeated, and why there is no
dead-letter queue: it would hold nothing but knocks.

The stream's ARN ends in the moment at which it was made and follows from no name. The data stack
leaves it in an SSM parameter, whose name is known (infra/names.py), and CloudFormation reads it at
every deployment of this stack. An export would tie the stacks together; an ARN in the context would
be one more thing to look up and to type.
"""

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.document import settings_document
from infra.findings import accept
from infra.management_asset import management_asset
from infra.names import stream_parameter_name, table_arn
from infra.settings import DeploymentSettings
from model.tables import CONNECTORS, NUMBERS, PARTITION_KEY, PENDING

HANDLER = "lambdas.number_orders.handler.handler"
SECTIONS = ("api",)
"""What the function reads of the settings: the quota of numbers."""
TIMEOUT_S = 300
"""An order of 10,000 numbers takes 400 transactions; what is cut off, the next run goes on with."""
MEMORY_MIB = 512
KNOCKS_AT_ONCE = 100
"""Orders placed within the same moment are one knock: a run looks for all of them."""
NUMBERS_ACTIONS = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
"""On the table of numbers; a transaction needs the rights of its parts."""
STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")


class NumberOrdersFunction(Construct):
    """One function that a schedule and a stream call."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        # The parameter is the stack's, and so is its id in the template.
        self._stream = ssm.StringParameter.from_string_parameter_attributes(
            self,
            "NumbersStream",
            parameter_name=stream_parameter_name(settings),
            force_dynamic_reference=False,
        ).string_value
        function = self._function()
        self._schedule(function)
        self._knock(function)

    def _function(self) -> lambda_.Function:
        log_group = logs.LogGroup(
            self,
            "Log",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        asset = management_asset()
        function = lambda_.Function(
            self,
            "Function",
            description="Voice Connector phone number orders, purges and calling names",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(asset.path), asset_hash=asset.digest),
            handler=HANDLER,
            memory_size=MEMORY_MIB,
            timeout=Duration.seconds(TIMEOUT_S),
            # The schedule repeats what failed.
            retry_attempts=0,
            role=self._role(log_group),
            log_group=log_group,
            environment={
                "OVC_TABLE_PREFIX": self._settings.prefix,
                "OVC_SETTINGS": settings_document(Stack.of(self), self._settings, SECTIONS),
            },
        )
        accept(function, {"AwsSolutions-L1": "3.13 is the newest Python that the tests run with."})
        return function

    def _role(self, log_group: logs.LogGroup) -> iam.Role:
        stack, settings = Stack.of(self), self._settings
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        for actions, resource in (
            (NUMBERS_ACTIONS, table_arn(stack, settings, NUMBERS)),
            (("UpdateItem",), table_arn(stack, settings, CONNECTORS)),
            (STREAM_ACTIONS, self._stream),
            (("ListStreams",), "*"),
        ):
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=[f"dynamodb:{action}" for action in actions], resources=[resource]
                )
            )
        accept(role, {"AwsSolutions-IAM5[Resource::*]": "ListStreams knows no resources."})
        return role

    def _schedule(self, function: lambda_.Function) -> None:
        events.Rule(
            self,
            "EveryMinute",
            description="Fulfils orders that no stream record has announced, purges what is due",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(function)],
        )

    def _knock(self, function: lambda_.Function) -> None:
        function.add_event_source_mapping(
            "Knock",
            event_source_arn=self._stream,
            starting_position=lambda_.StartingPosition.LATEST,
            batch_size=KNOCKS_AT_ONCE,
            retry_attempts=0,
            max_record_age=Duration.minutes(1),
            filters=[
                lambda_.FilterCriteria.filter(
                    {
                        "eventName": lambda_.FilterRule.is_equal("INSERT"),
                        "dynamodb": {
                            "Keys": {PARTITION_KEY: {"S": lambda_.FilterRule.is_equal(PENDING)}}
                        },
                    }
                )
            ],
        )
