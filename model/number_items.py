"""Phone numbers as items of the table of numbers (A4; model/tables.py has the keys)."""

from datetime import datetime

from model.codec import Item, Plain, flag, moment, moment_text, optional_string, string
from model.numbers import InventoryNumber, PoolNumber
from model.tables import INVENTORY, PARTITION_KEY, POOL, SORT_KEY


def number_members(number: InventoryNumber) -> dict[str, Plain]:
    """Return a number's whole item, keys included."""
    return {
        PARTITION_KEY: INVENTORY,
        SORT_KEY: number.e164,
        "number_type": number.number_type,
        "product_type": number.product_type,
        "country": number.country,
        "created_at": moment_text(number.created_at),
        "updated_at": moment_text(number.updated_at),
        "order_id": number.order_id,
        "name": number.name,
        "connector_id": number.connector_id,
        "group_id": number.group_id,
        "associated_at": _optional_text(number.associated_at),
        "city": number.city,
        "state": number.state,
        "ported_in": number.ported_in or None,
        "deleted_at": _optional_text(number.deleted_at),
        "calling_name": number.calling_name,
        "calling_name_due_at": _optional_text(number.calling_name_due_at),
    }


def number_from(item: Item) -> InventoryNumber:
    """Return the number of an item; raises KeyError or ValueError for a damaged one."""
    return InventoryNumber(
        e164=string(item[SORT_KEY]),
        number_type=string(item["number_type"]),
        product_type=string(item["product_type"]),
        country=string(item["country"]),
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
        order_id=optional_string(item, "order_id"),
        name=optional_string(item, "name"),
        connector_id=optional_string(item, "connector_id"),
        group_id=optional_string(item, "group_id"),
        associated_at=_optional_moment(item, "associated_at"),
        city=optional_string(item, "city"),
        state=optional_string(item, "state"),
        ported_in="ported_in" in item and flag(item["ported_in"]),
        deleted_at=_optional_moment(item, "deleted_at"),
        calling_name=optional_string(item, "calling_name"),
        calling_name_due_at=_optional_moment(item, "calling_name_due_at"),
    )


def pool_members(number: PoolNumber) -> dict[str, Plain]:
    """Return the whole item of a number that can be ordered, keys included."""
    return {
        PARTITION_KEY: POOL,
        SORT_KEY: number.e164,
        "number_type": number.number_type,
        "country": number.country,
        "city": number.city,
        "state": number.state,
    }


def pool_number_from(item: Item) -> PoolNumber:
    """Return the number of a pool item; raises KeyError or ValueError for a damaged one."""
    return PoolNumber(
        e164=string(item[SORT_KEY]),
        number_type=string(item["number_type"]),
        country=string(item["country"]),
        city=optional_string(item, "city"),
        state=optional_string(item, "state"),
    )


def _optional_text(at: datetime | None) -> str | None:
    return None if at is None else moment_text(at)


def _optional_moment(item: Item, name: str) -> datetime | None:
    return moment(item[name]) if name in item else None
