"""The operator's extensions over HTTP."""

from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError

import pytest

from lambdas.management.ext.router import LABEL, RESOURCES
from model.codec import encode_item
from model.node_items import node_members
from model.tables import NODES
from tests.management.calls import node
from tests.management.stand import Stand
from tests.support import extensions

pytestmark = pytest.mark.sockets


def ext(stand: Stand, target: str) -> Any:
    return extensions.ext(stand.url, target, key=stand.key)


LISTS: dict[str, dict[str, list[object]]] = {
    "/ext/calls": {"Calls": []},
    "/ext/carriers": {"Carriers": []},
    "/ext/cdrs?number=%2B12065550100": {"CallDetailRecords": []},
    "/ext/nodes": {"Nodes": []},
}


@pytest.mark.parametrize("target", LISTS)
def test_lists_are_empty_where_no_edge_runs(stand: Stand, target: str) -> None:
    # EXT4 EXT5 EXT7 EXT8
    assert ext(stand, target) == LISTS[target]


def test_a_node_that_has_shown_itself_is_listed_without_calls(stand: Stand) -> None:
    # EXT4 EXT7
    shown = node("n1", datetime.now(UTC))
    table = NODES.physical_name(stand.prefix)
    item = encode_item(node_members(shown))
    stand.aws.dynamodb.put_item(TableName=table, Item=item)
    assert [it["NodeId"] for it in ext(stand, "/ext/nodes")["Nodes"]] == [shown.node_id]
    assert ext(stand, "/ext/calls") == {"Calls": []}


def test_a_connector_without_calls_has_used_nothing(stand: Stand) -> None:
    # EXT5 EXT6
    connector_id = stand.new_connector()
    assert ext(stand, f"/ext/cdrs?connector-id={connector_id}") == {"CallDetailRecords": []}
    usage = ext(stand, f"/ext/usage?connector-id={connector_id}")
    assert usage["Complete"] and not usage["Days"]
    assert usage["Total"]["Termination"]["Calls"] == usage["Total"]["Origination"]["Calls"] == 0


def test_a_call_that_nobody_knows_is_not_recorded(stand: Stand) -> None:
    # EXT9
    with pytest.raises(HTTPError) as refused:
        ext(stand, "/ext/calls/00000001-0000-4000-8000-000000000001/recording")
    assert refused.value.code == 404


def test_every_list_is_tried_here() -> None:
    tried = {target.partition("?")[0] for target in LISTS} | {"/ext/usage"}
    assert tried == {it.path for it in RESOURCES if LABEL not in it.path}
