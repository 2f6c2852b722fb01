"""Dashboard and alarms."""

from aws_cdk import Stack
from constructs import Construct

from infra.alarms import Alarms
from infra.dashboard import Dashboard
from infra.edge_alarms import EdgeAlarms
from infra.function_alarms import watch_functions, watch_tables
from infra.names import balancer_parameter_name
from infra.parameters import read_parameter
from infra.python_function import function_name
from infra.settings import DeploymentSettings

FUNCTIONS = ("management", "call_reaper", "number_orders", "config_feed", "edge_dns")


class ObservabilityStack(Stack):
    """What tells how the deployment is doing; nothing of it is needed for a call.

    All alarms are here, those about records too, so that one topic hears of them, and so that
    whoever has a system of his own for that leaves out one stack.
    """

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-observability",
            description="Open Voice Connector: dashboard and alarms",
            analytics_reporting=False,
        )
        names = {it: function_name(self, settings, it) for it in FUNCTIONS}
        balancer = (
            read_parameter(self, "Balancer", balancer_parameter_name(settings))
            if settings.api_domain
            else None
        )
        alarms = Alarms(self, "Alarms", settings=settings)
        EdgeAlarms(self, "EdgeLines", settings=settings, alarms=alarms)
        watch_functions(alarms, names, balancer)
        watch_tables(alarms, settings)
        Dashboard(
            self,
            "Dashboard",
            settings=settings,
            functions=names,
            balancer=balancer,
            alarms=alarms.made,
        )
