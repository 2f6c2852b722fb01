"""The edge on Fargate: every task has a public address of its own, which ends with it (A11)."""

from collections.abc import Mapping

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.edge_form import Bounds
from infra.findings import accept
from infra.names import edge_service_name
from infra.network import Network
from infra.settings import DeploymentSettings

_ARCHITECTURES = {"x86_64": ecs.CpuArchitecture.X86_64, "arm64": ecs.CpuArchitecture.ARM64}


class EdgeOnFargate:
    """Tasks whose network interfaces have public addresses (edge/runtime/node.py)."""

    environment: Mapping[str, str] = {}
    bounds = Bounds()
    journal: ecs.Host | None = None

    def __init__(self, *, settings: DeploymentSettings, network: Network) -> None:
        self._settings = settings
        self._network = network

    def definition(
        self, scope: Construct, construct_id: str, *, task_role: iam.Role, execution_role: iam.Role
    ) -> ecs.TaskDefinition:
        """Make the task definition."""
        settings = self._settings
        return ecs.FargateTaskDefinition(
            scope,
            construct_id,
            family=f"{settings.prefix}-edge",
            cpu=settings.cpu,
            memory_limit_mib=settings.memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=_ARCHITECTURES[settings.architecture],
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            task_role=task_role,
            execution_role=execution_role,
        )

    def permit_address(self, task_role: iam.Role) -> None:
        """Let tasks look up the address of their network interface."""
        task_role.add_to_policy(
            iam.PolicyStatement(actions=["ec2:DescribeNetworkInterfaces"], resources=["*"])
        )
        accept(
            task_role,
            {"AwsSolutions-IAM5[Resource::*]": "DescribeNetworkInterfaces knows no resources."},
        )

    def service(
        self, scope: Construct, *, cluster: ecs.Cluster, definition: ecs.TaskDefinition
    ) -> ecs.BaseService:
        """Make the service."""
        return ecs.FargateService(
            scope,
            "Service",
            cluster=cluster,
            task_definition=definition,
            service_name=edge_service_name(self._settings),
            desired_count=self._settings.nodes,
            assign_public_ip=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[self._network.edge_group],
            # New nodes first: old ones drain while these take calls already.
            min_healthy_percent=100,
            max_healthy_percent=200,
            # It counts new tasks that do not become healthy, and none that drain, however long.
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
            # Evening out the zones would end calls for nothing.
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.DISABLED,
        )
