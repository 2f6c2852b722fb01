"""The SIP and RTP edge."""

from aws_cdk import Stack
from constructs import Construct

from infra.addressing import FIXED
from infra.edge_form import EdgeForm
from infra.edge_on_fargate import EdgeOnFargate
from infra.edge_on_hosts import EdgeOnHosts
from infra.edge_scaling import EdgeScaling
from infra.edge_service import EdgeService
from infra.edge_task import EdgeTask
from infra.network import Network
from infra.settings import DeploymentSettings


class EdgeStack(Stack):
    """Network, task and service."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-edge",
            description="Open Voice Connector: SIP and RTP edge",
            analytics_reporting=False,
        )
        network = Network(self, "Network", settings=settings)
        form = self._form(settings, network)
        task = EdgeTask(self, "Task", settings=settings, form=form)
        edge = EdgeService(self, "Edge", settings=settings, network=network, task=task, form=form)
        if settings.is_scaled:
            EdgeScaling(self, "Scaling", settings=settings, service=edge.service)

    def _form(self, settings: DeploymentSettings, network: Network) -> EdgeForm:
        if settings.addressing == FIXED:
            return EdgeOnHosts(self, settings=settings, network=network)
        return EdgeOnFargate(settings=settings, network=network)
