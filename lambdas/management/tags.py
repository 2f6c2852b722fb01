"""Operations on tags, which connectors have (API TG1)."""

from lambdas.management.arns import connector_name
from lambdas.management.context import Context, existing
from lambdas.management.errors import BadRequest, ResourceLimitExceeded, ServiceUnavailable
from lambdas.management.parameters import Parameters
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed
from lambdas.management.wire import Answer
from model.connector import Connector

MOST_TAGS = 50
"""Of one resource."""


def list_tags_for_resource(context: Context, parameters: Parameters) -> Answer:
    """Return a connector's tags, in order of their keys; `[]` when there are none."""
    connector = _resource(context, parameters)
    return {"Tags": [{"Key": name, "Value": value} for name, value in connector.tags.items()]}


def tag_resource(context: Context, parameters: Parameters) -> Answer:
    """Add tags or replace their values, all of them or none."""
    tags = tags_of(parameters)
    for _ in range(CONFLICT_ATTEMPTS):
        connector = _resource(context, parameters)
        _check_room(connector, tags)
        try:
            context.repository.connectors.put_tags(connector, tags, at_most=MOST_TAGS)
        except Changed:
            # Somebody else changed the tags between the read and the write.
            continue
        return {}
    raise ServiceUnavailable("Other changes of the tags stand in the way; try again")


def untag_resource(context: Context, parameters: Parameters) -> Answer:
    """Remove tags; unknown keys are ignored."""
    connector = _resource(context, parameters)
    unwanted = set(parameters.texts("TagKeys"))
    known = [name for name in connector.tags if name in unwanted]
    if known:
        with existing(connector.connector_id):
            context.repository.connectors.delete_tags(connector.connector_id, known)
    return {}


def tags_of(parameters: Parameters) -> dict[str, str]:
    """Return the tags of a request; raises BadRequest when a key occurs twice."""
    entries = [(tag.text("Key"), tag.text("Value")) for tag in parameters.structures("Tags")]
    tags = dict(entries)
    if len(tags) < len(entries):
        raise BadRequest("Tags holds a Key twice; each key may occur once")
    return tags


def _resource(context: Context, parameters: Parameters) -> Connector:
    """Return the connector that is meant; raises BadRequest for what can be none of ours."""
    name = connector_name(parameters.text("ResourceARN"), context.settings)
    if name is None:
        raise _invalid_resource()
    connector = context.connector(name.connector_id)
    if connector.region != name.region:
        raise _invalid_resource()
    return connector


def _invalid_resource() -> BadRequest:
    return BadRequest(
        "Invalid resource: ResourceARN is not the ARN of a Voice Connector of this account"
    )


def _check_room(connector: Connector, tags: dict[str, str]) -> None:
    count = len({*connector.tags, *tags})
    if tags and count > MOST_TAGS:
        raise ResourceLimitExceeded(
            f"Tags would bring the Voice Connector to {count} tags; at most {MOST_TAGS} is allowed"
        )
