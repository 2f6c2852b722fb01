"""`ovc bill` and `ovc cost compare` on a deployment in AWS."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.errors import ExitCode
from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.cqr import CallQualityRecord, CallRoute
from model.number_items import number_members
from model.tables import INVENTORY, NUMBERS, PARTITION_KEY, SORT_KEY
from tests.billing.samples import held
from tests.cli.records.conftest import Done, Shelf
from tests.cli.records.samples import ONE, OTHER, V2, a_call

pytestmark = pytest.mark.sockets

OURS = "+12065550100"
NOON = datetime(2024, 11, 20, 12, tzinfo=UTC)
BEFORE = datetime(2024, 1, 1, tzinfo=UTC)
ABROAD = "+442071838750"


def call_of(number: int, **changes: Any) -> CallDetailRecord:
    """Return a call of a month that is over, wherever the clock of this machine stands."""
    return a_call(number, started_at=NOON + timedelta(minutes=number), **changes)


def bill(shelf: Shelf, *arguments: str) -> Done:
    return shelf.ovc("--month", "2024-11", *arguments, command=("bill",))


def document(shelf: Shelf, *arguments: str) -> dict[str, Any]:
    done = bill(shelf, "--format", "json", *arguments)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


@pytest.fixture
def month(shelf: Shelf) -> Shelf:
    """A month with a few calls of two connectors in both formats, and two numbers."""
    on_net = call_of(2, to_number=ABROAD)
    shelf.put(
        call_of(1, to_number="+12065550111"),
        on_net,
        call_of(3, status=CallStatus.REJECTED),
        call_of(4, connector_id=OTHER, disposition=Disposition.ORIGINATION, form=V2),
    )
    quality = CallQualityRecord(call=on_net, route=CallRoute.ON_NET, last_minute=None, total=None)
    shelf.lay(quality.key(), quality.body())
    ours = held(OURS, connector_id=ONE, created_at=BEFORE)
    theirs = held("+12065550101", connector_id=OTHER, created_at=BEFORE)
    for number in (ours, theirs):
        shelf.deployment.put(NUMBERS, number_members(number))
    return shelf


def test_a_month_is_billed_from_records_and_inventory(month: Shelf) -> None:
    # EDGE C3, C4, X10; WHITEPAPER Table 1
    found = document(month)
    lines = [
        (it["VoiceConnectorId"], it["Direction"], it["Country"], it["Route"], it["Amount"])
        for it in found["Lines"]
    ]
    assert lines == [
        (ONE, "outbound", "GB", "on-net", "0.00"),
        (ONE, "outbound", "US", "pstn", "0.00245"),
        # Its caller is a number of the first connector, and there is no quality record.
        (OTHER, "inbound", "US", "on-net", "0.00"),
    ]
    assert [it["PhoneNumber"] for it in found["PhoneNumbers"]] == [OURS, "+12065550101"]
    assert (found["NotAnswered"], found["Amount"]) == (1, "2.00245")
    assert found["RoutesFrom"] == {"QualityRecord": 1, "Inventory": 2}


def test_a_connector_alone_has_its_calls_and_numbers(month: Shelf) -> None:
    found = document(month, "--connector", OTHER)
    assert {it["VoiceConnectorId"] for it in found["Lines"]} == {OTHER}
    assert [it["PhoneNumber"] for it in found["PhoneNumbers"]] == ["+12065550101"]


def test_another_month_has_other_calls(month: Shelf) -> None:
    done = month.ovc("--month", "2024-10", command=("bill",))
    assert (done.code, done.err) == (0, "")
    assert "No call was answered." in done.out
    assert "so far" not in done.out


def test_the_notes_of_csv_are_beside_it(month: Shelf) -> None:
    done = bill(month, "--format", "csv")
    assert len(done.out.splitlines()) == 1 + 3 + 2
    assert "ovc: 2 calls have no quality record" in done.err


def test_what_is_no_record_is_told(month: Shelf) -> None:
    key = call_of(9).key()
    month.lay(key, b"{}")
    done = bill(month)
    assert done.code == 0
    assert f"{key} is no call detail record: it has no member" in done.err
    assert "1 object is no detail record that can be read" in done.out


def test_a_month_is_compared_by_real_calls(month: Shelf, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text('name = "Flat"\n[outbound]\nper_minute = 0.01\n[monthly]\nnumber = 0.1')
    done = month.ovc(str(card), "--month", "2024-11", "--json", command=("cost", "compare"))
    assert done.code == 0, done.err
    flat, amazon = json.loads(done.out)["Offers"]
    assert flat["CallsWithoutRate"] == 0
    assert (flat["Normalized"], amazon["Normalized"]) == ("0.21", "2.00")
    assert json.loads(done.out)["OwnEdge"]["ConcurrentCalls"] == 2
    assert json.loads(done.out)["Notes"][0].startswith("2 calls have no quality record")
    assert json.loads(done.out)["IsPartial"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-01", "--month is '2026-11-01'; a month such as 2026-11 is wanted"),
        ("2999-12", "--month is 2999-12, which has not begun: it is "),
    ],
)
def test_a_month_that_is_none_or_to_come_is_refused(shelf: Shelf, text: str, said: str) -> None:
    done = shelf.ovc("--month", text, command=("bill",))
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert said in done.err


def test_without_a_bucket_there_is_no_bill(shelf: Shelf) -> None:
    # EDGE C11
    shelf.clear()
    done = bill(shelf)
    assert (done.code, done.out) == (ExitCode.FAILED, "")
    assert "no bucket is configured" in done.err


def test_a_damaged_number_of_the_inventory_is_told(shelf: Shelf) -> None:
    shelf.deployment.put(NUMBERS, {PARTITION_KEY: INVENTORY, SORT_KEY: OURS})
    done = bill(shelf)
    assert (done.code, done.out) == (ExitCode.FAILED, "")
    assert "a number of the inventory is damaged: KeyError" in done.err


def test_a_bucket_that_is_not_there_is_told(shelf: Shelf) -> None:
    done = bill(shelf, "--bucket", "no-such-bucket-here")
    assert done.code == ExitCode.FAILED
    assert "there is no bucket no-such-bucket-here" in done.err
