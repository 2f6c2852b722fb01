"""Operations on origination: where a connector's inbound calls go (API OR1-OR7)."""

from lambdas.management.addresses import check_host
from lambdas.management.context import Context
from lambdas.management.emergency_calling import unless_emergency_calling
from lambdas.management.errors import BadRequest, NotFound
from lambdas.management.parameters import Parameters
from lambdas.management.wire import Answer
from model.connector import Origination, Protocol, Route

DEFAULT_PORT = 5060
DEFAULT_PRIORITY = 1
DEFAULT_WEIGHT = 1


def put_voice_connector_origination(context: Context, parameters: Parameters) -> Answer:
    """Replace a connector's routes."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    given = parameters.structure("Origination")
    if "Routes" not in given and "Disabled" not in given:
        raise BadRequest("Origination is empty; at least one of Routes and Disabled is required")
    most = context.settings.api.quotas.routes
    routes = given.structures("Routes")
    if len(routes) > most:
        raise BadRequest(f"Origination.Routes has {len(routes)} entries; at most {most} is allowed")
    default = Protocol.TCP if connector.require_encryption else Protocol.UDP
    private = context.settings.api.private_addresses
    origination = Origination(
        routes=tuple(
            _route(route, f"Origination.Routes[{index}]", default, private)
            for index, route in enumerate(routes)
        ),
        disabled=given.flag("Disabled"),
    )
    connectors, connector_id = context.repository.connectors, connector.connector_id
    with unless_emergency_calling(context, connector_id, "Origination cannot be disabled"):
        connectors.put_origination(connector_id, origination)
    return {"Origination": _described(origination)}


def get_voice_connector_origination(context: Context, parameters: Parameters) -> Answer:
    """Return the routes; 404 when there are none configured (API OR7)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    if connector.origination is None:
        raise NotFound(f"Voice Connector {connector.connector_id} has no origination")
    return {"Origination": _described(connector.origination)}


def delete_voice_connector_origination(context: Context, parameters: Parameters) -> Answer:
    """Remove the routes, configured or not; refused while emergency calling is (API V4, OR7)."""
    connector_id = parameters.text("VoiceConnectorId")
    with unless_emergency_calling(context, connector_id, "Origination cannot be deleted"):
        context.repository.connectors.remove_path(connector_id, "origination")
    return {}


def _route(given: Parameters, where: str, default: Protocol, private: bool) -> Route:
    host = given.optional_text("Host")
    if host is None:
        raise BadRequest(f"{where}.Host is missing; it is required")
    check_host(host, f"{where}.Host", private=private)
    protocol = given.optional_text("Protocol")
    return Route(
        host=host,
        port=given.whole("Port", DEFAULT_PORT),
        protocol=default if protocol is None else Protocol(protocol),
        priority=given.whole("Priority", DEFAULT_PRIORITY),
        weight=given.whole("Weight", DEFAULT_WEIGHT),
    )


def _described(origination: Origination) -> Answer:
    return {
        "Routes": [
            {
                "Host": route.host,
                "Port": route.port,
                "Protocol": route.protocol.value,
                "Priority": route.priority,
                "Weight": route.weight,
            }
            for route in origination.routes
        ],
        "Disabled": origination.disabled,
    }
