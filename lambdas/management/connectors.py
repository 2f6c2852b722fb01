"""Operations on voice connectors (API VC1-VC9)."""

from dataclasses import replace

from lambdas.management.context import Context, unknown_connector
from lambdas.management.errors import BadRequest, Conflict, ResourceLimitExceeded
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.store import Changed
from lambdas.management.wire import Answer
from model.connector import Connector, connector_host
from model.settings import Settings

DEFAULT_REGION = "us-east-1"
DEFAULT_NETWORK_TYPE = "IPV4_ONLY"


def create_voice_connector(context: Context, parameters: Parameters) -> Answer:
    """Create a connector; the quota counts those of its region (API VC4)."""
    region = parameters.optional_text("AwsRegion") or DEFAULT_REGION
    quota = context.settings.api.quotas.connectors
    tags = _tags(parameters)
    connector = Connector(
        connector_id=context.ids.connector_id(),
        name=parameters.text("Name"),
        region=region,
        require_encryption=parameters.flag("RequireEncryption"),
        created_at=context.now,
        updated_at=context.now,
        network_type=parameters.optional_text("NetworkType") or DEFAULT_NETWORK_TYPE,
        integration_type=parameters.optional_text("IntegrationType"),
    )
    try:
        context.repository.connectors.create(connector, tags, at_most=quota)
    except Changed as error:
        message = f"Region {region} has {quota} Voice Connectors already, which is its quota"
        raise ResourceLimitExceeded(message) from error
    return {"VoiceConnector": _described(connector, context.settings)}


def get_voice_connector(context: Context, parameters: Parameters) -> Answer:
    """Return one connector."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    return {"VoiceConnector": _described(connector, context.settings)}


def list_voice_connectors(context: Context, parameters: Parameters) -> Answer:
    """Return the connectors of all regions in order of creation (API VC9, V3)."""
    pager = Pager("connectors", parameters, context.tokens)
    behind = [it for it in context.repository.connectors.all() if _position(it) > pager.after]
    page, token = pager.page(behind, _position)
    return {
        "VoiceConnectors": [_described(connector, context.settings) for connector in page],
        "NextToken": token,
    }


def update_voice_connector(context: Context, parameters: Parameters) -> Answer:
    """Replace name and encryption (API VC8)."""
    connector = replace(
        context.connector(parameters.text("VoiceConnectorId")),
        name=parameters.text("Name"),
        require_encryption=parameters.flag("RequireEncryption"),
        updated_at=context.now,
    )
    try:
        written = context.repository.connectors.rename(connector)
    except Changed as error:
        raise unknown_connector(connector.connector_id) from error
    return {"VoiceConnector": _described(written, context.settings)}


def delete_voice_connector(context: Context, parameters: Parameters) -> Answer:
    """Delete a connector that no number is associated with (API VC7)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    connector_id = connector.connector_id
    try:
        context.repository.connectors.delete(connector)
    except Changed as error:
        # Deleted by somebody else meanwhile, or kept by its numbers.
        context.connector(connector_id)
        raise Conflict(
            f"Phone numbers are associated with Voice Connector {connector_id}; "
            "disassociate them first",
            code="PhoneNumberAssociationsExist",
        ) from error
    return {}


def _tags(parameters: Parameters) -> dict[str, str]:
    entries = [(tag.text("Key"), tag.text("Value")) for tag in parameters.structures("Tags")]
    tags = dict(entries)
    if len(tags) < len(entries):
        raise BadRequest("Tags holds a Key twice; each key may occur once")
    return tags


def _position(connector: Connector) -> str:
    created = connector.created_at.isoformat(timespec="milliseconds")
    return f"{created} {connector.connector_id}"


def _described(connector: Connector, settings: Settings) -> Answer:
    connector_id, region = connector.connector_id, connector.region
    return {
        "VoiceConnectorId": connector_id,
        "AwsRegion": region,
        "Name": connector.name,
        "OutboundHostName": connector_host(connector_id, settings.domain),
        "RequireEncryption": connector.require_encryption,
        "CreatedTimestamp": connector.created_at,
        "UpdatedTimestamp": connector.updated_at,
        "VoiceConnectorArn": f"arn:aws:chime:{region}:{settings.account_id}:vc/{connector_id}",
        "IntegrationType": connector.integration_type,
        "NetworkType": connector.network_type,
    }
