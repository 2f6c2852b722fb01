"""The DynamoDB tables of model/tables.py."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from model.tables import PARTITION_KEY, SORT_KEY, TABLES


class Tables(Construct):
    """Every table, billed by request, recoverable to any second, and kept when the stack goes."""

    def __init__(self, scope: Construct, construct_id: str, *, prefix: str) -> None:
        super().__init__(scope, construct_id)
        for table in TABLES:
            dynamodb.Table(
                self,
                table.logical_name.capitalize(),
                table_name=table.physical_name(prefix),
                partition_key=_string_key(PARTITION_KEY),
                sort_key=_string_key(SORT_KEY),
                billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
                # HA1s serve as passwords: with this key CloudTrail shows who had them decrypted.
                encryption=dynamodb.TableEncryption.AWS_MANAGED,
                point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                deletion_protection=True,
                removal_policy=RemovalPolicy.RETAIN,
            )


def _string_key(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
