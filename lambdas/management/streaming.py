"""Operations on a connector's media streaming configuration (API SC1, SC2)."""

from lambdas.management.context import Context, existing
from lambdas.management.errors import BadRequest, NotFound
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer
from model.configurations import MediaInsights, Streaming


def put_voice_connector_streaming_configuration(context: Context, parameters: Parameters) -> Answer:
    """Replace the configuration; it is answered as it was given."""
    connector_id = parameters.text("VoiceConnectorId")
    streaming = _streaming(parameters.structure("StreamingConfiguration"))
    with existing(connector_id):
        context.repository.connectors.put_streaming(connector_id, streaming)
    return {"StreamingConfiguration": _described(streaming)}


def get_voice_connector_streaming_configuration(context: Context, parameters: Parameters) -> Answer:
    """Return the configuration; 404 when there is none (API SC2)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    if connector.streaming is None:
        raise NotFound(f"Voice Connector {connector.connector_id} has no streaming configuration")
    return {"StreamingConfiguration": _described(connector.streaming)}


def delete_voice_connector_streaming_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Remove the configuration, if there is one (API V4)."""
    connector_id = parameters.text("VoiceConnectorId")
    with existing(connector_id):
        context.repository.connectors.remove(connector_id, "streaming")
    return {}


def _streaming(given: Parameters) -> Streaming:
    return Streaming(
        data_retention_hours=given.whole("DataRetentionInHours", 0),
        disabled=given.flag("Disabled"),
        notification_targets=tuple(
            _target(entry, f"StreamingConfiguration.StreamingNotificationTargets[{n}]")
            for n, entry in enumerate(given.structures("StreamingNotificationTargets"))
        ),
        media_insights=_media_insights(given),
    )


def _target(given: Parameters, where: str) -> str:
    target = given.optional_text("NotificationTarget")
    if target is None:
        raise BadRequest(f"{where}.NotificationTarget is missing; it is required")
    return target


def _media_insights(given: Parameters) -> MediaInsights | None:
    if "MediaInsightsConfiguration" not in given:
        return None
    insights = given.structure("MediaInsightsConfiguration")
    return MediaInsights(
        disabled=insights.flag("Disabled") if "Disabled" in insights else None,
        configuration_arn=insights.optional_text("ConfigurationArn"),
    )


def _described(streaming: Streaming) -> Answer:
    insights = streaming.media_insights
    targets: Answer = [{"NotificationTarget": it} for it in streaming.notification_targets]
    return {
        "DataRetentionInHours": streaming.data_retention_hours,
        "Disabled": streaming.disabled,
        "StreamingNotificationTargets": targets or None,
        "MediaInsightsConfiguration": None
        if insights is None
        else {"Disabled": insights.disabled, "ConfigurationArn": insights.configuration_arn},
    }
