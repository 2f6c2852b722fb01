"""The operator's extensions on a whole stand: what they show is what happens."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.lab import CALLER, PSTN, Lab, Trunk, eventually
from tests.support import extensions

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("ext")]


def ext(lab: Lab, target: str) -> Any:
    """Return the answer of an extension of the lab's stand."""
    return extensions.ext(f"http://127.0.0.1:{lab.stand.ports['api']}", target)


def test_a_call_is_shown_while_it_is_up_and_its_record_afterwards(lab: Lab, trunk: Trunk) -> None:
    # EXT4, EXT5, EXT6, EDGE C9
    number, of_connector = f"{PSTN}0100", f"connector-id={trunk.connector_id}"
    with trunk.call("uac_call", number, options=("-d", "3000")) as pbx:
        (up,) = eventually(
            lambda: ext(lab, f"/ext/calls?{of_connector}")["Calls"] or None, "the call is shown"
        )
        assert ext(lab, f"/ext/usage?{of_connector}")["Total"]["Termination"]["Calls"] == 0
        pbx.succeed()
        stored = trunk.record_of(pbx.call_id())
    assert up["CallId"] == pbx.call_id()
    assert (up["FromNumber"], up["ToNumber"]) == (CALLER, number)
    assert up["TransactionId"] == stored.members["TransactionId"]
    eventually(
        lambda: None if ext(lab, f"/ext/calls?{of_connector}")["Calls"] else True, "it is gone"
    )
    for target in (of_connector, f"number={quote(CALLER, safe='')}"):
        records = ext(lab, f"/ext/cdrs?{target}")["CallDetailRecords"]
        (shown,) = [it for it in records if it["TransactionId"] == up["TransactionId"]]
        # SIPp says nothing: no packet went either way.
        assert shown.pop("Quality", {}).get("CustomerToVcRtpPackets", 0) == 0
        assert shown == {**stored.members, "ObjectKey": stored.key}
    usage = ext(lab, f"/ext/usage?{of_connector}")
    assert usage["Complete"] is True
    assert usage["Total"]["Termination"] == {
        "Calls": 1,
        "Answered": 1,
        "Rejected": 0,
        "RateLimited": 0,
        "BilledMinutes": int(stored.members["BillableDuration"]) / 60,
    }


def test_a_refused_call_is_shown_at_its_end(lab: Lab, trunk: Trunk) -> None:
    # EXT5
    number = f"{PSTN}0102"
    with trunk.call("uac_refused", number, words={"STATUS": 486}) as pbx:
        pbx.succeed()
        stored = trunk.record_of(pbx.call_id())
    target = f"/ext/cdrs?connector-id={trunk.connector_id}&status=Rejected"
    (shown,) = eventually(lambda: ext(lab, target)["CallDetailRecords"] or None, "the record")
    assert shown == {**stored.members, "ObjectKey": stored.key}


def test_the_edge_and_its_carriers_are_shown(lab: Lab) -> None:
    # EXT7, EXT8
    (node,) = eventually(lambda: ext(lab, "/ext/nodes")["Nodes"] or None, "the node")
    assert node["SipAddress"] == f"127.0.0.1:{lab.edge[1]}"
    assert node["Draining"] is False
    pstn, second = ext(lab, "/ext/carriers")["Carriers"]
    assert (pstn["Name"], pstn["Host"], pstn["Port"]) == ("pstn", *lab.pstn)
    assert pstn["States"] == [{"NodeId": node["NodeId"], "State": "OK"}]
    assert (second["Name"], second["Priority"]) == ("second", 2)
