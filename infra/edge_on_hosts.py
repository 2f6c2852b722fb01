"""The edge on EC2 instances: one task on each, which has the network of its host and an Elastic IP
that carriers and firewalls know (A11, docs/addressing.md)."""

from collections.abc import Mapping

from aws_cdk import Fn
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.edge_form import Bounds
from infra.edge_hosts import JOURNAL, EdgeHosts
from infra.elastic_ips import ElasticIps
from infra.names import edge_service_name
from infra.network import SIP_PORT, Network
from infra.settings import DeploymentSettings


class EdgeOnHosts:
    """Tasks that take an Elastic IP for their instance (edge/runtime/elastic_ip.py)."""

    journal: ecs.Host | None = ecs.Host(source_path=JOURNAL)

    def __init__(self, scope: Construct, *, settings: DeploymentSettings, network: Network) -> None:
        self._settings = settings
        self._network = network
        self._addresses = ElasticIps(scope, "Addresses", settings=settings)

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the variable that names the addresses."""
        return {"OVC_ELASTIC_IPS": Fn.join(",", self._addresses.allocation_ids)}

    @property
    def bounds(self) -> Bounds:
        """Return the bounds of the container, for such a task has none of its own.

        By its ports no task comes to a host before the one that was there has ended: another rule
        would look at what ECS wants of that one, which may still have calls.
        """
        protocols = (ecs.Protocol.UDP, ecs.Protocol.TCP)
        ports = [
            ecs.PortMapping(container_port=SIP_PORT, host_port=SIP_PORT, protocol=protocol)
            for protocol in protocols
        ]
        settings = self._settings
        return Bounds(cpu=settings.cpu, memory_mib=settings.memory_mib, ports=ports)

    def definition(
        self, scope: Construct, construct_id: str, *, task_role: iam.Role, execution_role: iam.Role
    ) -> ecs.TaskDefinition:
        """Make the task definition."""
        return ecs.Ec2TaskDefinition(
            scope,
            construct_id,
            family=f"{self._settings.prefix}-edge",
            network_mode=ecs.NetworkMode.HOST,
            task_role=task_role,
            execution_role=execution_role,
        )

    def permit_address(self, task_role: iam.Role) -> None:
        """Let tasks take addresses for their instances."""
        self._addresses.permit(task_role, self._network.vpc)

    def service(
        self, scope: Construct, *, cluster: ecs.Cluster, definition: ecs.TaskDefinition
    ) -> ecs.BaseService:
        """Make the hosts and the service.

        Both have names and ids of their own: another form of the same service cannot be made of
        one that is there, and this one starts before the other ends.
        """
        hosts = EdgeHosts(
            scope,
            "Hosts",
            settings=self._settings,
            network=self._network,
            cluster=cluster,
            # Whatever starts finds an address.
            most=len(self._addresses.allocation_ids),
        )
        service = ecs.Ec2Service(
            scope,
            "FixedService",
            cluster=cluster,
            task_definition=definition,
            service_name=edge_service_name(self._settings),
            desired_count=self._settings.nodes,
            capacity_provider_strategies=[
                ecs.CapacityProviderStrategy(
                    capacity_provider=hosts.provider.capacity_provider_name, weight=1
                )
            ],
            # ECS reckons by it how many hosts are missing.
            placement_constraints=[ecs.PlacementConstraint.distinct_instances()],
            placement_strategies=[
                ecs.PlacementStrategy.spread_across(ecs.BuiltInAttributes.AVAILABILITY_ZONE)
            ],
            # New nodes first, each on a new host; old ones drain meanwhile.
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.DISABLED,
        )
        # And on the cluster's knowing that it has them, which the CDK leaves to chance.
        service.node.add_dependency(hosts, cluster)
        return service
