"""The service that keeps edge tasks running."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.edge_task import EdgeTask
from infra.findings import accept
from infra.names import EDGE_SERVICE, edge_cluster_name
from infra.network import Network
from infra.settings import DeploymentSettings


class EdgeService(Construct):
    """Tasks with public addresses of their own and no load balancer before them (A11)."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        network: Network,
        task: EdgeTask,
    ) -> None:
        super().__init__(scope, construct_id)
        cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=edge_cluster_name(settings),
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.DISABLED,
        )
        accept(
            cluster,
            {
                "AwsSolutions-ECS4": "ECS reports CPU and memory of the service without it; what "
                "matters, calls and packets, it does not know."
            },
        )
        self.service = service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task.definition,
            service_name=EDGE_SERVICE,
            desired_count=settings.nodes,
            assign_public_ip=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[network.edge_group],
            # New nodes first: old ones drain while these take calls already.
            min_healthy_percent=100,
            max_healthy_percent=200,
            # It counts new tasks that do not become healthy, and none that drain, however long.
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            # Evening out the zones would end calls for nothing.
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.DISABLED,
        )
        # A first task without a way to the image, or the right to it, would count as a failure.
        service.node.add_dependency(network.vpc)
        service.node.add_dependency(task.execution_role)
