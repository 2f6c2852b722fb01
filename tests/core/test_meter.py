"""What a node counts of its calls, its refusals and its enemies (EDGE X1, X7, X8, S14)."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.flow import Address
from edge.media.session import LegStatistics, SessionId, SessionMeasured
from edge.meter import MOST_HOSTS, OTHER_HOSTS, Meter, Tally
from edge.runtime.log import LONGEST_LINE_BYTES, metrics_line
from edge.seam import LoadMeasured, MediaReported, Unreachable
from model.configurations import Logging
from model.connector import Connector
from model.connector_logs import ConnectorMetrics, LogSettings, LogTarget
from model.settings import AdmissionSettings
from tests.core.stand import (
    CARRIER,
    CONNECTOR_ID,
    EDGE,
    EPOCH,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    PORTS,
    SETTINGS,
    Node,
    Stage,
    connector,
    number,
)
from tests.core.test_on_net import ON_NET_URI, OTHER_ID, callee_side, caller_side, of
from tests.core.test_sip_log import request
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link

ROOT = Path(__file__).parent.parent.parent
ANSWERS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180), Step(1.0, 200)))
BUSY = CalleePlan(steps=(Step(0.0, 486),))
RINGS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180)))
OUT_OF_SERVICE = CalleePlan(steps=(Step(0.0, 503),))
STRANGER: Address = ("192.0.2.200", 5060)
OF_THE_RUNTIME = ("CdrBacklog", "CertificateDays", "TlsOpen")
"""Figures of the node that its runtime adds."""


def metered(made: Connector) -> Connector:
    return replace(made, logging=Logging(media_metrics=True))


def by_dimensions(node: Node) -> dict[tuple[tuple[str, str], ...], dict[str, int | float]]:
    """Return a minute's figures by their dimensions."""
    told = node.core.minute()
    found = {tuple(it.dimensions.items()): it.figures for it in told}
    assert len(found) == len(told), "a set of dimensions has two lines"
    return found


def of_node(node: Node) -> dict[str, int | float]:
    """Return what the node tells of itself that is not 0."""
    figures = by_dimensions(node)[()]
    return {name: value for name, value in figures.items() if value and name != "PortsFree"}


def test_an_answered_call_out() -> None:  # EDGE X1, X8
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(0.5)
        assert of_node(stage.node) == {
            "OutboundCallAttempts": 1,
            "OutboundCallsActive": 1,
            "ActiveCalls": 1,
            "ServingCalls": 1,
            "Sip1xxCodes": 2,
        }
        link.run()
        # The 200 to the INVITE and the one to the BYE.
        assert of_node(stage.node) == {"OutboundCallsAnswered": 1, "Sip2xxCodes": 2}
        assert of_node(stage.node) == {}
        stage.assert_quiet()


def test_an_inbound_call_that_fails_over() -> None:  # EDGE X1, X8
    with lossy_link(1) as link:
        stage = Stage(link, pbx=OUT_OF_SERVICE, second_pbx=ANSWERS)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run()
        # What the first host said counts, though the call succeeded; the carrier's leg does not.
        assert of_node(stage.node) == {
            "InboundCallAttempts": 1,
            "InboundCallsAnswered": 1,
            "Sip1xxCodes": 2,
            "Sip2xxCodes": 2,
            "Sip5xxCodes": 1,
        }


@pytest.mark.parametrize(
    ("carrier", "plan", "failed", "code"),
    [
        (BUSY, CallerPlan(), True, "Sip4xxCodes"),
        (OUT_OF_SERVICE, CallerPlan(), True, "Sip5xxCodes"),
        (CalleePlan(steps=(Step(0.0, 603),)), CallerPlan(), True, "Sip6xxCodes"),
        (RINGS, CallerPlan(cancel_after_s=2.0), False, "Sip4xxCodes"),
    ],
    ids=["busy", "no carrier left", "declined", "cancelled"],
)
def test_a_failure_is_a_final_answer_but_not_the_callers_own(
    carrier: CalleePlan, plan: CallerPlan, failed: bool, code: str
) -> None:  # EDGE X8
    with lossy_link(1) as link:
        stage = Stage(link, carrier=carrier, second_carrier=carrier)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        figures = of_node(stage.node)
        assert figures["OutboundCallAttempts"] == 1
        assert figures.get("OutboundCallFailures", 0) == int(failed)
        assert figures[code] == 1
        assert "OutboundCallsActive" not in figures and "OutboundCallsAnswered" not in figures
        stage.assert_quiet()


def test_a_challenge_is_no_attempt_and_no_failure() -> None:  # EDGE X8
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(connector(user=("pbx", "hunter2"))), carrier=ANSWERS)
        plan = CallerPlan(bye_after_s=1.0, credentials=("pbx", "hunter2"))
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        figures = of_node(stage.node)
        assert (figures["OutboundCallAttempts"], figures["Sip4xxCodes"]) == (1, 1)
        assert "OutboundCallFailures" not in figures and "AuthFailures" not in figures


def test_wrong_passwords_are_counted() -> None:  # EDGE X7, G7
    with lossy_link(1) as link:
        node = Node(connector(user=("pbx", "hunter2")))
        stage = Stage(link, node=node, carrier=ANSWERS)
        plan = CallerPlan(credentials=("pbx", "wrong"))
        for turn in range(5):
            stage.pbx.call(OUTBOUND_URI, EDGE, plan, 2.0 * turn)
            link.run(2.0 * turn + 2.0)
        assert of_node(node)["AuthFailures"] == 5
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 20.0)
        link.run()
        # Locked: a refusal with a record, hence a failed attempt.
        figures = of_node(node)
        assert figures["AuthFailures"] == figures["OutboundCallFailures"] == 1


def test_refusals_of_known_sources_are_failed_attempts() -> None:  # EDGE X1, X8
    node = Node(connector(cps_limit=1))
    node.ask(request(uri=f"sip:+9@{HOST}", call_id="a"), PBX, 0.0)
    node.ask(request(uri=f"sip:+9@{HOST}", call_id="b"), PBX, 0.1)
    assert of_node(node) == {
        "OutboundCallAttempts": 2,
        "OutboundCallFailures": 2,
        "Throttles": 1,
        "Sip4xxCodes": 1,
        "Sip5xxCodes": 1,
    }


def test_strangers_move_no_figure_of_a_customer() -> None:  # EDGE X7, X8, S14
    node = Node(metered(connector()))
    for turn in range(3):
        node.ask(request(call_id=str(turn)), STRANGER, float(turn))
    figures = by_dimensions(node)
    assert list(figures) == [()]
    told = {name: it for name, it in figures[()].items() if it and name != "PortsFree"}
    assert told == {"UnknownSourcePackets": 3}


def test_records_that_a_flood_costs_are_counted() -> None:  # EDGE X7, C8
    admission = AdmissionSettings(rejected_records_per_second=2)
    node = Node(settings=replace(SETTINGS, admission=admission))
    for turn in range(5):
        node.ask(request(uri=f"sip:+9@{HOST}", call_id=str(turn)), PBX, 0.0)
    figures = of_node(node)
    assert (figures["CdrSuppressed"], figures["OutboundCallFailures"]) == (3, 5)


def test_both_customers_of_a_call_between_them_are_counted() -> None:  # EDGE X1, N1
    with lossy_link(1) as link:
        numbers = (number(), of(OTHER_ID))
        node = Node(metered(caller_side()), metered(callee_side()), numbers=numbers)
        stage = Stage(link, node=node, second_pbx=ANSWERS)
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        figures = by_dimensions(node)
        callers = figures[("VoiceConnectorId", CONNECTOR_ID), ("Region", "us-east-1")]
        callees = figures[("VoiceConnectorId", OTHER_ID), ("Region", "us-east-1")]
        assert (callers["OutboundCallAttempts"], callers["InboundCallAttempts"]) == (1, 0)
        assert (callees["OutboundCallAttempts"], callees["InboundCallAttempts"]) == (0, 1)
        whole = figures[()]
        assert (whole["OutboundCallsActive"], whole["InboundCallsActive"]) == (1, 1)
        assert whole["ActiveCalls"] == 1
        link.run()
        stage.assert_quiet()


@pytest.mark.parametrize(
    ("logs", "has_its_own"),
    [
        (LogSettings(), True),
        (LogSettings(target=LogTarget.STDOUT), False),
        (LogSettings(target=LogTarget.NONE), False),
        (LogSettings(target=LogTarget.NONE, connector_metrics=ConnectorMetrics.ALL), True),
    ],
)
def test_a_connector_has_metrics_of_its_own_where_it_is_wanted(
    logs: LogSettings, has_its_own: bool
) -> None:  # EDGE X1
    node = Node(metered(connector()), settings=replace(SETTINGS, logs=logs))
    node.ask(request(uri=f"sip:+9@{HOST}"), PBX, 0.0)
    figures = by_dimensions(node)
    own = [it for it in figures if it and it[0][0] == "VoiceConnectorId"]
    assert bool(own) is has_its_own
    assert figures[()]["OutboundCallFailures"] == 1


def test_most_connectors_have_none_and_an_idle_one_tells_nothing() -> None:  # EDGE X1
    plain, idle = Node(connector()), Node(metered(connector()))
    plain.ask(request(uri=f"sip:+9@{HOST}"), PBX, 0.0)
    assert list(by_dimensions(plain)) == list(by_dimensions(idle)) == [()]


def test_metrics_that_are_switched_while_a_call_is_up_never_go_below_zero() -> None:  # EDGE X1
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        node = stage.node
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(3.0)
        node.load(metered(connector()))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=20.0), 3.0)
        link.run(6.0)
        active = [it["OutboundCallsActive"] for it in by_dimensions(node).values()]
        assert active == [2, 1]
        node.load(connector())
        assert [it["OutboundCallsActive"] for it in by_dimensions(node).values()] == [2]
        link.run()
        assert of_node(node).get("OutboundCallsActive", 0) == 0
        assert of_node(node) == {}
        stage.assert_quiet()


def test_targets_that_fail_are_counted_by_the_name_that_the_operator_gave() -> None:
    # EDGE X7, S14
    with lossy_link(1) as link:
        stage = Stage(link, carrier=OUT_OF_SERVICE, second_carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert by_dimensions(stage.node)[("Host", "first"),] == {"RouteFailures": 1}


@pytest.mark.parametrize(("made", "name"), [(connector(), "other"), (None, f"{PBX[0]}:5060")])
def test_a_customers_host_has_a_name_if_the_customer_has_metrics(
    made: Connector | None, name: str
) -> None:  # EDGE X7
    with lossy_link(1) as link:
        node = Node(made or metered(connector()))
        stage = Stage(link, node=node, pbx=OUT_OF_SERVICE, second_pbx=ANSWERS)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert by_dimensions(node)[("Host", name),] == {"RouteFailures": 1}


def test_hosts_are_of_a_bounded_number() -> None:  # EDGE X7
    meter = Meter(LogSettings())
    for _ in range(2):
        for turn in range(MOST_HOSTS + 7):
            meter.route_failed(f"carrier-{turn}", "")
        told = [it for it in meter.minute({}) if "Host" in it.dimensions]
        assert len(told) == MOST_HOSTS + 1
        assert {"RouteFailures": 7} == next(
            it.figures for it in told if it.dimensions == {"Host": OTHER_HOSTS}
        )


def measured(node: Node, now: float, **figures: int) -> None:
    """Let the media worker tell of a session that nobody has a call for any more."""
    leg = LegStatistics()._replace(**figures)
    report = SessionMeasured(SessionId(7), leg, LegStatistics())
    node.hear(MediaReported(0, report), now)


def test_packets_that_were_dropped_are_counted_once_by_reason() -> None:  # EDGE X7, Q6
    node = Node()
    measured(node, 60.0, foreign=5, unauthentic=2)
    figures = by_dimensions(node)
    assert figures[("Reason", "foreign"),] == {"PacketsDropped": 5}
    assert figures[("Reason", "unauthentic"),] == {"PacketsDropped": 2}
    assert figures[()]["SrtpAuthFailures"] == 2
    measured(node, 120.0, foreign=6, unauthentic=2)
    figures = by_dimensions(node)
    assert figures[("Reason", "foreign"),] == {"PacketsDropped": 1}
    assert ("Reason", "unauthentic") not in [it[0] for it in figures if it]
    node.replace_worker(130.0)
    assert not node.core._quality._drops


def test_invites_that_are_not_read_are_dropped_packets() -> None:  # EDGE X7, R30
    node = Node()
    for turn in range(8):
        node.hear(LoadMeasured(lag_s=0.6, cpu=1.0), 0.1 * turn)
    node.ask(request(), PBX, 1.0)
    figures = by_dimensions(node)
    assert figures[("Reason", "overload"),] == {"PacketsDropped": 1}
    assert figures[()]["LoopLag"] == 600
    assert by_dimensions(node)[()]["LoopLag"] == 0


def test_invites_that_overload_refuses_are_counted() -> None:  # EDGE X7, R30
    node = Node()
    node.hear(LoadMeasured(lag_s=0.0, cpu=0.9), 0.0)
    for turn in range(3):
        node.ask(request(call_id=f"c{turn}"), PBX, 1.0)
    node.ask(request("OPTIONS", f"sip:{HOST}", "o"), PBX, 1.0)
    assert of_node(node)["OverloadRefusals"] == 3
    assert "OverloadRefusals" not in of_node(node)


def test_free_ports_are_those_of_this_moment() -> None:  # EDGE X7
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        assert by_dimensions(stage.node)[()]["PortsFree"] == len(PORTS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        assert by_dimensions(stage.node)[()]["PortsFree"] == len(PORTS) - 2
        link.run()


def test_no_word_of_a_message_becomes_a_name() -> None:  # EDGE S14
    node = Node(metered(connector()))
    evil = request("EVILMETHOD", f"sip:evil@{HOST}", "evil", more=("User-Agent: evil",))
    for remote in (PBX, STRANGER, CARRIER):
        node.ask(evil, remote, 0.0)
        node.ask(request(uri=f"sip:evil@{HOST}", call_id=f"evil{remote[0]}"), remote, 0.0)
        node.ask(b"\x00evil", remote, 0.0)
    node.hear(Unreachable(("192.0.2.66", 5060)), 1.0)
    told = node.core.minute()
    assert {**told[0].figures}["UnknownSourcePackets"]
    for it in told:
        assert "evil" not in str(it.dimensions).lower() + str(list(it.figures)).lower()


def test_the_operators_page_has_every_metric_and_its_price() -> None:  # EDGE X1, X7
    page = (ROOT / "docs" / "observability.md").read_text()
    node = Node()
    measured(node, 1.0, foreign=1)
    (whole, by_reason) = node.core.minute()
    for name in (*whole.figures, *by_reason.figures, "RouteFailures", *OF_THE_RUNTIME):
        shown = (name, name.replace("Inbound", "...").replace("Outbound", "..."))
        is_code = name.startswith("Sip") and name.endswith("xxCodes")
        assert is_code or any(f"`{it}`" in page for it in shown), name
    assert "`Sip1xxCodes` to `Sip6xxCodes`" in page
    for reason in LegStatistics(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).dropped:
        assert f"`{reason}`" in page
    of_connector = len(Tally().figures())
    assert f"the first six rows ({of_connector} metrics)" in page
    assert f"a connector's {of_connector + 28} to {0.3 * (of_connector + 28):.2f}" in page
    assert f"The deployment's {len(whole.figures) + 3} come to" in page


def test_the_longest_line_goes_through_a_pipe_at_once() -> None:  # EDGE X7
    node = Node()
    (whole,) = node.core.minute()
    figures = {name: 2**40 for name in (*whole.figures, *OF_THE_RUNTIME)}
    of_all = {"Deployment": "x" * 16, "Region": "ap-southeast-1"}
    assert len(figures) == 15 + 12
    assert len(metrics_line(of_all, figures, EPOCH)) <= LONGEST_LINE_BYTES
