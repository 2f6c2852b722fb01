"""The DynamoDB tables and the CDR bucket: names, keys and item codec, defined once (A4).

CDK, the local run, the management Lambda, the edge and the tests all read them here.

Two tables, each with a string partition key `pk` and a string sort key `sk`:

    connectors  pk "connector"   sk <connector id>   one item per connector
                pk "settings"    sk "global"         GlobalSettings (the CDR bucket's name)
                pk "version"     sk "configuration"  `revision`, counted up after every change
                pk "count"       sk <region>         `amount` of connectors in a region
    numbers     pk "inventory"   sk <E.164>          numbers of the account
                pk "pool"        sk <E.164>          numbers that can be ordered
                pk "order"       sk <order id>       phone number orders
                pk "count"       sk "inventory"      `amount` of numbers of the account

Each sub-configuration of a connector is an attribute of its own, so that parallel writers touch
different attributes of one item and never conflict. `associated_numbers` counts the numbers that
point at the connector; deleting it is conditional on zero. The counts are written in the same
transaction as what they count: they make quotas exact, whatever comes in parallel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

from model.connector import (
    Connector,
    Credential,
    Origination,
    Protocol,
    Route,
    Termination,
)
from model.numbers import InventoryNumber, PoolNumber

T = TypeVar("T")

Plain: TypeAlias = (
    "str | int | float | bool | list[Plain] | tuple[Plain, ...] | Mapping[str, Plain] | None"
)
"""What an item consists of before encoding; floats appear only inside JSON-like settings."""
AttributeValue: TypeAlias = "Mapping[str, object]"
"""DynamoDB's typed JSON, e.g. {"S": "text"}."""
Item: TypeAlias = "Mapping[str, AttributeValue]"

CONNECTOR = "connector"
SETTINGS = "settings"
GLOBAL = "global"
VERSION = "version"
CONFIGURATION = "configuration"
INVENTORY = "inventory"
POOL = "pool"
ORDER = "order"
COUNT = "count"

PARTITION_KEY = "pk"
SORT_KEY = "sk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as every creator of it needs to know it."""

    logical_name: str

    def physical_name(self, prefix: str) -> str:
        """Return the table's name in one deployment."""
        return f"{prefix}-{self.logical_name}"


CONNECTORS = Table(logical_name="connectors")
NUMBERS = Table(logical_name="numbers")
TABLES = (CONNECTORS, NUMBERS)

DEFAULT_PREFIX = "ovc"


def cdr_bucket_name(prefix: str, account_id: str, region: str) -> str:
    """Return the name of the bucket that a deployment creates for its records."""
    return f"{prefix}-cdr-{account_id}-{region}"


def access_keys_secret_name(prefix: str) -> str:
    """Return the name of the secret that holds a deployment's access keys (A2)."""
    return f"{prefix}/access-keys"


def encode(value: Plain) -> AttributeValue:
    """Return a value in DynamoDB's typed JSON; members that are None are left out of maps."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [encode(member) for member in value]}
        case _:
            return {"M": encode_item(value)}


def encode_item(members: Mapping[str, Plain]) -> Item:
    """Return a whole item; None members are left out."""
    return {name: encode(member) for name, member in members.items() if member is not None}


def decode(value: AttributeValue) -> Plain:
    """Return a value from DynamoDB's typed JSON; numbers become int where they are whole."""
    ((kind, content),) = value.items()
    match kind, content:
        case "NULL", _:
            return None
        case "N", str():
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "L", list():
            return [decode(member) for member in content]
        case "M", dict():
            return decode_item(content)
        case (("S" | "BOOL"), (str() | bool())):
            return content
    raise ValueError(f"DynamoDB type {kind} is not used in these tables")


def decode_item(item: Item) -> dict[str, Plain]:
    """Return an item as plain members."""
    return {name: decode(member) for name, member in item.items()}


def key(partition: str, sort: str) -> Item:
    """Return a primary key in typed JSON."""
    return {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort}}


def origination_members(origination: Origination) -> dict[str, Plain]:
    """Return the attribute `origination` of a connector item."""
    return {
        "routes": [
            {
                "host": route.host,
                "port": route.port,
                "protocol": route.protocol.value,
                "priority": route.priority,
                "weight": route.weight,
            }
            for route in origination.routes
        ],
        "disabled": origination.disabled,
    }


def termination_members(termination: Termination) -> dict[str, Plain]:
    """Return the attribute `termination` of a connector item."""
    return {
        "calling_regions": list(termination.calling_regions),
        "cidr_allowed_list": list(termination.cidr_allowed_list),
        "cps_limit": termination.cps_limit,
        "default_phone_number": termination.default_phone_number,
        "disabled": termination.disabled,
    }


def credential_members(credential: Credential) -> dict[str, Plain]:
    """Return one value of the map attribute `credentials`, whose keys are the user names."""
    return {"ha1_md5": credential.ha1_md5, "ha1_sha256": credential.ha1_sha256}


def connector_members(connector: Connector) -> dict[str, Plain]:
    """Return a connector's whole item, keys included, as it is first written."""
    origination, termination = connector.origination, connector.termination
    return {
        PARTITION_KEY: CONNECTOR,
        SORT_KEY: connector.connector_id,
        "name": connector.name,
        "region": connector.region,
        "require_encryption": connector.require_encryption,
        "network_type": connector.network_type,
        "integration_type": connector.integration_type,
        "created_at": _text(connector.created_at),
        "updated_at": _text(connector.updated_at),
        "origination": None if origination is None else origination_members(origination),
        "termination": None if termination is None else termination_members(termination),
        "credentials": {user.username: credential_members(user) for user in connector.credentials},
        "associated_numbers": 0,
    }


def connector_from(item: Item) -> Connector:
    """Return the connector of an item; raises KeyError or ValueError for a damaged one."""
    origination, termination = item.get("origination"), item.get("termination")
    credentials = _map(item["credentials"]) if "credentials" in item else {}
    return Connector(
        connector_id=_string(item[SORT_KEY]),
        name=_string(item["name"]),
        region=_string(item["region"]),
        require_encryption=_flag(item["require_encryption"]),
        created_at=_moment(item["created_at"]),
        updated_at=_moment(item["updated_at"]),
        network_type=_optional_string(item, "network_type"),
        integration_type=_optional_string(item, "integration_type"),
        origination=None if origination is None else _origination(_map(origination)),
        termination=None if termination is None else _termination(_map(termination)),
        credentials=tuple(
            Credential(
                username=username,
                ha1_md5=_string(_map(hashes)["ha1_md5"]),
                ha1_sha256=_string(_map(hashes)["ha1_sha256"]),
            )
            for username, hashes in sorted(credentials.items())
        ),
    )


def number_members(number: InventoryNumber) -> dict[str, Plain]:
    """Return a number's whole item, keys included."""
    return {
        PARTITION_KEY: INVENTORY,
        SORT_KEY: number.e164,
        "number_type": number.number_type,
        "product_type": number.product_type,
        "country": number.country,
        "created_at": _text(number.created_at),
        "updated_at": _text(number.updated_at),
        "order_id": number.order_id,
        "name": number.name,
        "connector_id": number.connector_id,
        "associated_at": None if number.associated_at is None else _text(number.associated_at),
    }


def number_from(item: Item) -> InventoryNumber:
    """Return the number of an item; raises KeyError or ValueError for a damaged one."""
    return InventoryNumber(
        e164=_string(item[SORT_KEY]),
        number_type=_string(item["number_type"]),
        product_type=_string(item["product_type"]),
        country=_string(item["country"]),
        created_at=_moment(item["created_at"]),
        updated_at=_moment(item["updated_at"]),
        order_id=_optional_string(item, "order_id"),
        name=_optional_string(item, "name"),
        connector_id=_optional_string(item, "connector_id"),
        associated_at=_moment(item["associated_at"]) if "associated_at" in item else None,
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
        e164=_string(item[SORT_KEY]),
        number_type=_string(item["number_type"]),
        country=_string(item["country"]),
        city=_optional_string(item, "city"),
        state=_optional_string(item, "state"),
    )


def _origination(members: Item) -> Origination:
    return Origination(
        routes=tuple(_route(_map(route)) for route in _list(members["routes"])),
        disabled=_flag(members["disabled"]),
    )


def _route(members: Item) -> Route:
    return Route(
        host=_string(members["host"]),
        port=_whole(members["port"]),
        protocol=Protocol(_string(members["protocol"])),
        priority=_whole(members["priority"]),
        weight=_whole(members["weight"]),
    )


def _termination(members: Item) -> Termination:
    return Termination(
        calling_regions=tuple(_string(entry) for entry in _list(members["calling_regions"])),
        cidr_allowed_list=tuple(_string(entry) for entry in _list(members["cidr_allowed_list"])),
        cps_limit=_whole(members["cps_limit"]),
        default_phone_number=_optional_string(members, "default_phone_number"),
        disabled=_flag(members["disabled"]),
    )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _moment(value: AttributeValue) -> datetime:
    return datetime.fromisoformat(_string(value))


def _string(value: AttributeValue) -> str:
    return _content(value, "S", str)


def _optional_string(members: Item, name: str) -> str | None:
    return _string(members[name]) if name in members else None


def _flag(value: AttributeValue) -> bool:
    return _content(value, "BOOL", bool)


def _whole(value: AttributeValue) -> int:
    return int(_content(value, "N", str))


def _map(value: AttributeValue) -> dict[str, AttributeValue]:
    return _content(value, "M", dict)


def _list(value: AttributeValue) -> list[AttributeValue]:
    return _content(value, "L", list)


def _content(value: AttributeValue, kind: str, expected: type[T]) -> T:
    content = value.get(kind)
    if not isinstance(content, expected):
        raise ValueError(f"an attribute of type {kind} was expected, not {sorted(value)}")
    return content
