"""The secret that holds the API's access keys (A2)."""

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.customer_key import customer_key
from infra.findings import accept
from infra.settings import DeploymentSettings
from model.tables import access_keys_secret_name

NOBODY = "{}"
"""No key: a fresh API refuses everybody. While this stays as it is, CloudFormation does not write
the secret a second time."""


class AccessKeys(Construct):
    """Made without a key; `ovc keys` writes them, no template ever holds one."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            secret_name=access_keys_secret_name(settings.prefix),
            description="Access keys of the Voice Connector API: id -> secret, active",
            secret_string_value=SecretValue.unsafe_plain_text(NOBODY),
            encryption_key=customer_key(self, settings),
            removal_policy=RemovalPolicy.RETAIN,
        )
        accept(
            self.secret,
            {
                "AwsSolutions-SMG4": "Keys are handed out to people and pipelines: they change "
                "when a second key has been spread and the first is made inactive, not by a clock."
            },
        )
