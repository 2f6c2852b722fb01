"""Alarms about detail records: nothing is lost yet when they go off (EDGE C9, C10).

They only change colour: who is told is for whoever deploys to say, with an action of their own.
"""

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import DeploymentSettings
from model.metrics import BUCKET_DENIED, NAMESPACE, deployment_dimensions

MOST_WAITING = 100.0
"""Records of one node; in ordinary times it is those of the last second."""
WAITING_MINUTES = 5


class RecordAlarms(Construct):
    """Records wait for long; a bucket denies them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        log_group: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self._prefix = settings.prefix
        backlog = cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name="CdrBacklog",
            dimensions_map=deployment_dimensions(settings.prefix, Aws.REGION),
            statistic="Maximum",
            period=Duration.minutes(1),
        )
        self._alarm(
            "Backlog",
            backlog,
            f"More than {MOST_WAITING:.0f} call detail records of one node have been waiting for "
            f"{WAITING_MINUTES} minutes: S3 is away, or their bucket refuses them",
            threshold=MOST_WAITING,
            minutes=WAITING_MINUTES,
        )
        denied = logs.MetricFilter(
            self,
            "Denials",
            log_group=log_group,
            # A name of its own for each deployment: a filter knows no fixed dimensions.
            metric_namespace=f"{NAMESPACE}/{settings.prefix}",
            metric_name="BucketDenials",
            metric_value="1",
            filter_pattern=logs.FilterPattern.string_value("$.event", "=", BUCKET_DENIED),
        )
        self._alarm(
            "Denied",
            denied.metric(statistic="Sum", period=Duration.minutes(1)),
            "The edge may not put call detail records into their bucket, and keeps them. The log "
            f"line {BUCKET_DENIED} names it: look at its policy and at the rights of the task",
            threshold=0.0,
            minutes=1,
        )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        description: str,
        *,
        threshold: float,
        minutes: int,
    ) -> None:
        cloudwatch.Alarm(
            self,
            construct_id,
            alarm_name=f"{self._prefix}-records-{construct_id.lower()}",
            alarm_description=description,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=threshold,
            evaluation_periods=minutes,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
