"""Calls and records by the indexes of their table: order, filters, pages, sums; no socket."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from lambdas.management.ext import pages
from lambdas.management.ext.pages import take
from model.cdr import CallStatus, Disposition
from tests.management.calls import (
    BEGAN,
    CONNECTOR_ID,
    OTHER_ID,
    OWN,
    PEER,
    Rows,
    live_call,
    node,
    record,
)
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY
from tests.runtime.records import a_quality

CALLS, CDRS, USAGE = "/ext/calls?", f"/ext/cdrs?connector-id={CONNECTOR_ID}", "/ext/usage?"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


@pytest.fixture
def rows(api: LocalApi) -> Rows:
    """Return a writer of rows; one node is up."""
    writer = Rows(api)
    writer.nodes(node("node1", api.now))
    return writer


def number_of(entry: Any) -> int:
    """Return which call an entry is about."""
    return int(entry["TransactionId"][:8])


def numbers(api: LocalApi, target: str, member: str = "CallDetailRecords") -> list[int]:
    """Return which calls an answer that is whole is about."""
    answer = api.made("GET", target)
    assert "NextToken" not in answer
    return [number_of(entry) for entry in answer[member]]


def walk(api: LocalApi, target: str, member: str = "CallDetailRecords") -> list[list[int]]:
    """Return what all pages are about."""
    found, token = [], ""
    while True:
        answer = api.made("GET", f"{target}&next-token={quote(token, safe='')}")
        found.append([number_of(entry) for entry in answer[member]])
        token = answer.get("NextToken", "")
        if not token:
            return found


def test_a_record_is_shown_as_it_is_in_the_bucket(api: LocalApi, rows: Rows) -> None:
    # EXT5, EDGE C2
    kept = record(1, sip_auth_user="pbx")
    rows.ended(kept)
    (entry,) = api.made("GET", CDRS)["CallDetailRecords"]
    assert entry == kept.members() | {"ObjectKey": kept.key()}
    rows.ended(kept, has_object=False)
    (entry,) = api.made("GET", CDRS)["CallDetailRecords"]
    assert entry == kept.members()


def test_calls_and_records_show_how_their_media_is(api: LocalApi, rows: Rows) -> None:
    # EXT12, EDGE X5
    rows.live(live_call(1), quality=a_quality(100))
    rows.live(live_call(2))
    rows.ended(record(3), quality=a_quality(200))
    newer, older = api.made("GET", CALLS)["Calls"]
    assert "Quality" not in newer
    assert older["Quality"] == {
        "MeasuredTimestamp": "2019-03-08T06:28:38.563Z",
        **a_quality(100).members(),
    }
    assert older["Quality"]["CustomerToVcRtpPackets"] == 100
    assert older["Quality"]["MOSBetweenVcAndCustomer"] == 4.38
    assert "RTTBetweenVcAndRemote" not in older["Quality"]
    (entry,) = api.made("GET", CDRS)["CallDetailRecords"]
    assert entry["Quality"]["CustomerToVcRtpPackets"] == 200


def test_records_come_newest_first_and_of_one_connector(api: LocalApi, rows: Rows) -> None:
    # EXT5
    rows.ended(*(record(number) for number in (3, 1, 2)), record(4, connector_id=OTHER_ID))
    assert numbers(api, CDRS) == [3, 2, 1]
    assert numbers(api, f"/ext/cdrs?connector-id={OTHER_ID}") == [4]
    assert numbers(api, "/ext/cdrs?connector-id=unknown") == []


def test_records_of_a_number_are_those_of_its_own_side(api: LocalApi, rows: Rows) -> None:
    # EXT5: From of a Termination, To of an Origination
    inbound = {"disposition": Disposition.ORIGINATION, "from_number": PEER, "to_number": OWN}
    outbound = {"from_number": PEER, "to_number": OWN}
    rows.ended(record(1), record(2, **inbound), record(3, **outbound))
    rows.ended(record(4, connector_id=OTHER_ID))
    target = f"/ext/cdrs?number={quote(OWN, safe='')}"
    assert numbers(api, target) == [4, 2, 1]
    assert numbers(api, f"/ext/cdrs?number={quote(PEER, safe='')}") == [3]
    assert numbers(api, f"{target}&connector-id={CONNECTOR_ID}") == [2, 1]


def test_a_span_has_its_first_moment_and_lacks_its_last(api: LocalApi, rows: Rows) -> None:
    # EXT2
    rows.ended(*(record(number) for number in range(5)))
    first, last = (quote((BEGAN + timedelta(seconds=it)).isoformat(), safe="") for it in (1, 3))
    assert numbers(api, f"{CDRS}&from={first}&to={last}") == [2, 1]
    assert numbers(api, f"{CDRS}&from={first}") == [4, 3, 2, 1]
    assert numbers(api, f"{CDRS}&to={last}") == [2, 1, 0]
    assert numbers(api, f"{CDRS}&to=2026-01-02") == [0]
    assert numbers(api, f"{CDRS}&from=2026-01-02&to=2026-01-03") == [4, 3, 2, 1]
    assert numbers(api, f"{CDRS}&from=2026-01-03") == []


@pytest.mark.parametrize("status", CallStatus)
def test_records_of_a_status(api: LocalApi, rows: Rows, status: CallStatus) -> None:
    # EXT5
    for number, it in enumerate(CallStatus):
        rows.ended(record(number, status=it))
    assert numbers(api, f"{CDRS}&status={status.value}") == [list(CallStatus).index(status)]


def test_a_call_that_is_up_has_no_record_yet(api: LocalApi, rows: Rows) -> None:
    # EXT4, EXT5
    rows.live(live_call(1))
    assert numbers(api, CDRS) == []
    assert numbers(api, CALLS, "Calls") == [1]
    ended = replace(record(1), transaction_id=live_call(1).transaction_id)
    rows.ended(ended)
    assert numbers(api, CDRS) == [1]
    assert numbers(api, CALLS, "Calls") == []


def test_a_call_whose_object_is_due_is_not_up_and_says_where_it_will_lie(
    api: LocalApi, rows: Rows
) -> None:
    # EXT4, EXT5, EDGE C9
    rows.live(live_call(1))
    rows.due(record(2))
    assert numbers(api, CALLS, "Calls") == [1]
    (entry,) = api.made("GET", CDRS)["CallDetailRecords"]
    assert entry == record(2).members() | {"ObjectKey": record(2).key()}


def test_pages_of_any_size_make_up_the_whole_list(api: LocalApi, rows: Rows) -> None:
    # EXT3: several calls start in the same millisecond
    rows.ended(*(record(number, started_at=BEGAN) for number in range(3)))
    rows.ended(*(record(number) for number in range(3, 7)))
    rows.live(live_call(4), live_call(8))
    whole = numbers(api, CDRS)
    assert sorted(whole) == list(range(7))
    for size in (1, 2, 3, 6, 7, 8):
        found = walk(api, f"{CDRS}&max-results={size}")
        assert [number for page in found for number in page] == whole, size
        assert all(len(page) == size for page in found[:-1])


def test_a_filter_pages_as_well(api: LocalApi, rows: Rows) -> None:
    # EXT3
    for number in range(9):
        rows.ended(record(number, status=list(CallStatus)[number % 3]))
    found = walk(api, f"{CDRS}&status=Rejected&max-results=2")
    assert [number for page in found for number in page] == [7, 4, 1]


def test_one_request_reads_a_bounded_number_of_rows(
    api: LocalApi, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # EXT3
    monkeypatch.setattr(take, "__kwdefaults__", {"rows_at_most": 4})
    rows.ended(record(0, status=CallStatus.REJECTED), *(record(it) for it in range(1, 10)))
    assert walk(api, f"{CDRS}&status=Rejected") == [[], [], [0]]
    assert pages.ROWS_AT_MOST == 2_000


def test_a_token_belongs_to_one_list(api: LocalApi, rows: Rows) -> None:
    # EXT3, API V3
    rows.ended(*(record(number) for number in range(3)))
    rows.live(live_call(4), live_call(5))
    token = quote(api.made("GET", f"{CDRS}&max-results=1")["NextToken"], safe="")
    assert api.call("GET", f"{CDRS}&max-results=2&next-token={token}")[0] == 200
    for target in (
        f"{CDRS}&status=Completed",
        f"{CDRS}&from=2026-01-01",
        f"{CDRS}&to=2027-01-01",
        f"/ext/cdrs?connector-id={OTHER_ID}",
        f"/ext/cdrs?number={quote(OWN, safe='')}",
        f"/ext/usage?connector-id={CONNECTOR_ID}",
        f"{CALLS}max-results=1",
    ):
        status, answer = api.call("GET", f"{target}&next-token={token}")
        assert (status, answer["Code"]) == (400, "BadRequest"), target
    changed = token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]
    assert api.call("GET", f"{CDRS}&max-results=1&next-token={changed}")[0] == 400


def test_a_record_that_expires_between_two_pages_moves_nothing(api: LocalApi, rows: Rows) -> None:
    # EXT3
    rows.ended(*(record(number) for number in range(4)))
    first = api.made("GET", f"{CDRS}&max-results=2")
    assert [number_of(it) for it in first["CallDetailRecords"]] == [3, 2]
    api.dynamodb.delete_item(
        TableName=f"{api.prefix}-calls", Key={"transaction_id": {"S": record(2).transaction_id}}
    )
    token = quote(first["NextToken"], safe="")
    assert numbers(api, f"{CDRS}&max-results=2&next-token={token}") == [1, 0]


def test_a_call_that_is_up_is_shown_with_its_node(api: LocalApi, rows: Rows) -> None:
    # EXT4
    call = live_call(1, sip_auth_user="pbx")
    rows.live(call)
    assert api.made("GET", CALLS)["Calls"] == [
        {
            "TransactionId": call.transaction_id,
            "CallId": "1@192.0.2.1",
            "VoiceConnectorId": CONNECTOR_ID,
            "FromNumber": OWN,
            "ToNumber": PEER,
            "Disposition": "Termination",
            "SipAuthUser": "pbx",
            "StartTimestamp": "2026-01-02T00:00:00.500Z",
            "NodeId": "node1",
        }
    ]


def test_calls_of_a_connector(api: LocalApi, rows: Rows) -> None:
    # EXT4
    rows.live(live_call(1), live_call(2, connector_id=OTHER_ID), live_call(3))
    assert numbers(api, f"{CALLS}connector-id={CONNECTOR_ID}", "Calls") == [3, 1]
    assert numbers(api, f"{CALLS}connector-id=unknown", "Calls") == []


def test_calls_of_all_live_nodes_page_together(api: LocalApi, rows: Rows) -> None:
    # EXT3, EXT4: a node that is gone has no calls any more
    rows.nodes(node("node2", api.now), node("gone", api.now - timedelta(minutes=1)))
    rows.live(*(live_call(number) for number in range(3)))
    rows.live(*(live_call(number) for number in range(3, 6)), node_id="node2")
    rows.live(live_call(9), node_id="gone")
    assert numbers(api, CALLS, "Calls") == [2, 1, 0, 5, 4, 3]
    for size in (1, 2, 3, 4):
        found = walk(api, f"{CALLS}max-results={size}", "Calls")
        assert [number for page in found for number in page] == [2, 1, 0, 5, 4, 3]
    token = quote(api.made("GET", f"{CALLS}max-results=2")["NextToken"], safe="")
    api.dynamodb.delete_item(
        TableName=f"{api.prefix}-nodes", Key={"pk": {"S": "node"}, "sk": {"S": "node1"}}
    )
    assert numbers(api, f"{CALLS}next-token={token}", "Calls") == [5, 4, 3]


def tally(calls: int, answered: int, rejected: int, limited: int, minutes: float) -> object:
    return {
        "Calls": calls,
        "Answered": answered,
        "Rejected": rejected,
        "RateLimited": limited,
        "BilledMinutes": minutes,
    }


NONE = tally(0, 0, 0, 0, 0.0)


def test_usage_adds_up_by_day_and_direction(api: LocalApi, rows: Rows) -> None:
    # EXT6, EDGE C4
    rows.ended(
        record(0),
        record(1, ended_at=BEGAN + timedelta(seconds=31, milliseconds=1)),
        record(2, status=CallStatus.REJECTED),
        record(3, status=CallStatus.RATE_LIMITED),
        record(4, disposition=Disposition.ORIGINATION),
        record(5, connector_id=OTHER_ID),
    )
    rows.live(live_call(6))
    assert api.made("GET", f"{USAGE}connector-id={CONNECTOR_ID}") == {
        "VoiceConnectorId": CONNECTOR_ID,
        "Complete": True,
        "Total": {"Termination": tally(4, 2, 1, 1, 0.7), "Origination": tally(1, 1, 0, 0, 0.1)},
        "Days": [
            {
                "Date": "2026-01-02",
                "Termination": tally(3, 1, 1, 1, 0.6),
                "Origination": tally(1, 1, 0, 0, 0.1),
            },
            {"Date": "2026-01-01", "Termination": tally(1, 1, 0, 0, 0.1), "Origination": NONE},
        ],
    }
    span = f"{USAGE}connector-id={CONNECTOR_ID}&from=2026-01-01&to=2026-01-02"
    assert api.made("GET", span)["Total"]["Termination"] == tally(1, 1, 0, 0, 0.1)


def test_usage_says_when_it_was_cut_and_goes_on(
    api: LocalApi, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # EXT6
    monkeypatch.setattr(take, "__kwdefaults__", {"rows_at_most": 4})
    rows.ended(*(record(number) for number in range(6)))
    target = f"{USAGE}connector-id={CONNECTOR_ID}"
    first = api.made("GET", target)
    assert (first["Complete"], first["Total"]["Termination"]["Calls"]) == (False, 4)
    second = api.made("GET", f"{target}&next-token={quote(first['NextToken'], safe='')}")
    assert (second["Complete"], second["Total"]["Termination"]["Calls"]) == (False, 2)
    assert "NextToken" not in second


def test_a_connector_without_calls_has_used_nothing(api: LocalApi) -> None:
    # EXT6
    usage = api.made("GET", f"{USAGE}connector-id={CONNECTOR_ID}")
    assert usage["Total"] == {"Termination": NONE, "Origination": NONE}
    assert (usage["Days"], usage["Complete"]) == ([], True)
