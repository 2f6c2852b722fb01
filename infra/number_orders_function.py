"""The number_orders Lambda: its schedule, and the stream that makes it faster (API PN5, PN7, PN11).

The schedule is what can be relied on: every minute the function does all that is to be done. The
stream only knocks when an order is placed, so that it is fulfilled within a second or two. That is
why the stream is read from its end, why a knock that failed is not repeated, and why there is no
dead-letter queue: it would hold nothing but knocks.
"""

from aws_cdk import Duration, Stack
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.document import settings_document
from infra.names import table_arn
from infra.python_function import PythonFunction
from infra.schedule import every_minute
from infra.settings import DeploymentSettings
from infra.streams import permit_reading, stream_arn
from model.tables import NUMBERS, PARTITION_KEY, PENDING

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


class NumberOrdersFunction(Construct):
    """One function that a schedule and a stream call."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._stream = stream_arn(self, settings, NUMBERS)
        function = self._function()
        self._schedule(function)
        self._knock(function)

    def _function(self) -> lambda_.Function:
        stack, settings = Stack.of(self), self._settings
        made = PythonFunction(
            self,
            settings=settings,
            description="Voice Connector phone number orders, purges and calling names",
            handler=HANDLER,
            memory_mib=MEMORY_MIB,
            timeout_s=TIMEOUT_S,
            # The schedule repeats what failed.
            retry_attempts=0,
            environment={
                "OVC_TABLE_PREFIX": settings.prefix,
                "OVC_SETTINGS": settings_document(stack, settings, SECTIONS),
            },
        )
        made.permit_database(NUMBERS_ACTIONS, table_arn(stack, settings, NUMBERS))
        permit_reading(made, self._stream)
        return made.function

    def _schedule(self, function: lambda_.Function) -> None:
        every_minute(
            self,
            "Fulfils orders that no stream record has announced, purges what is due",
            targets.LambdaFunction(function),
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
