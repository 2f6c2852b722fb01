"""Metrics that alarms and the dashboard look at: the edge's own, and those of AWS's services."""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.names import edge_cluster_name, edge_service_name
from infra.settings import DeploymentSettings
from model.metrics import NAMESPACE, deployment_dimensions
from model.tables import Table, edge_log_group_name


def of_edge(
    settings: DeploymentSettings,
    name: str,
    statistic: str,
    *,
    minutes: int = 1,
    label: str | None = None,
) -> cloudwatch.Metric:
    """Return a metric of the whole deployment (EDGE X1, X7); every node writes its own value."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map=deployment_dimensions(settings.prefix, Aws.REGION),
        statistic=statistic,
        period=Duration.minutes(minutes),
        label=label,
    )


def of_function(
    function: str, name: str, statistic: str, *, minutes: int = 1, label: str | None = None
) -> cloudwatch.Metric:
    """Return a metric of Lambda's; `function` is its name in the account."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": function},
        statistic=statistic,
        period=Duration.minutes(minutes),
        label=label,
    )


def of_balancer(balancer: str, name: str, statistic: str, *, minutes: int = 1) -> cloudwatch.Metric:
    """Return a metric of the load balancer before the API; `balancer` is what metrics call it."""
    return cloudwatch.Metric(
        namespace="AWS/ApplicationELB",
        metric_name=name,
        dimensions_map={"LoadBalancer": balancer},
        statistic=statistic,
        period=Duration.minutes(minutes),
        label=name,
    )


def of_answers(
    function: str, balancer: str | None, hundreds: int, *, minutes: int = 1
) -> cloudwatch.Metric:
    """Return how often the API has answered with a status of 400 or of 500 and more: to Lambda
    these are no errors, so whatever stands before the function counts them."""
    if balancer is None:
        return of_function(function, f"Url{hundreds}xxCount", "Sum", minutes=minutes)
    return of_balancer(balancer, f"HTTPCode_Target_{hundreds}XX_Count", "Sum", minutes=minutes)


def of_table(settings: DeploymentSettings, table: Table, name: str) -> cloudwatch.Metric:
    """Return the sum of a metric of DynamoDB's in a minute."""
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name=name,
        dimensions_map={"TableName": table.physical_name(settings.prefix)},
        statistic="Sum",
        period=Duration.minutes(1),
        label=table.logical_name,
    )


def of_service(settings: DeploymentSettings, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of the service of edge tasks: what ECS tells without Container Insights."""
    return cloudwatch.Metric(
        namespace="AWS/ECS",
        metric_name=name,
        dimensions_map={
            "ClusterName": edge_cluster_name(settings),
            "ServiceName": edge_service_name(settings),
        },
        statistic=statistic,
        period=Duration.minutes(1),
        label=f"{name}, {statistic.lower()}",
    )


def of_log(settings: DeploymentSettings) -> cloudwatch.Metric:
    """Return the octets that the edge's log group takes in an hour."""
    return cloudwatch.Metric(
        namespace="AWS/Logs",
        metric_name="IncomingBytes",
        dimensions_map={"LogGroupName": edge_log_group_name(settings.prefix)},
        statistic="Sum",
        period=Duration.hours(1),
        label="octets",
    )
