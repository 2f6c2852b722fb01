"""Calls between connectors, and to groups of them (EDGE O5, N1, N2, F12); A and A2 are PBXs."""

from dataclasses import replace

import pytest

from edge.flow import Transport
from edge.sip.message import Request, parse_datagram
from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.connector import Connector, Origination, Protocol, Route, Termination, connector_host
from model.connector_group import ConnectorGroup, Distribution, GroupMember
from model.numbers import InventoryNumber
from model.settings import AdmissionSettings
from tests.core.stand import (
    CALLER,
    CONNECTOR_ID,
    DOMAIN,
    EDGE,
    EPOCH,
    HOST,
    INBOUND_URI,
    OWNED,
    PBX,
    SECOND_PBX,
    SETTINGS,
    Node,
    Stage,
    connector,
    number,
)
from tests.policy.world import datagram
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link

OTHER_ID = "zyxwvutsrqponmlkjihg98"
OTHER_HOST = connector_host(OTHER_ID, DOMAIN)
OTHERS_NUMBER = "+12065550177"
ON_NET_URI = f"sip:{OTHERS_NUMBER}@{HOST}"


TO_PBX = Origination(routes=(Route(host=PBX[0]),))


def caller_side(origination: Origination | None = TO_PBX) -> Connector:
    """Return the connector of the first PBX alone."""
    termination = Termination(
        calling_regions=("US",), cidr_allowed_list=(f"{PBX[0]}/32",), cps_limit=100
    )
    return replace(connector(), origination=origination, termination=termination)


def callee_side(*routes: Route, disabled: bool = False) -> Connector:
    """Return the connector of the second PBX."""
    return replace(
        connector(),
        connector_id=OTHER_ID,
        origination=Origination(routes=routes or (Route(host=SECOND_PBX[0]),), disabled=disabled),
        termination=Termination(
            calling_regions=("US",), cidr_allowed_list=(f"{SECOND_PBX[0]}/32",), cps_limit=100
        ),
    )


def of(connector_id: str | None, e164: str = OTHERS_NUMBER) -> InventoryNumber:
    return replace(number(e164), connector_id=connector_id)


def two(node_settings: AdmissionSettings | None = None, **changes: bool) -> Node:
    settings = SETTINGS
    if node_settings is not None:
        settings = replace(settings, admission=node_settings)
    return Node(
        caller_side(),
        callee_side(**changes),
        settings=settings,
        numbers=(number(), of(OTHER_ID)),
    )


def invite_to(link: LossyLink, name: str) -> Request:
    request = parse_datagram(link.sent("E", name, "INVITE")[0].data)
    assert isinstance(request, Request)
    return request


def sides(stage: Stage) -> tuple[CallDetailRecord, CallDetailRecord]:
    """Return the caller's record and the callee's."""
    records = {record.disposition: record for record in stage.node.records}
    assert len(stage.node.records) == 2
    return records[Disposition.TERMINATION], records[Disposition.ORIGINATION]


def test_a_call_between_connectors_needs_no_carrier_and_leaves_two_records() -> None:
    # EDGE N1, O5, 1.12: on-net
    with lossy_link(1) as link:
        stage = Stage(link, node=two())
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run()
        assert not link.sent("E", "B", "INVITE") + link.sent("E", "B2", "INVITE")
        theirs = stage.second_pbx.taken[0].request
        assert theirs.uri == f"sip:{OTHERS_NUMBER}@{OTHER_HOST}"
        assert theirs.get("x-voiceconnector-id") == OTHER_ID
        assert theirs.get("p-asserted-identity") == f"<sip:{CALLER}@{EDGE[0]}>"
        caller, callee = sides(stage)
        assert (caller.connector_id, callee.connector_id) == (CONNECTOR_ID, OTHER_ID)
        assert caller.call_id == stage.pbx.placed[0].invite.call_id
        assert callee.call_id == theirs.call_id != caller.call_id
        assert caller.transaction_id != callee.transaction_id
        for record in (caller, callee):
            assert record.status is CallStatus.COMPLETED
            assert (record.from_number, record.to_number) == (CALLER, OTHERS_NUMBER)
            assert record.answered and (record.ended_at - record.started_at).seconds == 10
        assert {it.transaction_id for it in stage.node.journalled} == {
            caller.transaction_id,
            callee.transaction_id,
        }
        stage.assert_quiet()


@pytest.mark.parametrize("by", ["caller", "callee"])
def test_either_side_hangs_up(by: str) -> None:  # EDGE N1, D1
    with lossy_link(1) as link:
        plan = CalleePlan(bye_after_s=None if by == "caller" else 5.0)
        stage = Stage(link, node=two(), second_pbx=plan)
        bye = 5.0 if by == "caller" else None
        call = stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=bye), 0.0)
        link.run()
        assert call.hung_up and stage.second_pbx.taken[0].hung_up
        sides(stage)
        stage.assert_quiet()


def test_the_callee_is_not_told_a_withheld_caller_id_nor_is_its_record() -> None:
    # EDGE O4, I2
    with lossy_link(1) as link:
        stage = Stage(link, node=two())
        plan = CallerPlan(bye_after_s=1.0, fields=(("Privacy", "id"),))
        stage.pbx.call(ON_NET_URI, EDGE, plan, 0.0)
        link.run()
        theirs = stage.second_pbx.taken[0].request
        assert theirs.get("p-asserted-identity") is None
        assert theirs.get("privacy") == "id"
        assert CALLER not in str(theirs.headers)
        caller, callee = sides(stage)
        assert (caller.from_number, callee.from_number) == (CALLER, "anonymous")


def test_customers_headers_pass_and_reserved_ones_do_not() -> None:  # EDGE 1.11
    with lossy_link(1) as link:
        stage = Stage(link, node=two())
        fields = (("X-Ticket", "42"), ("X-VoiceConnector-ID", "forged"), ("X-Amzn-Trace", "1"))
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=1.0, fields=fields), 0.0)
        link.run()
        theirs = stage.second_pbx.taken[0].request
        assert theirs.get("x-ticket") == "42"
        assert theirs.headers["x-voiceconnector-id"] == [OTHER_ID]
        assert theirs.get("x-amzn-trace") is None


@pytest.mark.parametrize("caller", [Transport.UDP, Transport.TCP, Transport.TLS])
@pytest.mark.parametrize("callee", [Protocol.UDP, Protocol.TCP])
def test_either_side_has_its_own_transport(caller: Transport, callee: Protocol) -> None:
    # EDGE N2
    origination = Origination(routes=(Route(host=SECOND_PBX[0], protocol=callee),))
    called = replace(callee_side(), origination=origination)
    node = Node(caller_side(), called, numbers=(number(), of(OTHER_ID)))
    via = f"SIP/2.0/{caller} {PBX[0]}:5060;branch=z9hG4bKone;rport"
    trying, invite = node.ask_over(caller, datagram(uri=ON_NET_URI, via=via), PBX, 0.0)
    assert trying.flow.transport is caller
    assert (invite.flow.transport, invite.flow.remote) == (callee.value, SECOND_PBX)
    assert parse_datagram(invite.data).via.transport == invite.flow.transport


def test_a_connector_may_call_its_own_number() -> None:  # EDGE N2
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(connector()))
        stage.pbx.call(f"sip:{OWNED}@{HOST}", EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        caller, callee = sides(stage)
        assert caller.connector_id == callee.connector_id == CONNECTOR_ID
        stage.assert_quiet()


def test_calls_that_come_back_again_and_again_are_a_loop() -> None:  # EDGE L2, N2
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(connector()), pbx=CalleePlan(steps=(Step(0.0, 180),)))
        calls = [
            stage.pbx.call(f"sip:{OWNED}@{HOST}", EDGE, CallerPlan(cancel_after_s=3.0), 0.1 * n)
            for n in range(8)
        ]
        link.run()
        finals = [call.final.status for call in calls if call.final is not None]
        assert finals.count(487) == 6
        assert finals.count(482) == 2
        stage.assert_quiet()


def test_a_called_connector_without_origination_leaves_both_records() -> None:  # EDGE N1, I4
    with lossy_link(1) as link:
        stage = Stage(link, node=two(disabled=True))
        call = stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 480
        assert not link.sent("E", "B", "INVITE")
        caller, callee = sides(stage)
        assert caller.status_message == callee.status_message == "480 Origination disabled"
        assert (caller.connector_id, callee.connector_id) == (CONNECTOR_ID, OTHER_ID)
        assert caller.call_id == call.invite.call_id
        assert callee.call_id not in ("", caller.call_id)
        stage.assert_quiet()


def test_a_number_of_ours_that_nobody_has_goes_to_no_carrier() -> None:  # EDGE O5, I4
    with lossy_link(1) as link:
        node = Node(caller_side(), callee_side(), numbers=(number(), of(None)))
        stage = Stage(link, node=node)
        call = stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 404
        assert not link.sent("E", "B", "INVITE")
        assert stage.record.status_message == "404 Number not assigned"
        stage.assert_quiet()


def test_a_callee_that_cannot_be_reached_is_480() -> None:  # EDGE N1, R35
    with lossy_link(1) as link:
        stage = Stage(link, node=two())
        link.refusing.add(SECOND_PBX)
        call = stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 480
        assert call.final.get("reason") == "SIP;cause=503"
        caller, callee = sides(stage)
        assert caller.status_message == callee.status_message == "480 All routes failed"
        stage.assert_quiet()


@pytest.mark.parametrize(("limit", "status"), [(1, 503), (2, 200)])
def test_a_call_counts_for_both_connectors(limit: int, status: int) -> None:  # EDGE N1, R16
    with lossy_link(1) as link:
        stage = Stage(link, node=two(AdmissionSettings(concurrent_calls_per_connector=limit)))
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        # The second connector's own call meets the one that it has taken.
        own = stage.second_pbx.call(
            f"sip:+13125550142@{OTHER_HOST}", EDGE, CallerPlan(bye_after_s=1.0), 5.0
        )
        link.run()
        assert own.final is not None and own.final.status == status
        again = stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=1.0), 100.0)
        link.run()
        assert again.answered
        stage.assert_quiet()


def test_a_connector_that_calls_itself_needs_room_for_two() -> None:  # EDGE R16, N2
    with lossy_link(1) as link:
        settings = replace(SETTINGS, admission=AdmissionSettings(concurrent_calls_per_connector=1))
        stage = Stage(link, node=Node(connector(), settings=settings))
        call = stage.pbx.call(f"sip:{OWNED}@{HOST}", EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 503
        assert {it.status for it in sides(stage)} == {CallStatus.RATE_LIMITED}


def test_outbound_checks_run_in_full() -> None:  # EDGE N1: region
    with lossy_link(1) as link:
        abroad = "+442079460123"
        node = Node(caller_side(), callee_side(), numbers=(of(OTHER_ID, abroad),))
        stage = Stage(link, node=node)
        call = stage.pbx.call(f"sip:{abroad}@{HOST}", EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 403
        assert stage.record.connector_id == CONNECTOR_ID


def group(
    *members: tuple[str, int], distribution: Distribution = Distribution.PRIORITY_WEIGHTED
) -> ConnectorGroup:
    return ConnectorGroup(
        group_id="7d1f7a3c-0000-0000-0000-000000000000",
        name="both",
        members=tuple(GroupMember(connector_id=it, priority=at) for it, at in members),
        distribution=distribution,
        created_at=EPOCH,
        updated_at=EPOCH,
    )


def grouped(the_group: ConnectorGroup, *connectors: Connector, seed: int = 1) -> Node:
    numbers = (replace(of(None, OWNED), group_id=the_group.group_id),)
    return Node(*connectors, numbers=numbers, groups=(the_group,), seed=seed)


BOTH = group((OTHER_ID, 2), (CONNECTOR_ID, 1))


def test_a_group_tries_its_connectors_by_priority() -> None:  # EDGE F12
    with lossy_link(1) as link:
        stage = Stage(link, node=grouped(BOTH, caller_side(), callee_side()))
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert stage.record.connector_id == CONNECTOR_ID
        assert not link.sent("E", "A2", "INVITE")
        stage.assert_quiet()


def test_when_all_routes_of_one_connector_fail_the_next_takes_the_call() -> None:  # EDGE F12
    with lossy_link(1) as link:
        stage = Stage(link, node=grouped(BOTH, caller_side(), callee_side()))
        link.refusing.add(PBX)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert stage.record.connector_id == OTHER_ID
        theirs = stage.second_pbx.taken[0].request
        assert theirs.uri == f"sip:{OWNED}@{OTHER_HOST}"
        assert theirs.get("x-voiceconnector-id") == OTHER_ID
        assert stage.record.call_id == theirs.call_id
        stage.assert_quiet()


def test_when_nobody_takes_the_call_the_record_is_the_first_ones() -> None:  # EDGE F12
    with lossy_link(1) as link:
        stage = Stage(link, node=grouped(BOTH, caller_side(), callee_side()))
        link.refusing |= {PBX, SECOND_PBX}
        call = stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 480
        assert link.sent("E", "A2", "INVITE")
        assert stage.record.connector_id == CONNECTOR_ID
        first = parse_datagram(link.sent("E", "A", "INVITE")[0].data)
        assert stage.record.call_id == first.call_id
        stage.assert_quiet()


def test_without_any_target_the_record_is_the_first_ones() -> None:  # EDGE F12
    with lossy_link(1) as link:
        bare = Origination(routes=(Route(host="nowhere.example"),))
        stage = Stage(
            link,
            node=grouped(
                BOTH,
                caller_side(origination=bare),
                callee_side(Route(host="nowhere.example")),
            ),
        )
        call = stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 480
        assert stage.record.connector_id == CONNECTOR_ID


def test_a_connector_without_origination_is_passed_over() -> None:  # EDGE I4, F12
    with lossy_link(1) as link:
        stage = Stage(link, node=grouped(BOTH, caller_side(origination=None), callee_side()))
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert stage.record.connector_id == OTHER_ID
        stage.assert_quiet()


def test_a_late_answer_of_the_first_connector_is_hung_up() -> None:  # EDGE F7, F12, S16
    with lossy_link(1) as link:
        stage = Stage(
            link,
            node=grouped(BOTH, caller_side(), callee_side()),
            pbx=CalleePlan(steps=(Step(6.0, 200),)),
        )
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=20.0), 0.0)
        link.run()
        assert stage.pbx.taken[0].hung_up
        assert stage.record.connector_id == OTHER_ID
        stage.assert_quiet()


def test_equal_shares_draw_each_call_anew() -> None:  # EDGE F12: LoadBalancedDistribution
    equal = group((CONNECTOR_ID, 1), (OTHER_ID, 1), distribution=Distribution.LOAD_BALANCED)
    with lossy_link(1) as link:
        stage = Stage(link, node=grouped(equal, caller_side(), callee_side()))
        for n in range(40):
            link.at(
                n * 10.0,
                lambda now: stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), now),
            )
        link.run()
        takers = [record.connector_id for record in stage.node.records]
        assert len(takers) == 40
        assert 8 <= takers.count(OTHER_ID) <= 32  # 3.8 sigma
        stage.assert_quiet()


def test_a_grouped_number_is_on_net_as_well() -> None:  # EDGE N1, F12
    with lossy_link(1) as link:
        stage = Stage(link, node=grouped(group((OTHER_ID, 1)), caller_side(), callee_side()))
        stage.pbx.call(f"sip:{OWNED}@{HOST}", EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert [it.connector_id for it in sides(stage)] == [CONNECTOR_ID, OTHER_ID]
        stage.assert_quiet()


def test_nobody_else_may_end_the_callees_leg() -> None:  # EDGE S16, D12
    with lossy_link(1) as link:
        stage = Stage(link, node=two())
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=30.0), 0.0)
        link.run(5.0)
        taken = stage.second_pbx.taken[0]
        assert taken.dialog is not None
        bye = taken.dialog.request("BYE")
        for impostor in (stage.carrier, stage.pbx):
            impostor.endpoint.request(bye, impostor.flow(EDGE), taken, 5.0)
        link.run(20.0)
        assert not stage.node.records
        link.run()
        assert len(stage.node.records) == 2
