"""What AWS charges for the parts that an edge of one's own runs on, read from a dated file."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.hosts import SERIES
from billing.toml_table import TomlTable


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPrices:
    """Prices on demand in one region, without free tiers other than those named."""

    region: str
    as_of: str
    """Day on which they were collected."""
    currency: str
    fargate_vcpu_hour: Decimal
    fargate_gb_hour: Decimal
    fargate_arm_vcpu_hour: Decimal
    fargate_arm_gb_hour: Decimal
    ec2_large_hour: Mapping[str, Decimal]
    """Of an instance of the size `large`, by its series, such as c6i."""
    ec2_disk_gb_month: Decimal
    public_ipv4_hour: Decimal
    transfer_out_gb: Decimal
    """To the internet, of the first 10 TB of a month; what comes in is free."""
    transfer_out_free_gb: Decimal
    """In each month, of all that the account sends."""
    s3_put: Decimal
    """Each thousand."""
    s3_gb_month: Decimal
    dynamodb_write: Decimal
    """Each million of write request units."""
    dynamodb_read: Decimal
    """Each million of read request units."""
    dynamodb_gb_month: Decimal
    dynamodb_backup_gb_month: Decimal
    logs_gb: Decimal
    """Taken in by CloudWatch Logs."""
    metric_month: Decimal
    """Each of the first 10,000 metrics of one's own."""
    alarm_month: Decimal
    """Each metric that an alarm of standard resolution looks at."""
    dashboard_month: Decimal
    """Each beyond the three that are free."""
    lambda_request: Decimal
    """Each million."""
    lambda_gb_second: Decimal
    secret_month: Decimal
    balancer_hour: Decimal
    """Of an Application Load Balancer, without what it carries."""
    web_acl_month: Decimal
    web_acl_rule_month: Decimal
    """Without the requests that it looks at."""
    key_month: Decimal
    """Of a key of KMS of one's own; each of its first two rotations costs as much again."""


def read_aws_prices(text: str, file: str) -> AwsPrices:
    """Return the prices of a file's text; raises FileProblem that names key and value."""
    root = TomlTable.of(text, file)
    names = (
        "fargate",
        "ec2",
        "network",
        "s3",
        "dynamodb",
        "cloudwatch",
        "lambda",
        "secrets",
        "front",
    )
    tables = {name: root.table(name) for name in names}
    fargate, ec2, network, s3, dynamodb, cloudwatch, functions, secrets, front = tables.values()
    prices = AwsPrices(
        region=root.text("region"),
        as_of=root.text("as_of"),
        currency=root.text("currency"),
        fargate_vcpu_hour=fargate.amount("vcpu_hour"),
        fargate_gb_hour=fargate.amount("gb_hour"),
        fargate_arm_vcpu_hour=fargate.amount("arm_vcpu_hour"),
        fargate_arm_gb_hour=fargate.amount("arm_gb_hour"),
        ec2_large_hour=ec2.amounts("large_hour", "a series such as c6i", _is_series),
        ec2_disk_gb_month=ec2.amount("disk_gb_month"),
        public_ipv4_hour=network.amount("public_ipv4_hour"),
        transfer_out_gb=network.amount("transfer_out_gb"),
        transfer_out_free_gb=network.amount("transfer_out_free_gb"),
        s3_put=s3.amount("thousand_puts"),
        s3_gb_month=s3.amount("gb_month"),
        dynamodb_write=dynamodb.amount("million_writes"),
        dynamodb_read=dynamodb.amount("million_reads"),
        dynamodb_gb_month=dynamodb.amount("gb_month"),
        dynamodb_backup_gb_month=dynamodb.amount("backup_gb_month"),
        logs_gb=cloudwatch.amount("logs_gb"),
        metric_month=cloudwatch.amount("metric_month"),
        alarm_month=cloudwatch.amount("alarm_month"),
        dashboard_month=cloudwatch.amount("dashboard_month"),
        lambda_request=functions.amount("million_requests"),
        lambda_gb_second=functions.amount("gb_second"),
        secret_month=secrets.amount("secret_month"),
        balancer_hour=front.amount("balancer_hour"),
        web_acl_month=front.amount("web_acl_month"),
        web_acl_rule_month=front.amount("web_acl_rule_month"),
        key_month=secrets.amount("key_month"),
    )
    for table in (root, *tables.values()):
        table.refuse_others()
    return prices


def _is_series(name: str) -> bool:
    return SERIES.fullmatch(name) is not None
