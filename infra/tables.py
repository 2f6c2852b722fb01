"""The DynamoDB tables of model/tables.py."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.names import stream_parameter_name
from infra.settings import DeploymentSettings
from model.tables import EXPIRES_AT, TABLES, StreamView, Table


class Tables(Construct):
    """Every table, billed by request, recoverable to any second, and kept when the stack goes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        key: kms.Key | None,
    ) -> None:
        """Make the tables; without a key of its own they are encrypted with the account's."""
        super().__init__(scope, construct_id)
        made = {}
        for table in TABLES:
            made[table] = dynamodb.Table(
                self,
                table.logical_name.capitalize(),
                table_name=table.physical_name(settings.prefix),
                partition_key=_string_key(table.partition_key),
                sort_key=None if table.sort_key is None else _string_key(table.sort_key),
                time_to_live_attribute=EXPIRES_AT if table.expires else None,
                billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
                # HA1s serve as passwords: with either key CloudTrail shows who had them decrypted.
                encryption=dynamodb.TableEncryption.AWS_MANAGED
                if key is None
                else dynamodb.TableEncryption.CUSTOMER_MANAGED,
                encryption_key=key,
                point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                deletion_protection=True,
                stream=_STREAMS[table.stream],
                removal_policy=RemovalPolicy.RETAIN,
            )
            _add_indexes(made[table], table)

        for table, it in made.items():
            if it.table_stream_arn is None:
                continue
            ssm.StringParameter(
                self,
                f"{table.logical_name.capitalize()}Stream",
                parameter_name=stream_parameter_name(settings, table),
                description=f"ARN of the stream of {table.logical_name}, for its readers",
                string_value=it.table_stream_arn,
            )


_STREAMS = {
    None: None,
    StreamView.NEW_IMAGE: dynamodb.StreamViewType.NEW_IMAGE,
    StreamView.KEYS_ONLY: dynamodb.StreamViewType.KEYS_ONLY,
}


def _add_indexes(made: dynamodb.Table, table: Table) -> None:
    for index in table.indexes:
        made.add_global_secondary_index(
            index_name=index.name,
            partition_key=_string_key(index.partition_key),
            sort_key=_string_key(index.sort_key),
        )


def _string_key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
