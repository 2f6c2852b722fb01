"""Operations on global settings: the bucket of the call detail records (API GS1, GS2)."""

from lambdas.management.context import Context
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer


def get_global_settings(context: Context, parameters: Parameters) -> Answer:
    """Return the settings; the member VoiceConnector is always there."""
    return {"VoiceConnector": {"CdrBucket": context.repository.configuration.cdr_bucket()}}


def update_global_settings(context: Context, parameters: Parameters) -> Answer:
    """Replace the settings: an empty VoiceConnector clears, an absent one changes nothing."""
    if "VoiceConnector" in parameters:
        bucket = parameters.structure("VoiceConnector").optional_text("CdrBucket")
        context.repository.configuration.set_cdr_bucket(bucket)
    return {}
