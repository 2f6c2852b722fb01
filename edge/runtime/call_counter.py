"""The count of all nodes: slots of a connector's calls per second, taken by conditional writes.

One UpdateItem takes as many slots as are wanted, if none of them is taken (A10, EDGE R15). Which
are free is known from the answer to the last one; a write that fails brings the item as it is, so
that another try knows better. Times are of the calls, not of the writes: how long an answer takes
changes nothing about who is admitted. Nodes' clocks agree to milliseconds (NTP). A slot that is
taken for longer than anybody may take it is a trace of a clock that was ahead, and free: that node
counts apart from the others, but does not close the connector to them.
"""

import random
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from edge.policy.call_slots import Slots, slots_of
from edge.seam import Count, Counted
from model.codec import Item, encode
from model.tables import EXPIRES_AT, LIMITS

TRIES = 4
"""Of a question whose slots other nodes have taken meanwhile."""
CLIENT = Config(connect_timeout=0.2, read_timeout=0.3, retries={"total_max_attempts": 1})
"""A call waits for 0.2 s; what comes later helps nobody."""
SLOTS_PER_WRITE = 40
"""DynamoDB's bounds of an expression are 4 KB and 300 operators; whoever needs more asks again."""
MOST_CONNECTORS = 20_000
"""Whose slots are remembered; what is forgotten costs one more try."""
KEPT_S = 86_400
CLOCKS_DIFFER_BY_S = 10.0
"""By more than that a clock is wrong, and what it has written counts for nothing."""


class CallCounter:
    """Counts for one node; methods may run in several threads, one at a time for a connector."""

    def __init__(
        self,
        update_item: Callable[..., Any],
        table: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        choose: Callable[[list[int], int], list[int]] = random.sample,
    ) -> None:
        """`update_item` is a client's method; `choose` picks so many of a list."""
        self._update_item = update_item
        self._table = table
        self._monotonic = monotonic
        self._wall = wall
        self._choose = choose
        self._seen: dict[str, dict[str, int]] = {}

    @classmethod
    def over(cls, session: boto3.Session, prefix: str) -> "CallCounter":
        """Return the counter of a deployment whose tables start with `prefix`."""
        client = session.client("dynamodb", config=CLIENT)
        return cls(client.update_item, LIMITS.physical_name(prefix))

    def count(self, asked: Count) -> Counted:
        """Take slots for calls; raises botocore's errors when the table does not answer."""
        slots = slots_of(asked.limit)
        # Of this moment: neither clock's steps nor another node's start matter.
        offset = self._wall() - self._monotonic()
        at, last_ms = _ms(asked.first_at + offset), _ms(asked.last_at + offset)
        for _ in range(TRIES):
            free = self._free(asked.connector_id, slots, at)
            if not free:
                break
            chosen = _chosen(self._choose(free, len(free)), slots, asked.wanted)
            until = last_ms + _ms(slots.taken_for_s)
            if self._take(asked.connector_id, chosen, at, until, _beyond(slots, at)):
                calls = sum([slots.sizes[slot] for slot in chosen])
                return Counted(
                    asked.connector_id,
                    calls,
                    asked.last_at + slots.valid_s,
                    self._closed_until(asked.connector_id, slots, at, offset),
                )
        closed_until = self._closed_until(asked.connector_id, slots, at, offset)
        return Counted(asked.connector_id, 0, asked.last_at, closed_until or asked.last_at + 0.001)

    def _take(self, connector_id: str, chosen: list[int], at: int, until: int, beyond: int) -> bool:
        names = [f"s{slot}" for slot in chosen]
        values = {
            ":at": encode(at),
            ":beyond": encode(beyond),
            ":until": encode(until),
            ":expires": encode(until // 1000 + KEPT_S),
        }
        try:
            answer = self._update_item(
                TableName=self._table,
                Key={LIMITS.partition_key: {"S": connector_id}},
                UpdateExpression=f"SET {EXPIRES_AT} = :expires, "
                + ", ".join([f"{name} = :until" for name in names]),
                ConditionExpression=" AND ".join(
                    [
                        f"(attribute_not_exists({name}) OR {name} <= :at OR {name} > :beyond)"
                        for name in names
                    ]
                ),
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            item: Item = error.response.get("Item", {})  # type: ignore[assignment]  # boto3-stubs do not know it
            self._remember(connector_id, item)
            return False
        self._remember(connector_id, answer["Attributes"])
        return True

    def _remember(self, connector_id: str, item: Item) -> None:
        self._seen.pop(connector_id, None)
        self._seen[connector_id] = {
            name: int(str(value["N"])) for name, value in item.items() if name[0] == "s"
        }
        if len(self._seen) > MOST_CONNECTORS:
            del self._seen[next(iter(self._seen))]

    def _free(self, connector_id: str, slots: Slots, at: int) -> list[int]:
        beyond = _beyond(slots, at)
        ends = enumerate(self._ends(connector_id, slots))
        return [slot for slot, taken_until in ends if not at < taken_until <= beyond]

    def _closed_until(
        self, connector_id: str, slots: Slots, at: int, offset: float
    ) -> float | None:
        """Return the monotonic moment of the next free slot, None while one is free."""
        if self._free(connector_id, slots, at):
            return None
        return min(self._ends(connector_id, slots)) / 1000.0 - offset

    def _ends(self, connector_id: str, slots: Slots) -> list[int]:
        """Return until when each slot is taken, as far as is known here."""
        seen = self._seen.get(connector_id, {})
        return [seen.get(f"s{slot}", 0) for slot in range(len(slots.sizes))]


def _chosen(free: list[int], slots: Slots, wanted: int) -> list[int]:
    """Return as many free slots as the wanted calls need, or one write can take."""
    chosen: list[int] = []
    for slot in free[:SLOTS_PER_WRITE]:
        if wanted <= 0:
            break
        chosen.append(slot)
        wanted -= slots.sizes[slot]
    return chosen


def _beyond(slots: Slots, at: int) -> int:
    """Return the latest end that a node with a right clock can have given a slot by now."""
    return at + _ms(slots.taken_for_s + CLOCKS_DIFFER_BY_S)


def _ms(seconds: float) -> int:
    return round(seconds * 1000.0)
