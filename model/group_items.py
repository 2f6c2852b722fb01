"""A group as an item of the table of connectors (A4; model/tables.py has the keys)."""

from collections.abc import Iterable

from model.codec import Item, Plain, mapping, moment, moment_text, sequence, string, whole
from model.connector_group import ConnectorGroup, Distribution, GroupMember
from model.tables import GROUP, PARTITION_KEY, SORT_KEY


def member_list(members: Iterable[GroupMember]) -> list[Plain]:
    """Return the attribute `connectors` of a group's item."""
    return [{"connector_id": it.connector_id, "priority": it.priority} for it in members]


def group_members(group: ConnectorGroup) -> dict[str, Plain]:
    """Return a group's whole item, keys included, as it is first written."""
    return {
        PARTITION_KEY: GROUP,
        SORT_KEY: group.group_id,
        "name": group.name,
        "connectors": member_list(group.members),
        "distribution": group.distribution.value,
        "created_at": moment_text(group.created_at),
        "updated_at": moment_text(group.updated_at),
        "associated_numbers": group.associated_numbers,
    }


def group_from(item: Item) -> ConnectorGroup:
    """Return the group of an item; raises KeyError or ValueError for a damaged one."""
    return ConnectorGroup(
        group_id=string(item[SORT_KEY]),
        name=string(item["name"]),
        members=tuple(_member(mapping(entry)) for entry in sequence(item["connectors"])),
        distribution=Distribution(string(item["distribution"])),
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
        associated_numbers=whole(item["associated_numbers"]),
    )


def _member(members: Item) -> GroupMember:
    return GroupMember(
        connector_id=string(members["connector_id"]), priority=whole(members["priority"])
    )
