"""DNS records of the edge, and who of its nodes is to drain."""

from aws_cdk import Stack
from constructs import Construct

from infra.edge_dns_function import EdgeDnsFunction
from infra.settings import DeploymentSettings


class DnsStack(Stack):
    """The function that tells nodes to drain, without which no protected task would ever be
    replaced (A11), and keeps their records; the zone is the operator's, and is not looked up."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-dns",
            description="Open Voice Connector: DNS records of the edge, and who drains",
            analytics_reporting=False,
        )
        EdgeDnsFunction(self, "EdgeDns", settings=settings)
