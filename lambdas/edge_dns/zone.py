"""The set of multivalue records in Route 53: one name, one record for each node (A11)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lambdas.edge_dns.records import TTL_S, Change

_NODE_ID = re.compile(r"[0-9a-f]{32}")
"""Ids of nodes are set identifiers; a record whose identifier is no such id is not ours."""
_TYPE = "A"


class Zone:
    """Reads and changes the records of nodes; raises botocore's errors."""

    # botocore's clients are made at run time: what they take and return has no static type.
    def __init__(self, client: Any, zone_id: str, domain: str) -> None:
        self._client = client
        self._zone_id = zone_id
        self._name = f"*.{domain}."

    def records(self) -> dict[str, str]:
        """Return the records of nodes that there are, node id -> address."""
        return {
            record["SetIdentifier"]: record["ResourceRecords"][0]["Value"]
            for record in self._of_name()
            if record.get("MultiValueAnswer") and _NODE_ID.fullmatch(record["SetIdentifier"])
        }

    def apply(self, change: Change) -> None:
        """Make a change as one batch: all of it, or nothing.

        It stays far below the 1,000 elements that Route 53 takes at once, of which one that is put
        counts as two: a name has at most 90. A record that is there already is put again, not
        refused with all of the batch: the client may have tried twice.
        """
        batch = [
            *self._actions("UPSERT", {**change.added, **change.moved}),
            *self._actions("DELETE", change.removed),
        ]
        self._client.change_resource_record_sets(
            HostedZoneId=self._zone_id,
            ChangeBatch={"Comment": "Nodes of the edge", "Changes": batch},
        )

    def _actions(self, action: str, records: Mapping[str, str]) -> Iterator[dict[str, object]]:
        for node_id, address in records.items():
            record = {
                "Name": self._name,
                "Type": _TYPE,
                "SetIdentifier": node_id,
                "MultiValueAnswer": True,
                "TTL": TTL_S,
                "ResourceRecords": [{"Value": address}],
            }
            yield {"Action": action, "ResourceRecordSet": record}

    def _of_name(self) -> Iterator[dict[str, Any]]:
        start = {"StartRecordName": self._name, "StartRecordType": _TYPE}
        while True:
            answer = self._client.list_resource_record_sets(HostedZoneId=self._zone_id, **start)
            for record in answer["ResourceRecordSets"]:
                # Route 53 writes the asterisk as an octal escape.
                if record["Name"].replace("\\052", "*") != self._name or record["Type"] != _TYPE:
                    return
                yield record
            if not answer["IsTruncated"]:
                return
            start = {
                "StartRecordName": answer["NextRecordName"],
                "StartRecordType": answer["NextRecordType"],
            }
            if "NextRecordIdentifier" in answer:
                start["StartRecordIdentifier"] = answer["NextRecordIdentifier"]
