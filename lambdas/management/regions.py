"""The AWS regions that connectors may name; to the edge they are only a label (API RG1, VC4)."""

from lambdas.management.context import Context
from lambdas.management.errors import BadRequest
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer
from model.settings import ApiSettings

DEFAULT_REGION = "us-east-1"


def list_available_voice_connector_regions(context: Context, parameters: Parameters) -> Answer:
    """Return the regions of the settings, in their order."""
    return {"VoiceConnectorRegions": context.settings.api.regions}


def checked_region(settings: ApiSettings, wanted: str | None) -> str:
    """Return a new connector's region; the first one when the usual default is not offered."""
    if wanted is None:
        return DEFAULT_REGION if DEFAULT_REGION in settings.regions else settings.regions[0]
    if wanted not in settings.regions:
        choices = ", ".join(settings.regions)
        raise BadRequest(f"AwsRegion is {wanted!r}; one of {choices} is wanted")
    return wanted
