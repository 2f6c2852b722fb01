"""The API under a domain of the operator's own (`ovc:api_domain`)."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.api_balancer import ApiBalancer
from infra.api_firewall import ApiFirewall
from infra.front_network import FrontNetwork
from infra.settings import DeploymentSettings


class FrontStack(Stack):
    """A load balancer before the management function, with a firewall before it if it is wanted."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-front",
            description="Open Voice Connector: own domain of the management API",
            analytics_reporting=False,
        )
        network = FrontNetwork(self, "Network")
        made = ApiBalancer(self, "Api", settings=settings, network=network).balancer
        if settings.api_waf:
            ApiFirewall(self, "Firewall", settings=settings, balancer=made.load_balancer_arn)
        if is_in_zone(settings):
            zone = route53.HostedZone.from_hosted_zone_attributes(
                self,
                "Zone",
                hosted_zone_id=settings.hosted_zone_id,
                zone_name=settings.operator.domain,
            )
            route53.ARecord(
                self,
                "Alias",
                zone=zone,
                record_name=f"{settings.api_domain}.",
                target=route53.RecordTarget.from_alias(targets.LoadBalancerTarget(made)),
            )
        CfnOutput(
            self,
            "ApiTarget",
            value=made.load_balancer_dns_name,
            description=f"Where {settings.api_domain} leads, an alias or a CNAME",
        )


def is_in_zone(settings: DeploymentSettings) -> bool:
    """Tell whether the own domain is surely in the hosted zone of the deployment.

    The zone holds the connectors' domain, so what is below that is in it. Of other names nobody
    here knows, for the zone is not looked up: their records are the operator's.
    """
    name, domain = settings.api_domain, settings.operator.domain
    return bool(settings.hosted_zone_id) and name.endswith(f".{domain}")
