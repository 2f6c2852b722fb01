"""The edge_dns Lambda: what calls it, and its rights (A11).

One run at a time, each minute and whenever ECS tells a task of the edge to stop. As for
call_reaper, a call that comes while one works waits for a minute at most; what fails, the next run
makes up for.
"""

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.document import settings_document
from infra.findings import accept
from infra.names import (
    edge_cluster_arn,
    edge_cluster_name,
    edge_service_arn,
    edge_service_name,
    edge_task_arn,
    table_arn,
)
from infra.python_function import PythonFunction
from infra.schedule import every_minute
from infra.settings import DeploymentSettings
from model.tables import NODES

HANDLER = "lambdas.edge_dns.handler.handler"
TIMEOUT_S = 50
"""A dozen small requests; the next run comes after a minute."""
MEMORY_MIB = 512
CALLS_WAIT_S = 60


class EdgeDnsFunction(Construct):
    """One function that tells nodes to drain, and keeps their records where there is a zone."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        made = PythonFunction(
            self,
            settings=settings,
            description="Voice Connector: DNS records of edge nodes, and who is to drain",
            handler=HANDLER,
            memory_mib=MEMORY_MIB,
            timeout_s=TIMEOUT_S,
            concurrency=1 if settings.api_concurrency else None,
            # The schedule repeats what failed.
            retry_attempts=0,
            max_event_age_s=CALLS_WAIT_S,
            environment={
                "OVC_TABLE_PREFIX": settings.prefix,
                "OVC_SETTINGS": settings_document(Stack.of(self), settings, ("domain",)),
                **(
                    {"OVC_HOSTED_ZONE_ID": settings.hosted_zone_id}
                    if settings.hosted_zone_id
                    else {}
                ),
                "OVC_CLUSTER": edge_cluster_name(settings),
                "OVC_SERVICE": edge_service_name(settings),
            },
        )
        self._permit(made, settings)
        target = targets.LambdaFunction(made.function)
        every_minute(self, "Tells edge nodes to drain, and keeps their DNS records", target)
        events.Rule(
            self,
            "TaskEnds",
            description="Takes an edge task that ends out of DNS at once",
            event_pattern=events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Task State Change"],
                detail={
                    "clusterArn": [edge_cluster_arn(Stack.of(self), settings)],
                    "desiredStatus": ["STOPPED"],
                },
            ),
            targets=[target],
        )

    def _permit(self, made: PythonFunction, settings: DeploymentSettings) -> None:
        stack = Stack.of(self)
        # Leases, orders to drain, and what the last run saw.
        made.permit_database(
            ("Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem"),
            table_arn(stack, settings, NODES),
        )
        made.permit(("ecs:DescribeTasks",), edge_task_arn(stack, settings))
        made.permit(("ecs:DescribeServices",), edge_service_arn(stack, settings))
        if settings.hosted_zone_id:
            self._permit_records(made, settings)
        # cdk-nag writes a reference as <AWS::Region>.
        tasks = f"<AWS::Region>:<AWS::AccountId>:task/{edge_cluster_name(settings)}/*"
        finding = f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:{tasks}]"
        accept(made.role, {finding: "A task's id is made when it starts."})

    def _permit_records(self, made: PythonFunction, settings: DeploymentSettings) -> None:
        """Let it keep the records of one name."""
        zone = f"arn:{Stack.of(self).partition}:route53:::hostedzone/{settings.hosted_zone_id}"
        made.permit(("route53:ListResourceRecordSets",), zone)
        made.role.add_to_policy(
            iam.PolicyStatement(
                actions=["route53:ChangeResourceRecordSets"],
                resources=[zone],
                conditions={"ForAllValues:StringEquals": _only_ours(settings.operator.domain)},
            )
        )


def _only_ours(domain: str) -> dict[str, list[str]]:
    """Return what changes must be about; Route 53 compares the asterisk as an octal escape."""
    return {
        "route53:ChangeResourceRecordSetsNormalizedRecordNames": [f"\\052.{domain}"],
        "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
    }
