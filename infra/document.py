"""The settings document (model/settings.py) as a deployment hands it to its parts."""

from collections.abc import Collection

from aws_cdk import Aws, Stack

from infra.settings import DeploymentSettings


def settings_document(
    stack: Stack, settings: DeploymentSettings, sections: Collection[str] | None = None
) -> str:
    """Return OVC_SETTINGS: the deployment's document, with the account and region it runs in.

    `sections` leaves out what a part does not read; None keeps everything.
    """
    chosen = {
        name: value
        for name, value in settings.document.items()
        if sections is None or name in sections
    }
    return stack.to_json_string(chosen | {"account_id": Aws.ACCOUNT_ID, "region": Aws.REGION})
