"""Operations on groups of connectors (API VG1-VG6)."""

from dataclasses import replace

from lambdas.management.arns import group_arn
from lambdas.management.context import Context
from lambdas.management.errors import BadRequest, Conflict, ResourceLimitExceeded
from lambdas.management.paging import Pager
from lambdas.management.parameters import Parameters
from lambdas.management.store import CONFLICT_ATTEMPTS, Changed
from lambdas.management.wire import Answer
from model.connector_group import ConnectorGroup, Distribution, GroupMember
from model.settings import Settings

DEFAULT_PRIORITY = 1

DISTRIBUTIONS = {
    "PriorityWeightedDistribution": Distribution.PRIORITY_WEIGHTED,
    "LoadBalancedDistribution": Distribution.LOAD_BALANCED,
}
_DISTRIBUTION_NAMES = {distribution: name for name, distribution in DISTRIBUTIONS.items()}


def create_voice_connector_group(context: Context, parameters: Parameters) -> Answer:
    """Create a group; with or without connectors (API VG2)."""
    group = ConnectorGroup(
        group_id=context.ids.group_id(),
        name=parameters.text("Name"),
        members=_checked_members(context, parameters),
        distribution=_distribution(parameters, Distribution.PRIORITY_WEIGHTED),
        created_at=context.now,
        updated_at=context.now,
    )
    quota = context.settings.api.quotas.groups
    try:
        context.repository.groups.create(group, at_most=quota)
    except Changed as error:
        # One of the connectors has gone meanwhile, or there is no room.
        _check_connectors(context, group.members)
        message = f"There are {quota} Voice Connector groups already, which is the quota"
        raise ResourceLimitExceeded(message) from error
    return {"VoiceConnectorGroup": _described(group, context.settings)}


def get_voice_connector_group(context: Context, parameters: Parameters) -> Answer:
    """Return one group."""
    group = context.group(parameters.text("VoiceConnectorGroupId"))
    return {"VoiceConnectorGroup": _described(group, context.settings)}


def list_voice_connector_groups(context: Context, parameters: Parameters) -> Answer:
    """Return the groups in order of creation (API V3)."""
    pager = Pager("groups", parameters, context.tokens)
    found = context.repository.groups.all(after=pager.after, batch=pager.size + 1)
    page, token = pager.page(found, lambda group: group.group_id)
    groups = [_described(group, context.settings) for group in page]
    return {"VoiceConnectorGroups": groups, "NextToken": token}


def update_voice_connector_group(context: Context, parameters: Parameters) -> Answer:
    """Replace name and connectors (API VG3).

    The distribution stays unless one is given: clients of the older model know nothing of it.
    """
    group_id = parameters.text("VoiceConnectorGroupId")
    for _ in range(CONFLICT_ATTEMPTS):
        seen = context.group(group_id)
        changed = replace(
            seen,
            name=parameters.text("Name"),
            members=_checked_members(context, parameters),
            distribution=_distribution(parameters, seen.distribution),
            updated_at=context.now,
        )
        try:
            context.repository.groups.replace(seen, changed)
        except Changed:
            # Somebody else changed the group or deleted a connector since they were read.
            continue
        return {"VoiceConnectorGroup": _described(changed, context.settings)}
    raise Conflict("Other changes of the Voice Connector group stand in the way; try again")


def delete_voice_connector_group(context: Context, parameters: Parameters) -> Answer:
    """Delete a group that neither connectors nor numbers are left in (API VG4)."""
    group_id = context.group(parameters.text("VoiceConnectorGroupId")).group_id
    try:
        context.repository.groups.delete(group_id)
    except Changed as error:
        # Deleted by somebody else meanwhile, or kept by what is in it.
        raise _held(context.group(group_id)) from error
    return {}


def _held(group: ConnectorGroup) -> Conflict:
    if group.associated_numbers > 0 and not group.members:
        return Conflict(
            f"Phone numbers are associated with Voice Connector group {group.group_id}; "
            "disassociate them first",
            code="PhoneNumberAssociationsExist",
        )
    return Conflict(
        f"Voice Connectors belong to Voice Connector group {group.group_id}; remove them first",
        code="VoiceConnectorGroupAssociationsExist",
    )


def _checked_members(context: Context, parameters: Parameters) -> tuple[GroupMember, ...]:
    given = parameters.structures("VoiceConnectorItems")
    most = context.settings.api.quotas.connectors_per_group
    if len(given) > most:
        raise BadRequest(f"VoiceConnectorItems has {len(given)} entries; at most {most} is allowed")
    members = tuple(
        GroupMember(
            connector_id=item.text("VoiceConnectorId"),
            priority=item.whole("Priority", DEFAULT_PRIORITY),
        )
        for item in given
    )
    if len({member.connector_id for member in members}) < len(members):
        raise BadRequest("VoiceConnectorItems holds a Voice Connector twice; each may occur once")
    _check_connectors(context, members)
    return members


def _check_connectors(context: Context, members: tuple[GroupMember, ...]) -> None:
    for member in members:
        context.connector(member.connector_id)


def _distribution(parameters: Parameters, default: Distribution) -> Distribution:
    name = parameters.optional_text("CallDistributionType")
    return default if name is None else DISTRIBUTIONS[name]


def _described(group: ConnectorGroup, settings: Settings) -> Answer:
    return {
        "VoiceConnectorGroupId": group.group_id,
        "Name": group.name,
        "VoiceConnectorItems": [
            {"VoiceConnectorId": member.connector_id, "Priority": member.priority}
            for member in group.members
        ],
        "CreatedTimestamp": group.created_at,
        "UpdatedTimestamp": group.updated_at,
        "VoiceConnectorGroupArn": group_arn(group.group_id, settings),
        "CallDistributionType": _DISTRIBUTION_NAMES[group.distribution],
    }
