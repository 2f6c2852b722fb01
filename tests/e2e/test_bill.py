"""Calls of every kind on a stand, and the bill that is made of them."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from model.settings import Settings
from tests.e2e.lab import TALK, Lab, Route, Trunk, eventually
from tests.e2e.sipp import free_address, free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("bill")]

ANSWERING = "+12125550100"
MEETING = "+12065550177"
KINDS = (
    "inbound pstn",
    "outbound pstn",
    "outbound conference",
    "outbound on-net",
    "inbound on-net",
)


class Office:
    """Two connectors with a number each, one PBX behind each, and a bridge for meetings."""

    def __init__(self, lab: Lab, bridge: tuple[str, int]) -> None:
        self.lab = lab
        self._bridge = bridge
        self._pbx = free_address(free_host())
        self.caller, self.callee = lab.new_trunk(), lab.new_trunk()
        self.callee.route(Route(self._pbx))
        self.number, self.shown = self.callee.number(), self.caller.number()
        """The number that is called, and the one that calls show."""
        for trunk in (self.caller, self.callee):
            trunk.permit()
            trunk.await_effect()

    def make_calls(self) -> None:
        """Make a call in, one out, one into a meeting, one on net, and one that is refused."""
        with self.lab.answer("uas_answer", self._pbx) as pbx:
            assert self.lab.stand.call(self.number, duration_s=0.3)["answered"]
            pbx.succeed()
        self._call(ANSWERING)
        with self.lab.answer("uas_answer", self._bridge) as bridge:
            self._call(MEETING)
            bridge.succeed()
        with self.lab.answer("uas_answer", self._pbx) as pbx:
            self._call(self.number)
            pbx.succeed()
        with self.caller.call("uac_refused", "+442071838750", words={"STATUS": 403}) as refused:
            refused.succeed()
        eventually(self._all_are_stored, "every record and every quality record")

    def _call(self, number: str) -> None:
        with self.caller.call("uac_call", number, caller=self.shown, options=TALK) as call:
            call.succeed()

    def _all_are_stored(self) -> bool | None:
        records = [*self.caller.records(), *self.callee.records()]
        answered = [it for it in records if it.members["Status"] == "Completed"]
        quality = self.quality_keys()
        return (len(records), len(answered), len(quality)) == (6, 5, 5) or None

    def quality_keys(self) -> list[str]:
        """Return the keys of all quality records."""
        return [key for trunk in (self.caller, self.callee) for key in self._keys(trunk)]

    def _keys(self, trunk: Trunk) -> list[str]:
        prefix = f"Amazon-Chime-Voice-Connector-CQRs/json/{trunk.connector_id}/"
        listed = self.lab.s3.list_objects_v2(Bucket=self.lab.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Run a stand with the calls made."""
    bridge = free_address(free_host())
    settings = {
        "records": {"quality": True},
        "meetings": [{"numbers": [MEETING], "host": bridge[0], "port": bridge[1]}],
    }
    with Lab(tmp_path_factory.mktemp("lab"), settings) as lab:
        office = Office(lab, bridge)
        office.make_calls()
        yield office


def bill_of(office: Office, *options: str) -> str:
    """Return what `ovc bill` prints of the running month; both, when it has changed meanwhile."""
    month = f"{datetime.now(UTC):%Y-%m}"
    done = office.lab.stand.run("bill", "--month", month, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_kind_of_call_has_its_price(office: Office) -> None:
    # EDGE X10, C4; WHITEPAPER Table 1: 6 s at 0.0022 and 0.0049 a minute, the rest free
    bill: dict[str, Any] = json.loads(bill_of(office, "--format", "json"))
    lines = {f"{it['Direction']} {it['Route']}": it for it in bill["Lines"]}
    assert sorted(lines) == sorted(KINDS)
    assert {kind: it["Amount"] for kind, it in lines.items()} == {
        "inbound pstn": "0.00022",
        "outbound pstn": "0.00049",
        "outbound conference": "0.00",
        "outbound on-net": "0.00",
        "inbound on-net": "0.00",
    }
    assert all((it["Calls"], it["BilledSeconds"]) == (1, 6) for it in lines.values())
    assert lines["inbound pstn"]["PhoneNumber"] == office.number
    assert lines["inbound on-net"]["PhoneNumber"] == office.number
    assert lines["outbound pstn"]["PhoneNumber"] == office.shown
    assert bill["CallsAmount"] == "0.00071"
    assert bill["RoutesFrom"] == {"QualityRecord": 5, "Inventory": 0}
    assert (bill["NotAnswered"], bill["Unreadable"], bill["IsPartial"]) == (1, 0, True)
    rented = [it["PhoneNumber"] for it in bill["PhoneNumbers"]]
    assert {office.number, office.shown} <= set(rented)
    assert Decimal(bill["PhoneNumbersAmount"]) == len(rented)


def test_the_table_and_the_csv_say_the_same(office: Office) -> None:
    table = bill_of(office, "--by", "direction", "--by", "route")
    assert "so far" in table and "The month is not over" in table
    rows = list(csv.DictReader(io.StringIO(bill_of(office, "--format", "csv"))))
    calls = [row for row in rows if row["kind"] == "call"]
    assert sum(Decimal(row["amount"]) for row in calls) == Decimal("0.00071")
    assert sorted(f"{row['direction']} {row['route']}" for row in calls) == sorted(KINDS)


def test_one_connector_can_be_billed_alone(office: Office) -> None:
    options = ("--connector", office.callee.connector_id, "--format", "json")
    bill: dict[str, Any] = json.loads(bill_of(office, *options))
    assert {it["Route"] for it in bill["Lines"]} == {"pstn", "on-net"}
    assert {it["Direction"] for it in bill["Lines"]} == {"inbound"}
    assert [it["PhoneNumber"] for it in bill["PhoneNumbers"]] == [office.number]


def test_without_quality_records_the_inventory_decides_and_the_bill_says_so(
    office: Office,
) -> None:
    # EDGE X10
    keys = office.quality_keys()
    bodies = {it: office.lab.s3.get_object(Bucket=office.lab.bucket, Key=it)["Body"] for it in keys}
    kept = {key: body.read() for key, body in bodies.items()}
    for key in keys:
        office.lab.s3.delete_object(Bucket=office.lab.bucket, Key=key)
    try:
        table = bill_of(office)
        bill: dict[str, Any] = json.loads(bill_of(office, "--format", "json"))
    finally:
        for key, body in kept.items():
            office.lab.s3.put_object(Bucket=office.lab.bucket, Key=key, Body=body)
    assert "5 calls have no quality record: the inventory as it is now decided" in table
    assert bill["RoutesFrom"] == {"QualityRecord": 0, "Inventory": 5}
    routes = sorted(f"{it['Direction']} {it['Route']}" for it in bill["Lines"])
    # A meeting's number is none of ours.
    assert routes == ["inbound on-net", "inbound pstn", "outbound on-net", "outbound pstn"]
    assert bill["CallsAmount"] == "0.0012"


def test_an_object_that_is_no_record_is_named_and_left_out(office: Office) -> None:
    month = f"{datetime.now(UTC):%Y/%m}"
    prefix = f"{Settings().records.prefix}/{office.caller.connector_id}/{month}"
    key = f"{prefix}/01/00.00.00.000_notes"
    office.lab.s3.put_object(Bucket=office.lab.bucket, Key=key, Body=b"not a record")
    try:
        done = office.lab.stand.run("bill", "--month", month.replace("/", "-"))
    finally:
        office.lab.s3.delete_object(Bucket=office.lab.bucket, Key=key)
    assert done.returncode == 0
    assert f"{key} is no call detail record: it is not JSON" in done.stderr
    assert "1 object is no detail record that can be read" in done.stdout


def test_a_month_of_records_is_compared_with_offers(office: Office) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    done = office.lab.stand.run("cost", "compare", "--month", month, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    amazon = found["Offers"][-1]
    assert (amazon["Name"], amazon["Minutes"]) == ("Amazon", "0.00")
    assert found["OwnEdge"]["NodesNeeded"] == 2
    assert len(found["SelfHosted"]) == 3
