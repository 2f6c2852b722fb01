"""Changing single entries of a map attribute, with a limit that parallel writers cannot exceed."""

from collections.abc import Collection, Mapping

from lambdas.management.store import Update
from model.codec import AttributeValue, Item, encode
from model.tables import PARTITION_KEY


def entries_put(
    table: str,
    item_key: Item,
    attribute: str,
    entries: Mapping[str, AttributeValue],
    *,
    known: Collection[str],
    at_most: int,
) -> Update:
    """Return the adding or replacing of entries; it fails when that may leave more than `at_most`.

    `known` are the keys as they were read: those must still exist, the others are counted as new.
    Whoever is refused reads again and decides anew.
    """
    names = {f"#e{n}": name for n, name in enumerate(entries)}
    conditions = [f"attribute_exists({PARTITION_KEY})", f"size({attribute}) <= :room"]
    conditions += [
        f"attribute_exists({attribute}.{placeholder})"
        for placeholder, name in names.items()
        if name in known
    ]
    new = sum(name not in known for name in entries)
    assignments = ", ".join(f"{attribute}.#e{n} = :e{n}" for n in range(len(entries)))
    values = {f":e{n}": value for n, value in enumerate(entries.values())}
    return Update(
        table=table,
        key=item_key,
        expression=f"SET {assignments}",
        condition=" AND ".join(conditions),
        names=names,
        values=values | {":room": encode(at_most - new)},
    )


def entries_removed(
    table: str, item_key: Item, attribute: str, unwanted: Collection[str]
) -> Update:
    """Return the removal of entries, whether or not they still exist."""
    paths = ", ".join(f"{attribute}.#e{n}" for n in range(len(unwanted)))
    return Update(
        table=table,
        key=item_key,
        expression=f"REMOVE {paths}",
        names={f"#e{n}": name for n, name in enumerate(unwanted)},
    )
