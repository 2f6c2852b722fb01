"""The config_feed Lambda: the streams that bring it changes, and the feed it writes (A9).

A batch that cannot be written is halved and brought again for an hour; what is still not written
then, nodes find with their hourly reading of everything. A dead-letter queue would hold keys whose
items have been read by the time anybody looks.
"""

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.names import table_arn
from infra.python_function import PythonFunction
from infra.settings import DeploymentSettings
from infra.streams import permit_reading, stream_arn
from model.feed_items import FED
from model.tables import CONNECTORS, FEED, NUMBERS, PARTITION_KEY, Table

HANDLER = "lambdas.config_feed.handler.handler"
TIMEOUT_S = 30
MEMORY_MIB = 512
"""A change waits for a cold start now and then; importing is computing, which comes with memory."""
CHANGES_AT_ONCE = 100


class ConfigFeedFunction(Construct):
    """One function that two streams call."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        made = PythonFunction(
            self,
            settings=settings,
            description="Voice Connector changes of configuration, for the edge",
            handler=HANDLER,
            memory_mib=MEMORY_MIB,
            timeout_s=TIMEOUT_S,
            environment={"OVC_TABLE_PREFIX": settings.prefix},
        )
        feed = table_arn(Stack.of(self), settings, FEED)
        made.permit_database(("BatchWriteItem",), feed)
        streams = {it: stream_arn(self, settings, it) for it in (CONNECTORS, NUMBERS)}
        permit_reading(made, *streams.values())
        for table, arn in streams.items():
            _follow(made.function, table, arn)


def _follow(function: lambda_.Function, table: Table, stream: str) -> None:
    partitions = [partition for (name, partition) in FED if name == table.logical_name]
    function.add_event_source_mapping(
        f"{table.logical_name.capitalize()}",
        event_source_arn=stream,
        # From where it left off, also after the mapping was made anew: the feed may hold a key
        # twice, but should miss none.
        starting_position=lambda_.StartingPosition.TRIM_HORIZON,
        batch_size=CHANGES_AT_ONCE,
        bisect_batch_on_error=True,
        max_record_age=Duration.hours(1),
        filters=[
            lambda_.FilterCriteria.filter(
                {"dynamodb": {"Keys": {PARTITION_KEY: {"S": lambda_.FilterRule.or_(*partitions)}}}}
            )
        ],
    )
