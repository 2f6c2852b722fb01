"""How the stacks know each other: by names (model/tables.py), never by exports.

An export would hold back every update of the stack that it comes from.
"""

from aws_cdk import ArnFormat, Aws, Stack

from infra.addressing import FIXED
from infra.settings import DeploymentSettings
from model.connector_logs import ConnectorLog
from model.tables import Index, Table, cdr_bucket_name


def table_arn(stack: Stack, settings: DeploymentSettings, table: Table) -> str:
    """Return the ARN of one of the deployment's tables."""
    return stack.format_arn(
        service="dynamodb",
        resource="table",
        resource_name=table.physical_name(settings.prefix),
    )


def index_arn(stack: Stack, settings: DeploymentSettings, table: Table, index: Index) -> str:
    """Return the ARN of an index of one of the deployment's tables."""
    return f"{table_arn(stack, settings, table)}/index/{index.name}"


def stream_parameter_name(settings: DeploymentSettings, table: Table) -> str:
    """Return the name of the SSM parameter that holds the ARN of a table's stream."""
    return f"/{settings.prefix}/{table.logical_name}-stream"


def function_parameter_name(settings: DeploymentSettings, function: str) -> str:
    """Return the name of the SSM parameter that holds the name of a Lambda function."""
    return f"/{settings.prefix}/{function.replace('_', '-')}-function"


def key_parameter_name(settings: DeploymentSettings) -> str:
    """Return the name of the SSM parameter that holds the ARN of the deployment's own key."""
    return f"/{settings.prefix}/kms-key"


def log_bucket_parameter_name(settings: DeploymentSettings) -> str:
    """Return the name of the SSM parameter that holds the name of the bucket of access logs."""
    return f"/{settings.prefix}/log-bucket"


def balancer_parameter_name(settings: DeploymentSettings) -> str:
    """Return the name of the SSM parameter that tells what metrics call the API's balancer."""
    return f"/{settings.prefix}/api-balancer"


def bucket_name(settings: DeploymentSettings) -> str:
    """Return the name of the CDR bucket; account and region are filled in by CloudFormation."""
    return cdr_bucket_name(settings.prefix, Aws.ACCOUNT_ID, Aws.REGION)


def record_arns(stack: Stack, settings: DeploymentSettings, prefix: str) -> str:
    """Return the ARN of every object of the CDR bucket under a prefix."""
    return stack.format_arn(
        service="s3",
        account="",
        region="",
        resource=bucket_name(settings),
        resource_name=f"{prefix}/*",
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )


def edge_cluster_name(settings: DeploymentSettings) -> str:
    """Return the name of the ECS cluster that edge tasks run in."""
    return f"{settings.prefix}-edge"


def edge_service_name(settings: DeploymentSettings) -> str:
    """Return the name of the ECS service that keeps edge tasks running.

    Each form of addressing has another one: none can be made into the other, and names are taken
    until the service that has them is gone.
    """
    return "edge-fixed" if settings.addressing == FIXED else "edge"


def edge_cluster_arn(stack: Stack, settings: DeploymentSettings) -> str:
    """Return the ARN of the ECS cluster that edge tasks run in."""
    return stack.format_arn(
        service="ecs", resource="cluster", resource_name=edge_cluster_name(settings)
    )


def edge_service_arn(stack: Stack, settings: DeploymentSettings) -> str:
    """Return the ARN of the ECS service that keeps edge tasks running."""
    name = f"{edge_cluster_name(settings)}/{edge_service_name(settings)}"
    return stack.format_arn(service="ecs", resource="service", resource_name=name)


def edge_task_arn(stack: Stack, settings: DeploymentSettings) -> str:
    """Return the ARN of every edge task."""
    return stack.format_arn(
        service="ecs", resource="task", resource_name=f"{edge_cluster_name(settings)}/*"
    )


def edge_container_instance_arn(stack: Stack, settings: DeploymentSettings) -> str:
    """Return the ARN of every instance in the ECS cluster of the edge."""
    return stack.format_arn(
        service="ecs",
        resource="container-instance",
        resource_name=f"{edge_cluster_name(settings)}/*",
    )


def connector_log_arn(stack: Stack, log: ConnectorLog) -> str:
    """Return the ARN of every log group of one kind that connectors have."""
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{log.value}/*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
