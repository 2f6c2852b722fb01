"""As many edge nodes as calls want, between a least and a most number.

Application Auto Scaling does no more than set how many tasks the service wants. More of them start
at once. When it wants fewer nothing ends by that: tasks are protected from being stopped, edge_dns
tells those to drain that are too many, and ECS stops each when its last call has ended (A11).
"""

from aws_cdk import Duration
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.settings import DeploymentSettings
from infra.watched import of_edge
from model.metrics import SERVING_CALLS

CPU_PERCENT = 60
"""Of all tasks, those that drain included, on average. Calls alone take half of the CPU at their
own target: this is for what calls do not tell, such as more encrypted ones than nodes are sized
for. The busiest node of such a fleet, with 1.4 times the average, is just below the 85 % of EDGE
R30."""

OUT_COOLDOWN = Duration.minutes(2)
"""A node that was asked for starts in a minute or so, and first tells figures a minute later."""
IN_COOLDOWN = Duration.minutes(5)
"""Draining takes hours in any case, so that nothing is gained by haste; a node that was taken away
in error comes back only if its order to drain is taken back in time."""


class EdgeScaling(Construct):
    """The two policies; the one that wants more nodes decides."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        service: ecs.BaseService,
    ) -> None:
        super().__init__(scope, construct_id)
        # With a number in the template every update would throw the fleet back to it. Without one
        # a new service has one task and an old one what it had; that there are `nodes` is seen to
        # when the target is registered.
        resource = service.node.find_child("Service")
        assert isinstance(resource, ecs.CfnService), "CDK calls the resource of a service so"
        resource.add_property_deletion_override("DesiredCount")
        count = service.auto_scale_task_count(
            min_capacity=settings.nodes, max_capacity=settings.max_nodes
        )
        count.scale_to_track_custom_metric(
            "Calls",
            metric=of_edge(settings, SERVING_CALLS, "Average"),
            target_value=settings.calls_aimed_at,
            scale_out_cooldown=OUT_COOLDOWN,
            scale_in_cooldown=IN_COOLDOWN,
        )
        count.scale_on_cpu_utilization(
            "Cpu",
            target_utilization_percent=CPU_PERCENT,
            scale_out_cooldown=OUT_COOLDOWN,
            scale_in_cooldown=IN_COOLDOWN,
        )
