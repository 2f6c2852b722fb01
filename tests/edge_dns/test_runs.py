"""Whole runs over a table and a zone of moto's: what is listed, and what an outage does (A11)."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lambdas.call_reaper.judgement import Silence, Watch
from lambdas.edge_dns.ecs_service import Phase, Service
from lambdas.edge_dns.notes import Notes, notes_from, notes_members
from lambdas.edge_dns.records import MOST_RECORDS
from lambdas.management.errors import ServiceUnavailable
from model.codec import encode_item, moment_text
from model.drain import DrainMark, DrainReason, drain_from, drain_members
from model.tables import OBSERVATION, PARTITION_KEY, SORT_KEY
from tests.edge_dns.stand import BEGAN, DOMAIN, MINUTE, NEW, OLD, DnsStand, an_id, dns_stand


def test_live_nodes_are_listed_in_one_batch(stand: DnsStand) -> None:  # ARCHITECTURE A11
    for number in (1, 2, 3):
        stand.node(number)
    report = stand.run()
    assert stand.listed() == {1, 2, 3}
    assert report["added"] == [an_id(it) for it in (1, 2, 3)]
    assert [len(it) for it in stand.batches] == [3]
    assert stand.counted["NodesListed"] == 3


def test_a_second_run_changes_nothing(stand: DnsStand) -> None:
    stand.node(1)
    stand.run()
    stand.node(1)
    stand.run()
    assert len(stand.batches) == 1


def test_a_node_that_left_or_drains_is_not_listed(stand: DnsStand) -> None:
    for number in range(1, 7):
        stand.node(number)
    stand.run()
    for number in (3, 4, 5, 6):
        stand.node(number)
    stand.leave(1)
    stand.node(2, draining=True)
    stand.run()
    assert stand.listed() == {3, 4, 5, 6}


def test_a_node_whose_lease_is_old_is_not_added(stand: DnsStand) -> None:
    stand.node(1)
    stand.now += timedelta(seconds=31)
    stand.run()
    assert stand.listed() == set()


def test_the_record_of_a_silent_node_goes_when_three_runs_have_seen_it_so(
    stand: DnsStand,
) -> None:  # ARCHITECTURE A11
    listed = []
    stand.node(1)
    stand.node(2)
    for _ in range(4):
        stand.node(2)
        stand.run()
        listed.append(stand.listed())
    assert listed == [{1, 2}, {1, 2}, {2}, {2}]


@pytest.mark.parametrize("phase", [Phase.GONE, Phase.STOPPING])
def test_the_record_of_a_task_that_ends_goes_at_once(stand: DnsStand, phase: Phase) -> None:
    stand.node(1, definition=NEW)
    stand.node(2, definition=NEW)
    stand.run()
    stand.node(2, definition=NEW)
    stand.stop(1, phase)
    stand.run()
    assert stand.listed() == {2}


def test_the_last_record_stays_whatever_happens(stand: DnsStand) -> None:  # ARCHITECTURE A11
    stand.node(1)
    stand.node(2)
    stand.run()
    for number in (1, 2):
        stand.leave(number)
    for _ in range(5):
        stand.run()
    assert len(stand.listed()) == 1
    stand.node(3)
    stand.run()
    assert stand.listed() == {3}


def test_no_more_than_a_third_goes_in_a_minute_however_often_it_is_called(
    stand: DnsStand,
) -> None:  # ARCHITECTURE A11
    for number in range(1, 10):
        stand.node(number)
    stand.run()
    for number in range(1, 9):
        stand.leave(number)
    left = []
    for _ in range(9):
        stand.node(9)
        stand.run()
        # Events of ECS come whenever they come.
        stand.now -= timedelta(seconds=40)
        left.append(len(stand.listed()))
    # Twenty seconds apart: of nine, three; a minute later two of six; then one, and one.
    assert left == [6, 6, 6, 4, 4, 4, 3, 3, 3]


@pytest.mark.parametrize("operation", ["Query", "GetItem", "PutItem"])
def test_an_outage_of_the_database_removes_nothing(stand: DnsStand, operation: str) -> None:
    # ARCHITECTURE A9: the nodes cannot renew their leases meanwhile.
    for number in (1, 2, 3):
        stand.node(number)
    stand.run()

    def refuse(name: str) -> None:
        if name == operation:
            raise EndpointConnectionError(endpoint_url="https://aws.example.com")

    stand.before_call = refuse
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            stand.run()
    stand.before_call = lambda name: None
    # It is back, and the nodes need a moment.
    stand.run()
    assert stand.listed() == {1, 2, 3}
    assert len(stand.batches) == 1


def test_an_outage_between_two_runs_removes_nothing(stand: DnsStand) -> None:
    stand.node(1)
    stand.node(2)
    stand.run()
    stand.run()
    stand.node(1)
    stand.node(2)
    stand.run()
    assert stand.listed() == {1, 2}


def test_a_clock_far_off_removes_nothing(stand: DnsStand) -> None:
    stand.node(1)
    stand.node(2)
    stand.run()
    stand.now += timedelta(hours=2)
    stand.run()
    assert stand.listed() == {1, 2}


def test_damaged_rows_are_told_and_left_alone(
    stand: DnsStand, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3, 4):
        stand.node(number)
    stand.run()
    for _ in range(4):
        for number in (3, 4):
            stand.node(number)
        stand.node(1, started_at="yesterday")
        stand.node(2, sip_address="edge.example.com:5060")
        assert stand.run()["damaged"] == 2
    assert stand.listed() == {1, 2, 3, 4}
    assert stand.counted["NodeRowsDamaged"] == 8
    told = [it for it in caplog.records if it.getMessage() == "the row of a node is damaged"]
    assert {vars(it)["node"] for it in told} == {an_id(1), an_id(2)}
    assert "edge.example.com:5060" in caplog.text


def test_records_of_others_are_left_alone(stand: DnsStand) -> None:
    def record(name: str, **more: Any) -> dict[str, Any]:
        values = [{"Value": "203.0.113.9"}]
        return {"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": values, **more}

    theirs = [
        record(f"*.{DOMAIN}", SetIdentifier="by-hand", MultiValueAnswer=True),
        record(f"*.{DOMAIN}", SetIdentifier=an_id(77), Weight=1),
        record(f"sip.{DOMAIN}"),
        record("www.example.com"),
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": it} for it in theirs]
    stand.route53.change_resource_record_sets(
        HostedZoneId=stand.zone_id, ChangeBatch={"Changes": changes}
    )
    stand.batches.clear()
    stand.node(1)
    stand.run()
    stand.node(2)
    stand.leave(1)
    stand.run()
    touched = {it["ResourceRecordSet"]["SetIdentifier"] for batch in stand.batches for it in batch}
    assert touched == {an_id(1), an_id(2)}


def test_more_nodes_than_a_name_takes_wait_and_are_told(stand: DnsStand) -> None:
    for number in range(1, MOST_RECORDS + 4):
        stand.node(number)
    assert stand.run()["waiting"] == 3
    assert stand.listed() == set(range(1, MOST_RECORDS + 1))
    assert stand.counted["NodesWithoutRecord"] == 3


def test_a_change_that_route_53_refuses_is_made_by_the_next_run(stand: DnsStand) -> None:
    stand.node(1)

    def refuse(name: str) -> None:
        if name == "ChangeResourceRecordSets":
            raise ClientError({"Error": {"Code": "PriorRequestNotComplete"}}, name)

    stand.before_call = refuse
    with pytest.raises(ClientError, match="PriorRequestNotComplete"):
        stand.run()
    stand.before_call = lambda name: None
    stand.node(1)
    stand.run()
    assert stand.listed() == {1}


def test_a_deployment_drains_the_old_nodes_once_the_new_ones_serve(stand: DnsStand) -> None:
    # ARCHITECTURE A11
    stand.service = Service(OLD, 2)

    def turn(*numbers: int) -> dict[str, object]:
        for number in numbers:
            stand.node(number, definition=OLD if number < 10 else NEW)
        return stand.run()

    assert turn(1, 2)["drained"] == {}
    stand.service = Service(NEW, 2)
    assert turn(1, 2, 11)["drained"] == {}
    assert turn(1, 2, 11, 12)["drained"] == {an_id(1): "outdated", an_id(2): "outdated"}
    assert set(stand.marks()) == {1, 2}
    assert stand.listed() == {2, 11, 12}
    assert all("unlisted_at" not in it for it in stand.marks().values())
    first = stand.now
    turn(1, 2, 11, 12)
    assert stand.listed() == {11, 12}
    assert stand.marks()[1]["unlisted_at"] == moment_text(first)
    assert "unlisted_at" not in stand.marks()[2]
    turn(1, 2, 11, 12)
    assert stand.marks()[1]["unlisted_at"] == moment_text(first), "the first such moment stays"
    assert "unlisted_at" in stand.marks()[2]
    assert turn(11, 12)["drained"] == {}


def test_of_too_many_nodes_the_one_with_the_fewest_calls_drains(stand: DnsStand) -> None:
    stand.service = Service(NEW, 2)
    for number, calls in ((1, 7), (2, 3), (3, 5)):
        stand.node(number, definition=NEW, calls=calls)
    assert stand.run()["drained"] == {an_id(2): "surplus"}
    for number, calls in ((1, 7), (2, 3), (3, 5)):
        stand.node(number, definition=NEW, calls=calls)
    assert stand.run()["drained"] == {}, "one that is told to is not among them any more"


def test_who_does_not_hear_from_ecs_orders_nothing(stand: DnsStand) -> None:
    for number in (1, 2):
        stand.node(number, definition=OLD)
    assert stand.run()["drained"] == {}


def test_an_order_by_hand_is_obeyed(stand: DnsStand) -> None:
    stand.node(1)
    stand.node(2)
    stand.run()
    stand.mark(1)
    stand.node(1)
    stand.node(2)
    stand.run()
    assert stand.listed() == {2}
    stand.node(1)
    stand.node(2)
    stand.run()
    assert "unlisted_at" in stand.marks()[1]


def test_notes_that_cannot_be_read_are_no_notes(stand: DnsStand) -> None:
    stand.put({PARTITION_KEY: OBSERVATION, SORT_KEY: "dns", "run_at": "never"})
    stand.node(1)
    stand.run()
    assert stand.listed() == {1}


def test_notes_and_orders_are_read_back() -> None:
    silences = {"a": Silence(lease="x", since=BEGAN - MINUTE)}
    notes = Notes(watch=Watch(at=BEGAN, silences=silences), removals={"b": BEGAN})
    assert notes_from(encode_item(notes_members(notes))) == notes
    for unlisted_at in (None, BEGAN):
        mark = DrainMark(
            node_id="a", ordered_at=BEGAN, reason=DrainReason.SURPLUS, unlisted_at=unlisted_at
        )
        assert drain_from(encode_item(drain_members(mark))) == mark


def test_without_a_zone_it_only_tells_nodes_to_drain() -> None:  # ARCHITECTURE A11
    with dns_stand(has_zone=False) as stand:
        stand.service = Service(NEW, 1)
        for _ in range(3):
            stand.node(1, definition=OLD)
            stand.node(2, definition=NEW)
            report = stand.run()
        assert set(stand.marks()) == {1}
        # A node goes by the order alone then: whether a record leads to it nobody here knows.
        assert "unlisted_at" not in stand.marks()[1]
        assert (stand.batches, report["listed"], report["waiting"]) == ([], None, 0)
        assert "NodesListed" not in stand.counted


def test_without_a_zone_route_53_is_not_asked() -> None:
    with dns_stand(has_zone=False) as stand:
        asked: list[str] = []
        stand.before_call = asked.append
        stand.node(1)
        stand.run()
        assert asked
        assert not [it for it in asked if "ResourceRecord" in it]
