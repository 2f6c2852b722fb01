"""A web application firewall before the API's load balancer (`ovc:api_waf`).

Three rules, in this order: too many requests of one address, addresses that AWS knows as hostile,
and AWS's common rules. One of the last only counts, for what it refuses is ordinary here: bodies
above 8 KiB, such as an order of some 550 numbers. The function checks bodies itself, and a load
balancer takes none above 1 MB.

The log has what was refused and nothing else. A signature is no secret for long, but it need not be
read by whoever reads logs: the header with it is left out, and no samples of requests are taken,
for these would have it.
"""

import json

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.customer_key import FIREWALL_LOG, customer_key
from infra.log_retention import retention
from infra.settings import DeploymentSettings

WINDOW_S = 300
"""Over which requests of an address are counted."""
REPUTATION, COMMON = "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet"
ONLY_COUNTED = ("SizeRestrictions_BODY",)
"""Of the common rules."""
THROTTLED = "ThrottledClientException"
TOO_MANY = {"Code": "Throttled", "Message": "Too many requests from this address: ask later"}
"""An error of the API's own form (API E2, E3), so that clients wait and ask again."""


class ApiFirewall(Construct):
    """The rules, before one load balancer, and their log."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, balancer: str
    ) -> None:
        """Make it; `balancer` is the ARN of what it stands before."""
        super().__init__(scope, construct_id)
        self._settings = settings
        acl = waf.CfnWebACL(
            self,
            "Rules",
            name=f"{settings.prefix}-api",
            description="What may reach the Voice Connector API",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(
                allow=waf.CfnWebACL.AllowActionProperty()
            ),
            custom_response_bodies={
                "TooMany": waf.CfnWebACL.CustomResponseBodyProperty(
                    content=json.dumps(TOO_MANY), content_type="APPLICATION_JSON"
                )
            },
            rules=[
                self._rate_rule(),
                self._managed_rule(1, REPUTATION, ()),
                self._managed_rule(2, COMMON, ONLY_COUNTED),
            ],
            visibility_config=self._seen_as("Api"),
        )
        waf.CfnWebACLAssociation(self, "Before", resource_arn=balancer, web_acl_arn=acl.attr_arn)
        self._log(acl)

    def _rate_rule(self) -> waf.CfnWebACL.RuleProperty:
        block = waf.CfnWebACL.BlockActionProperty(
            custom_response=waf.CfnWebACL.CustomResponseProperty(
                response_code=429,
                response_headers=[
                    waf.CfnWebACL.CustomHTTPHeaderProperty(name="x-amzn-ErrorType", value=THROTTLED)
                ],
                custom_response_body_key="TooMany",
            )
        )
        return waf.CfnWebACL.RuleProperty(
            name="Rate",
            priority=0,
            statement=waf.CfnWebACL.StatementProperty(
                rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                    aggregate_key_type="IP",
                    limit=self._settings.api_waf,
                    evaluation_window_sec=WINDOW_S,
                )
            ),
            action=waf.CfnWebACL.RuleActionProperty(block=block),
            visibility_config=self._seen_as("Rate"),
        )

    def _managed_rule(
        self, priority: int, name: str, counted: tuple[str, ...]
    ) -> waf.CfnWebACL.RuleProperty:
        count = waf.CfnWebACL.RuleActionProperty(count=waf.CfnWebACL.CountActionProperty())
        return waf.CfnWebACL.RuleProperty(
            name=name,
            priority=priority,
            statement=waf.CfnWebACL.StatementProperty(
                managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS",
                    name=name,
                    rule_action_overrides=[
                        waf.CfnWebACL.RuleActionOverrideProperty(name=it, action_to_use=count)
                        for it in counted
                    ]
                    or None,
                )
            ),
            override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
            visibility_config=self._seen_as(name),
        )

    def _seen_as(self, name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
        return waf.CfnWebACL.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True,
            metric_name=f"{self._settings.prefix}-{name}",
            sampled_requests_enabled=False,
        )

    def _log(self, acl: waf.CfnWebACL) -> None:
        name = f"{FIREWALL_LOG}{self._settings.prefix}-api"
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=name,
            retention=retention(self._settings),
            encryption_key=customer_key(self, self._settings),
            removal_policy=RemovalPolicy.DESTROY,
        )
        # The group's own attribute ends with ":*", which AWS WAF does not take.
        arn = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        written = waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[arn],
            redacted_fields=[
                waf.CfnLoggingConfiguration.FieldToMatchProperty(
                    single_header={"Name": "authorization"}
                )
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
                    }
                ],
            },
        )
        written.node.add_dependency(group)
