"""The edge's own network: public subnets only, because peers reach every task directly (A11)."""

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.findings import accept
from infra.setting_checks import MOST_ZONES
from infra.settings import DeploymentSettings

SIP_PORT = 5_060
SIPS_PORT = 5_061
"""Of SIP over TLS."""


class Network(Construct):
    """A VPC without NAT gateways, and the security group of the edge's tasks."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.vpc_cidr),
            # The region's first ones, by CloudFormation: looking them up would tie the template to
            # an account.
            availability_zones=[Fn.select(it, Fn.get_azs()) for it in range(settings.zones)],
            # Room for the others: with a zone more, the subnets that are there stay as they are.
            reserved_azs=MOST_ZONES - settings.zones,
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Edge",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    # The tasks ask for their addresses; nothing else is to get one by chance.
                    map_public_ip_on_launch=False,
                )
            ],
            # It would take a custom resource; nothing is ever put into that group.
            restrict_default_security_group=False,
        )
        accept(
            self.vpc,
            {
                "AwsSolutions-VPC7": "Every call is a flow or four: the edge's own records and log "
                "tell more for less. Flow logs can be switched on for an investigation."
            },
        )
        # Free, and the way to records and tables does not lead over the internet.
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.vpc.add_gateway_endpoint("DynamoDb", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        media = settings.operator.media
        media_ports = ec2.Port.udp_range(media.first_port, media.last_port)
        self.edge_group = self._edge_group(media_ports, with_tls=bool(settings.tls_secret))

    def _edge_group(self, media_ports: ec2.Port, *, with_tls: bool) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "EdgeGroup",
            vpc=self.vpc,
            description="SIP and RTP of the Voice Connector edge",
            allow_all_outbound=False,
        )
        anywhere = ec2.Peer.any_ipv4()
        group.add_ingress_rule(anywhere, ec2.Port.udp(SIP_PORT), "SIP")
        group.add_ingress_rule(anywhere, ec2.Port.tcp(SIP_PORT), "SIP over TCP")
        if with_tls:
            group.add_ingress_rule(anywhere, ec2.Port.tcp(SIPS_PORT), "SIP over TLS")
        group.add_ingress_rule(anywhere, media_ports, "RTP and RTCP")
        # With all ports open to the outside, what comes in at open ports is not tracked: no table
        # of flows can run full. A PBX's route may name any port (API OR2).
        group.add_egress_rule(anywhere, ec2.Port.all_udp(), "SIP, RTP and RTCP to any port")
        group.add_egress_rule(anywhere, ec2.Port.all_tcp(), "SIP to any port, AWS APIs")
        accept(
            group,
            {
                "AwsSolutions-EC23": "Peers are anywhere; who they are says the API's allow list, "
                "not a stack. The edge meets strangers with silence (EDGE S2, R7).",
                "CloudFormation-Validate::W2508": "Most of what is open is UDP; TCP "
                "on the port of SIP is what peers speak.",
            },
        )
        return group
