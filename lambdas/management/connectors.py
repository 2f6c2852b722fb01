"""Operations on voice connectors (API VC1-VC9)."""

from dataclasses import replace

from lambdas.management.arns import connector_arn
from lambdas.management.context import Context, existing
from lambdas.management.errors import Conflict, ResourceLimitExceeded
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.regions import checked_region
from lambdas.management.store import Changed
from lambdas.management.tags import tags_of
from lambdas.management.wire import Answer
from model.connector import Connector, connector_host
from model.settings import Settings

DEFAULT_NETWORK_TYPE = "IPV4_ONLY"


def create_voice_connector(context: Context, parameters: Parameters) -> Answer:
    """Create a connector; the quota counts those of its region (API VC4)."""
    region = checked_region(context.settings.api, parameters.optional_text("AwsRegion"))
    quota = context.settings.api.quotas.connectors
    connector = Connector(
        connector_id=context.ids.connector_id(),
        name=parameters.text("Name"),
        region=region,
        require_encryption=parameters.flag("RequireEncryption"),
        created_at=context.now,
        updated_at=context.now,
        network_type=parameters.optional_text("NetworkType") or DEFAULT_NETWORK_TYPE,
        integration_type=parameters.optional_text("IntegrationType"),
        tags=tags_of(parameters),
    )
    try:
        context.repository.connectors.create(connector, at_most=quota)
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
    with existing(connector.connector_id):
        written = context.repository.connectors.rename(connector)
    return {"VoiceConnector": _described(written, context.settings)}


def delete_voice_connector(context: Context, parameters: Parameters) -> Answer:
    """Delete a connector that neither numbers nor groups hold (API VC7)."""
    connector = context.connector(parameters.text("VoiceConnectorId"))
    try:
        context.repository.connectors.delete(connector)
    except Changed as error:
        # Deleted by somebody else meanwhile, or kept by what holds it.
        raise _held(context.connector(connector.connector_id)) from error
    return {}


def _held(connector: Connector) -> Conflict:
    connector_id = connector.connector_id
    if connector.associated_numbers == 0 and connector.group_memberships > 0:
        return Conflict(
            f"Voice Connector {connector_id} belongs to a group; remove it from there first",
            code="VoiceConnectorGroupAssociationsExist",
        )
    return Conflict(
        f"Phone numbers are associated with Voice Connector {connector_id}; "
        "disassociate them first",
        code="PhoneNumberAssociationsExist",
    )


def _position(connector: Connector) -> str:
    created = connector.created_at.isoformat(timespec="milliseconds")
    return f"{created} {connector.connector_id}"


def _described(connector: Connector, settings: Settings) -> Answer:
    connector_id = connector.connector_id
    return {
        "VoiceConnectorId": connector_id,
        "AwsRegion": connector.region,
        "Name": connector.name,
        "OutboundHostName": connector_host(connector_id, settings.domain),
        "RequireEncryption": connector.require_encryption,
        "CreatedTimestamp": connector.created_at,
        "UpdatedTimestamp": connector.updated_at,
        "VoiceConnectorArn": connector_arn(connector, settings),
        "IntegrationType": connector.integration_type,
        "NetworkType": connector.network_type,
    }
