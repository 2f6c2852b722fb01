"""The management API."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.access_keys import AccessKeys
from infra.call_reaper_function import CallReaperFunction
from infra.config_feed_function import ConfigFeedFunction
from infra.management_function import ManagementFunction
from infra.number_orders_function import NumberOrdersFunction
from infra.settings import DeploymentSettings


class ApiStack(Stack):
    """The API's function, its URL and its access keys, and the functions behind it."""

    def __init__(self, scope: Construct, *, settings: DeploymentSettings) -> None:
        super().__init__(
            scope,
            f"{settings.prefix}-api",
            description="Open Voice Connector: management API",
            analytics_reporting=False,
        )
        keys = AccessKeys(self, "AccessKeys", settings=settings)
        api = ManagementFunction(self, "Management", settings=settings, access_keys=keys.secret)
        NumberOrdersFunction(self, "NumberOrders", settings=settings)
        ConfigFeedFunction(self, "ConfigFeed", settings=settings)
        reaper = CallReaperFunction(self, "CallReaper", settings=settings)
        CfnOutput(
            self,
            "CallReaperRoleArn",
            value=reaper.role.role_arn,
            description="What the policy of a bucket of your own lets read and write records",
        )
        CfnOutput(self, "ApiUrl", value=api.url, description="endpoint_url of clients")
