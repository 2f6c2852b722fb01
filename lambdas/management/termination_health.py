"""The operation on termination health: the last good OPTIONS ping that the edge saw (API TH1)."""

from lambdas.management.context import Context
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer


def get_voice_connector_termination_health(context: Context, parameters: Parameters) -> Answer:
    """Return time and source address of the last ping; nothing of either when there was none."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    health = context.repository.nodes.health(connector.connector_id)
    if health is None:
        return {"TerminationHealth": {}}
    return {"TerminationHealth": {"Timestamp": health.at, "Source": health.source}}
