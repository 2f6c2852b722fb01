"""Records in the form that the operator has chosen, from calls of every ending (EDGE C1-C5)."""

from dataclasses import replace

import pytest

from model.cdr import CallStatus
from model.record_form import RecordFormat, TimeForm
from model.settings import RecordSettings
from tests.core.stand import CONNECTOR_ID, EDGE, HOST, SETTINGS, Node, Stage, connector, number
from tests.core.test_on_net import ON_NET_URI, OTHER_ID, callee_side, caller_side, of
from tests.support.agent import CallerPlan
from tests.support.link import lossy_link

V2 = replace(SETTINGS, records=RecordSettings(format=RecordFormat.V2, prefix="cdrs"))


def test_each_customer_of_a_call_has_the_region_of_its_own_connector() -> None:
    # EDGE C3, N1
    callee = replace(callee_side(), region="us-west-2")
    node = Node(caller_side(), callee, settings=V2, numbers=(number(), of(OTHER_ID)))
    with lossy_link(1) as link:
        stage = Stage(link, node=node)
        stage.pbx.call(ON_NET_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run()
        regions = {it.connector_id: it.form.region for it in node.records}
        assert regions == {CONNECTOR_ID: "us-east-1", OTHER_ID: "us-west-2"}
        # EDGE C9: the row of the answer knows which object the end will make.
        assert {it.transaction_id: it.form for it in node.journalled} == {
            it.transaction_id: it.form for it in node.records
        }
        for record in node.records:
            assert record.key().startswith(f"cdrs/{record.connector_id}/")
            assert record.members()["SchemaVersion"] == "2.0"
        stage.assert_quiet()


@pytest.mark.parametrize("settings", [V2.records, RecordSettings(time=TimeForm.ISO8601)])
def test_a_refused_call_has_the_form_too(settings: RecordSettings) -> None:  # EDGE C3, C5, C7
    with lossy_link(1) as link:
        node = Node(connector(), settings=replace(SETTINGS, records=settings))
        stage = Stage(link, node=node)
        stage.pbx.call(f"sip:+19005550100@{HOST}", EDGE, CallerPlan(), 0.0)
        link.run()
        assert stage.record.status is CallStatus.REJECTED
        assert stage.record.form == settings.form_in("us-east-1")
