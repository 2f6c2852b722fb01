"""What the edges of a chaos share: tables, a bucket, two connectors with their PBXs, a carrier."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from edge.flow import Address
from emulator import aws as embedded
from model.codec import Item, moment, moment_text
from model.connector import Connector, Origination, Route, Termination, connector_host
from model.numbers import InventoryNumber
from model.settings import Settings
from model.tables import (
    CALLS,
    DEFAULT_PREFIX,
    DRAIN,
    LIVE_CALLS,
    NODE,
    NODES,
    PARTITION_KEY,
    Table,
)
from tests.e2e.cluster import CONNECTOR_ID, MADE_AT, Shared
from tests.e2e.sipp import free_address, free_host

BUCKET = "chaos-cdr"
OTHER_ID = "zyxwvutsrqponmlkjihg98"
NUMBER = "+12065550100"
"""Of the first connector."""
OTHER_NUMBER = "+12065550177"
"""Of the second one."""
CPS_LIMIT = 100


class StoredObject(NamedTuple):
    """One object of the bucket."""

    key: str
    body: bytes


class World(Shared):
    """Tables as a deployment has them, and what lies in them and in the bucket."""

    def __init__(self, aws: embedded.EmbeddedAws) -> None:
        super().__init__(aws)
        self.s3 = aws.clients("us-east-1").s3
        self.pbx_at, self.other_pbx_at = free_address(self.pbx), free_address(free_host())
        self.host = connector_host(CONNECTOR_ID, Settings().domain)
        self.put(self._connector(CONNECTOR_ID, self.pbx_at))
        self.put(self._connector(OTHER_ID, self.other_pbx_at))
        self.put_number(_number(NUMBER, CONNECTOR_ID))
        self.put_number(_number(OTHER_NUMBER, OTHER_ID))
        self.use_bucket(BUCKET)

    def keys(self) -> list[str]:
        """Return the key of every object of the bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def object(self, key: str) -> StoredObject:
        """Return one object of the bucket."""
        return StoredObject(key, self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def objects(self) -> list[StoredObject]:
        """Return every object of the bucket."""
        return [self.object(key) for key in self.keys()]

    def calls(self) -> list[Item]:
        """Return the rows of all calls."""
        return list(self._items(CALLS))

    def live_calls(self) -> list[Item]:
        """Return the rows in the index of live calls."""
        return [row for row in self.calls() if LIVE_CALLS.partition_key in row]

    def owed(self) -> int:
        """Return how many calls are up, or have ended and are owed a record."""
        answer = self.dynamodb.scan(
            TableName=CALLS.physical_name(DEFAULT_PREFIX),
            IndexName=LIVE_CALLS.name,
            Select="COUNT",
        )
        return answer["Count"]

    def nodes(self) -> list[Item]:
        """Return the rows of all nodes."""
        return [item for item in self._items(NODES) if item[PARTITION_KEY]["S"] == NODE]

    def orders(self) -> list[Item]:
        """Return the orders to drain."""
        return [item for item in self._items(NODES) if item[PARTITION_KEY]["S"] == DRAIN]

    def renew_leases(self, later: timedelta) -> None:
        """Let every node have renewed its lease so much later, as if it had lived on."""
        for item in self.nodes():
            renewed_at = moment_text(moment(item["renewed_at"]) + later)
            self.dynamodb.put_item(
                TableName=NODES.physical_name(DEFAULT_PREFIX),
                Item={**item, "renewed_at": {"S": renewed_at}},
            )

    def _items(self, table: Table) -> Iterator[Item]:
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=table.physical_name(DEFAULT_PREFIX)
        )
        for page in pages:
            yield from page["Items"]

    def _connector(self, connector_id: str, pbx: Address) -> Connector:
        return replace(
            self.connector(CPS_LIMIT),
            connector_id=connector_id,
            origination=Origination(routes=(Route(host=pbx[0], port=pbx[1]),)),
            termination=Termination(
                calling_regions=("US",),
                cidr_allowed_list=(f"{pbx[0]}/32",),
                cps_limit=CPS_LIMIT,
            ),
        )


def _number(e164: str, connector_id: str) -> InventoryNumber:
    return InventoryNumber(
        e164=e164,
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=MADE_AT,
        updated_at=MADE_AT,
        connector_id=connector_id,
    )
