"""The addresses of nodes that carriers and firewalls know (A11, docs/addressing.md).

What the stack allocates, it never gives back: an address that stands in the list of a carrier is
kept when its resource goes, whatever the reason. Those of the operator's own are only named.
"""

from aws_cdk import CfnOutput, Fn, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.findings import accept
from infra.settings import DeploymentSettings

HOST_TAG = "ovc:edge"
"""Marks the instances that may have these addresses; its value is the prefix of the deployment."""


class ElasticIps(Construct):
    """Elastic IPs, one of which each node takes when it starts (edge/runtime/elastic_ip.py)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        made = [self._allocated(number) for number in range(1, settings.elastic_ip_count + 1)]
        self.allocation_ids = [*settings.elastic_ips, *(it.attr_allocation_id for it in made)]
        stack = Stack.of(self)
        if made:
            told = Fn.join(",", [it.ref for it in made])
            CfnOutput(stack, "ElasticIps", value=told, description="What carriers must know")
        CfnOutput(
            stack,
            "ElasticIpIds",
            value=Fn.join(",", self.allocation_ids),
            description="The same, and those of ovc:elastic_ips, as ovc:elastic_ips takes them",
        )

    def _allocated(self, number: int) -> ec2.CfnEIP:
        address = ec2.CfnEIP(self, f"Address{number}", domain="vpc")
        address.apply_removal_policy(RemovalPolicy.RETAIN)
        Tags.of(address).add("Name", f"{self._settings.prefix}-edge-{number}")
        return address

    def permit(self, role: iam.Role, vpc: ec2.IVpc) -> None:
        """Let nodes take these addresses, for instances of this deployment alone."""
        stack = Stack.of(self)

        def arn(kind: str, name: str) -> str:
            return stack.format_arn(service="ec2", resource=kind, resource_name=name)

        action = "ec2:AssociateAddress"
        ours = [arn("elastic-ip", it) for it in self.allocation_ids]
        tagged = {"StringEquals": {f"aws:ResourceTag/{HOST_TAG}": self._settings.prefix}}
        inside = {"ArnEquals": {"ec2:Vpc": vpc.vpc_arn}}
        for actions, resources, conditions in (
            (["ec2:DescribeAddresses"], ["*"], None),
            ([action], ours, None),
            ([action], [arn("instance", "*")], tagged),
            ([action], [arn("network-interface", "*")], inside),
        ):
            role.add_to_policy(
                iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
            )
        # cdk-nag writes a reference as <AWS::Region>.
        anywhere = "arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>"
        accept(
            role,
            {
                "AwsSolutions-IAM5[Resource::*]": "DescribeAddresses knows no resources.",
                f"AwsSolutions-IAM5[Resource::{anywhere}:instance/*]": "Instances come and go; "
                "those of this deployment are told by their tag.",
                f"AwsSolutions-IAM5[Resource::{anywhere}:network-interface/*]": "As of instances, "
                "told by their VPC.",
            },
        )
