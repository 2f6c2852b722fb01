"""Edge nodes as items of the table of nodes (model/tables.py has the keys)."""

from datetime import timedelta

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
from model.node import CarrierState, NodeState, TlsState
from model.tables import EXPIRES_AT, NODE, PARTITION_KEY, SORT_KEY

KEPT = timedelta(days=91)
"""After the last renewal. A day longer than any row of a call (model/call_items.py): whoever looks
for the calls of dead nodes goes by these rows, and removes them when no call is left (EDGE C9)."""


def node_members(node: NodeState) -> dict[str, Plain]:
    """Return a node's whole item, keys included."""
    return {
        PARTITION_KEY: NODE,
        SORT_KEY: node.node_id,
        "sip_address": node.sip_address,
        "started_at": moment_text(node.started_at),
        "renewed_at": moment_text(node.renewed_at),
        "active_calls": node.active_calls,
        "draining": node.draining,
        "carriers": [_carrier_members(carrier) for carrier in node.carriers],
        "connector_calls": dict(node.connector_calls) or None,
        "longest_recording_s": node.longest_recording_s,
        "task": node.task,
        "shown_at": None if node.shown_at is None else moment_text(node.shown_at),
        "tls": None if node.tls is None else _tls_members(node.tls),
        EXPIRES_AT: int((node.renewed_at + KEPT).timestamp()),
    }


def node_from(item: Item) -> NodeState:
    """Return the node of an item; raises KeyError or ValueError for a damaged one."""
    return NodeState(
        node_id=string(item[SORT_KEY]),
        sip_address=string(item["sip_address"]),
        started_at=moment(item["started_at"]),
        renewed_at=moment(item["renewed_at"]),
        active_calls=whole(item["active_calls"]),
        draining=flag(item["draining"]),
        carriers=tuple(_carrier(mapping(entry)) for entry in sequence(item["carriers"])),
        connector_calls={name: whole(it) for name, it in mapping(item["connector_calls"]).items()}
        if "connector_calls" in item
        else {},
        longest_recording_s=(
            whole(item["longest_recording_s"]) if "longest_recording_s" in item else None
        ),
        task=optional_string(item, "task"),
        shown_at=moment(item["shown_at"]) if "shown_at" in item else None,
        tls=_tls(mapping(item["tls"])) if "tls" in item else None,
    )


def _tls_members(tls: TlsState) -> dict[str, Plain]:
    return {
        "is_open": tls.is_open,
        "ends_at": None if tls.ends_at is None else moment_text(tls.ends_at),
        "covers_hosts": tls.covers_hosts,
    }


def _tls(members: Item) -> TlsState:
    return TlsState(
        is_open=flag(members["is_open"]),
        ends_at=moment(members["ends_at"]) if "ends_at" in members else None,
        covers_hosts=flag(members["covers_hosts"]),
    )


def _carrier_members(carrier: CarrierState) -> dict[str, Plain]:
    return {
        "name": carrier.name,
        "host": carrier.host,
        "port": carrier.port,
        "priority": carrier.priority,
        "weight": carrier.weight,
        "out_until": None if carrier.out_until is None else moment_text(carrier.out_until),
        "registration": carrier.registration,
    }


def _carrier(members: Item) -> CarrierState:
    return CarrierState(
        name=string(members["name"]),
        host=string(members["host"]),
        port=whole(members["port"]),
        priority=whole(members["priority"]),
        weight=whole(members["weight"]),
        out_until=moment(members["out_until"]) if "out_until" in members else None,
        registration=optional_string(members, "registration"),
    )
