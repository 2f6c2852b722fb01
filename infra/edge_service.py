"""The service that keeps edge tasks running."""

from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.edge_form import EdgeForm
from infra.edge_task import EdgeTask
from infra.findings import accept
from infra.names import edge_cluster_name
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
        form: EdgeForm,
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
        self.service = service = form.service(self, cluster=cluster, definition=task.definition)
        # A first task without a way to the image, or the right to it, would count as a failure.
        service.node.add_dependency(network.vpc)
        service.node.add_dependency(task.execution_role)
