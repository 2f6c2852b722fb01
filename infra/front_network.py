"""Where the API's load balancer stands: a VPC of its own, for it alone.

The edge's is of another stack, and what one stack exports holds back its updates (infra/names.py).
Nothing but the balancer is in this one, it is peered with nothing, and costs nothing: the balancer
calls the function through Lambda's API, not over a network.
"""

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.findings import accept

CIDR = "10.255.255.0/26"
"""Two subnets of the least size that a load balancer takes, /27."""
HTTPS_PORT = 443


class FrontNetwork(Construct):
    """Two public subnets, and the security group of the balancer."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(CIDR),
            availability_zones=[Fn.select(it, Fn.get_azs()) for it in range(2)],
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Front",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=27,
                    map_public_ip_on_launch=False,
                )
            ],
            # It would take a custom resource; nothing is ever put into that group.
            restrict_default_security_group=False,
        )
        accept(
            self.vpc,
            {
                "AwsSolutions-VPC7": "The balancer's access log has each request with its sender; "
                "what else arrives, its security group has turned away."
            },
        )
        self.group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=self.vpc,
            description="HTTPS of the Voice Connector API",
            # The function is called by none of these ways.
            allow_all_outbound=False,
        )
        anywhere, https = ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS_PORT)
        # No port 80: a redirect would come after a client has sent its request in clear.
        self.group.add_ingress_rule(anywhere, https, "HTTPS")
        accept(
            self.group,
            {
                "AwsSolutions-EC23": "Clients of the API are anywhere; each request is signed, and "
                "the function verifies it."
            },
        )
