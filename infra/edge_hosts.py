"""The EC2 instances that edge tasks with fixed addresses run on, one on each.

There are as many as ECS needs: it starts one for a task that finds none, and ends one that has had
no task for a quarter of an hour, never one with a task on it. So a deployment brings its new tasks
to new instances, which start with the newest image of Amazon's, and nothing is ever patched.
"""

from aws_cdk import Tags
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.elastic_ips import HOST_TAG
from infra.findings import accept
from infra.names import edge_container_instance_arn
from infra.network import Network
from infra.settings import DeploymentSettings

JOURNAL = "/var/lib/ovc/journal"
"""On the host: what one task has left there, the next one on this host finds (EDGE C9)."""
JOURNAL_OWNER = 10_001
"""The user of the image (edge/Dockerfile)."""
ROOT_VOLUME_GIB = 30
"""What Amazon's image is made for; the edge's takes a tenth of it."""
_IMAGES = {
    "x86_64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id",
    "arm64": "/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended/image_id",
}
"""Names of Amazon's own parameters, which every launch reads anew."""


class EdgeHosts(Construct):
    """A group of instances that ECS makes larger and smaller."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        network: Network,
        cluster: ecs.Cluster,
        most: int,
    ) -> None:
        super().__init__(scope, construct_id)
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            launch_template=self._template(settings, network, self._role(cluster, settings)),
            min_capacity=0,
            max_capacity=most,
            new_instances_protected_from_scale_in=True,
        )
        Tags.of(group).add(HOST_TAG, settings.prefix)
        accept(
            group,
            {
                "AwsSolutions-AS3": "ECS starts and ends instances with every deployment; what "
                "matters, nodes that do not start or serve, the alarms tell."
            },
        )
        self.provider = ecs.AsgCapacityProvider(
            self,
            "Provider",
            auto_scaling_group=group,
            # An instance with a task on it stays, as long as that drains.
            enable_managed_termination_protection=True,
            enable_managed_draining=True,
            target_capacity_percent=100,
        )
        cluster.add_asg_capacity_provider(self.provider)

    def _template(
        self, settings: DeploymentSettings, network: Network, role: iam.Role
    ) -> ec2.LaunchTemplate:
        assert settings.host_type is not None, "only nodes with fixed addresses have hosts"
        commands = ec2.UserData.for_linux()
        commands.add_commands(
            f"install -d -o {JOURNAL_OWNER} -g {JOURNAL_OWNER} -m 0700 {JOURNAL}",
            "echo ECS_DISABLE_PRIVILEGED=true >> /etc/ecs/ecs.config",
        )
        return ec2.LaunchTemplate(
            self,
            "Template",
            machine_image=ec2.MachineImage.resolve_ssm_parameter_at_launch(
                _IMAGES[settings.architecture], os=ec2.OperatingSystemType.LINUX
            ),
            instance_type=ec2.InstanceType(settings.host_type),
            # Its policy is complete: the CDK would add rights on logs and registries.
            role=role.without_policy_updates(),
            user_data=commands,
            security_group=network.edge_group,
            # Its way to ECS and to the image, until its task takes an Elastic IP.
            associate_public_ip_address=True,
            require_imdsv2=True,
            # No further than the host and what has its network.
            http_put_response_hop_limit=1,
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(
                        ROOT_VOLUME_GIB, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                    ),
                )
            ],
        )

    def _role(self, cluster: ecs.Cluster, settings: DeploymentSettings) -> iam.Role:
        """Return the role of the agent of ECS; images and logs are of the task's execution role."""
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        instances = edge_container_instance_arn(cluster.stack, settings)
        for actions, resource in (
            (
                [
                    "ecs:RegisterContainerInstance",
                    "ecs:DeregisterContainerInstance",
                    "ecs:SubmitTaskStateChange",
                    "ecs:SubmitContainerStateChange",
                    "ecs:SubmitAttachmentStateChanges",
                ],
                cluster.cluster_arn,
            ),
            (["ecs:Poll", "ecs:StartTelemetrySession"], instances),
            (["ecs:DiscoverPollEndpoint"], "*"),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        # cdk-nag writes a reference as <AWS::Region>.
        name = f"<AWS::Region>:<AWS::AccountId>:container-instance/{settings.prefix}-edge/*"
        accept(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": "DiscoverPollEndpoint knows no resources.",
                f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:{name}]": "An instance's id "
                "is made when it registers.",
            },
        )
        return role
