"""The load balancer in front of the management function (A2).

It serves one name. What asks for another, as whoever scans addresses does, is answered by the
balancer itself: it reaches no function and costs none. Clients sign the name they ask for, which
therefore has to arrive as they sent it. There are no health checks, for each would be an invocation
and a failing function has no deputy.
"""

from aws_cdk import ArnFormat, Aws, Duration, Stack
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.front_network import HTTPS_PORT, FrontNetwork
from infra.log_bucket import API_LOGS
from infra.management_function import TIMEOUT_S
from infra.names import balancer_parameter_name, log_bucket_parameter_name
from infra.parameters import read_parameter
from infra.python_function import function_name
from infra.settings import DeploymentSettings

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.3 and 1.2, with forward secrecy and authenticated ciphers alone."""
IDLE_TIMEOUT_S = TIMEOUT_S + 10
"""The function answers, or gives up, before the balancer does."""


class ApiBalancer(Construct):
    """HTTPS on one name, with the function for its target."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DeploymentSettings,
        network: FrontNetwork,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.balancer = self._balancer(network)
        self._listen(self._target())
        ssm.StringParameter(
            self,
            "MetricsName",
            parameter_name=balancer_parameter_name(settings),
            description="What metrics call the load balancer of the API",
            string_value=self.balancer.load_balancer_full_name,
        )

    def _balancer(self, network: FrontNetwork) -> elb.ApplicationLoadBalancer:
        made = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            internet_facing=True,
            security_group=network.group,
            # Others may have its name in their zones; another balancer has another name.
            deletion_protection=True,
            desync_mitigation_mode=elb.DesyncMitigationMode.DEFENSIVE,
            drop_invalid_header_fields=True,
            preserve_host_header=True,
            idle_timeout=Duration.seconds(IDLE_TIMEOUT_S),
        )
        logs = log_bucket_parameter_name(self._settings)
        made.set_attribute("access_logs.s3.enabled", "true")
        made.set_attribute("access_logs.s3.bucket", read_parameter(self, "LogBucket", logs))
        made.set_attribute("access_logs.s3.prefix", API_LOGS)
        return made

    def _target(self) -> elb.CfnTargetGroup:
        stack, name = Stack.of(self), f"{self._settings.prefix}-api"
        function = stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=function_name(self, self._settings, "management"),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        permission = lambda_.CfnPermission(
            self,
            "Invoke",
            action="lambda:InvokeFunction",
            function_name=function,
            principal="elasticloadbalancing.amazonaws.com",
            source_account=Aws.ACCOUNT_ID,
            # The group takes the function only when it may call it: its ARN ends with what is not
            # known by then.
            source_arn=stack.format_arn(
                service="elasticloadbalancing",
                resource="targetgroup",
                resource_name=f"{name}/*",
            ),
        )
        group = elb.CfnTargetGroup(
            self,
            "Target",
            name=name,
            target_type="lambda",
            targets=[elb.CfnTargetGroup.TargetDescriptionProperty(id=function)],
            target_group_attributes=[
                # Without it only the last of a repeated header or parameter would arrive, and no
                # signature over them would fit.
                elb.CfnTargetGroup.TargetGroupAttributeProperty(
                    key="lambda.multi_value_headers.enabled", value="true"
                )
            ],
        )
        group.add_resource_dependency(permission)
        return group

    def _listen(self, target: elb.CfnTargetGroup) -> None:
        listener = elb.CfnListener(
            self,
            "Https",
            load_balancer_arn=self.balancer.load_balancer_arn,
            port=HTTPS_PORT,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificates=[
                elb.CfnListener.CertificateProperty(certificate_arn=self._settings.api_certificate)
            ],
            default_actions=[
                elb.CfnListener.ActionProperty(
                    type="fixed-response",
                    fixed_response_config=elb.CfnListener.FixedResponseConfigProperty(
                        status_code="404", content_type="text/plain", message_body="Not here"
                    ),
                )
            ],
        )
        elb.CfnListenerRule(
            self,
            "OwnDomain",
            listener_arn=listener.ref,
            priority=1,
            conditions=[
                elb.CfnListenerRule.RuleConditionProperty(
                    field="host-header",
                    host_header_config=elb.CfnListenerRule.HostHeaderConfigProperty(
                        values=[self._settings.api_domain]
                    ),
                )
            ],
            actions=[
                elb.CfnListenerRule.ActionProperty(type="forward", target_group_arn=target.ref)
            ],
        )
