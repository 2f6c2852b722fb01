"""Operations on the products that a connector is used with: kept, and shown again (API ES1)."""

from lambdas.management.context import Context, existing
from lambdas.management.errors import NotFound
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer
from model.configurations import ExternalSystems


def put_voice_connector_external_systems_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Replace both lists; what is named twice is kept once."""
    connector_id = parameters.text("VoiceConnectorId")
    systems = ExternalSystems(
        session_border_controllers=_distinct(parameters.texts("SessionBorderControllerTypes")),
        contact_centers=_distinct(parameters.texts("ContactCenterSystemTypes")),
    )
    with existing(connector_id):
        context.repository.connectors.put_external_systems(connector_id, systems)
    return {"ExternalSystemsConfiguration": _described(systems)}


def get_voice_connector_external_systems_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Return both lists; 404 when they were never put."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    if connector.external_systems is None:
        raise NotFound(f"Voice Connector {connector.connector_id} has no external systems")
    return {"ExternalSystemsConfiguration": _described(connector.external_systems)}


def delete_voice_connector_external_systems_configuration(
    context: Context, parameters: Parameters
) -> Answer:
    """Remove both lists, if there are any (API V4)."""
    connector_id = parameters.text("VoiceConnectorId")
    with existing(connector_id):
        context.repository.connectors.remove(connector_id, "external_systems")
    return {}


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _described(systems: ExternalSystems) -> Answer:
    return {
        "SessionBorderControllerTypes": systems.session_border_controllers,
        "ContactCenterSystemTypes": systems.contact_centers,
    }
