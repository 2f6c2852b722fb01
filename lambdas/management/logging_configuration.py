"""Operations on a connector's logging configuration (API LG1)."""

from lambdas.management.context import Context, existing
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer
from model.configurations import Logging


def get_voice_connector_logging_configuration(context: Context, parameters: Parameters) -> Answer:
    """Return which logs are written; never not found on an existing connector."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    return {"LoggingConfiguration": _described(connector.logging)}


def put_voice_connector_logging_configuration(context: Context, parameters: Parameters) -> Answer:
    """Replace the configuration; a missing member is false."""
    connector_id = parameters.text("VoiceConnectorId")
    given = parameters.structure("LoggingConfiguration")
    logging = Logging(
        sip_messages=given.flag("EnableSIPLogs"),
        media_metrics=given.flag("EnableMediaMetricLogs"),
    )
    with existing(connector_id):
        context.repository.connectors.put_logging(connector_id, logging)
    return {"LoggingConfiguration": _described(logging)}


def _described(logging: Logging) -> Answer:
    return {"EnableSIPLogs": logging.sip_messages, "EnableMediaMetricLogs": logging.media_metrics}
