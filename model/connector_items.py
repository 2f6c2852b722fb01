"""A connector as an item of the table of connectors (A4; model/tables.py has the keys)."""

from model.codec import (
    Item,
    Plain,
    flag,
    mapping,
    moment,
    moment_text,
    optional_string,
    sequence,
    string,
    whole,
)
from model.connector import (
    Connector,
    Credential,
    Origination,
    Protocol,
    Route,
    Termination,
)
from model.tables import CONNECTOR, PARTITION_KEY, SORT_KEY


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
        "created_at": moment_text(connector.created_at),
        "updated_at": moment_text(connector.updated_at),
        "origination": None if origination is None else origination_members(origination),
        "termination": None if termination is None else termination_members(termination),
        "credentials": {user.username: credential_members(user) for user in connector.credentials},
        "associated_numbers": 0,
    }


def connector_from(item: Item) -> Connector:
    """Return the connector of an item; raises KeyError or ValueError for a damaged one."""
    origination, termination = item.get("origination"), item.get("termination")
    credentials = mapping(item["credentials"]) if "credentials" in item else {}
    return Connector(
        connector_id=string(item[SORT_KEY]),
        name=string(item["name"]),
        region=string(item["region"]),
        require_encryption=flag(item["require_encryption"]),
        created_at=moment(item["created_at"]),
        updated_at=moment(item["updated_at"]),
        network_type=optional_string(item, "network_type"),
        integration_type=optional_string(item, "integration_type"),
        origination=None if origination is None else _origination(mapping(origination)),
        termination=None if termination is None else _termination(mapping(termination)),
        credentials=tuple(
            Credential(
                username=username,
                ha1_md5=string(mapping(hashes)["ha1_md5"]),
                ha1_sha256=string(mapping(hashes)["ha1_sha256"]),
            )
            for username, hashes in sorted(credentials.items())
        ),
    )


def _origination(members: Item) -> Origination:
    return Origination(
        routes=tuple(_route(mapping(route)) for route in sequence(members["routes"])),
        disabled=flag(members["disabled"]),
    )


def _route(members: Item) -> Route:
    return Route(
        host=string(members["host"]),
        port=whole(members["port"]),
        protocol=Protocol(string(members["protocol"])),
        priority=whole(members["priority"]),
        weight=whole(members["weight"]),
    )


def _termination(members: Item) -> Termination:
    return Termination(
        calling_regions=tuple(string(entry) for entry in sequence(members["calling_regions"])),
        cidr_allowed_list=tuple(string(entry) for entry in sequence(members["cidr_allowed_list"])),
        cps_limit=whole(members["cps_limit"]),
        default_phone_number=optional_string(members, "default_phone_number"),
        disabled=flag(members["disabled"]),
    )
