"""What the RTCP of linphonec and baresip tells of their call (EDGE X5, X6)."""

import time
from typing import Any

import pytest

from edge.flow import Address
from tests.e2e.lab import CALLER, Lab, Route, eventually
from tests.e2e.running import free_port
from tests.interop.phones import Baresip, Linphone
from tests.support.extensions import ext

pytestmark = [pytest.mark.sockets, pytest.mark.interop, pytest.mark.xdist_group("interop")]

TALK_S = 16.0
"""A report comes every 5 s or so, half as late again at most (RFC 3550 §6.3.1): the other phone has
answered the first one by then."""


def quality(lab: Lab, connector_id: str) -> dict[str, Any]:
    """Return how the only call of a connector was, once it has ended."""

    def look() -> dict[str, Any] | None:
        target = f"/ext/cdrs?connector-id={connector_id}"
        answer = ext(f"http://127.0.0.1:{lab.stand.ports['api']}", target)
        found = [it["Quality"] for it in answer["CallDetailRecords"] if "Quality" in it]
        return found[0] if found else None

    return eventually(look, "the quality of the call")


def test_each_phones_reports_give_loss_jitter_and_round_trip(lab: Lab) -> None:  # EDGE X5, N1
    calling, called = lab.new_trunk(), lab.new_trunk()
    at: Address = ("127.0.0.1", free_port())
    called.route(Route(at))
    number = called.number()
    called.permit()
    calling.permit(CidrAllowedList=[f"{calling.pbx}/32", "127.0.0.1/32"])
    calling.await_effect()
    with (
        Linphone(lab.folder, at=(calling.pbx, free_port()), edge=lab.edge, user=CALLER) as phone,
        Baresip(lab.folder, at=at, edge=lab.edge, user=number),
    ):
        phone.dial(f"sip:{number}@{calling.host}")
        eventually(lambda: phone.hears or None, "the other phone's tone")
        time.sleep(TALK_S)
        phone.hang_up()
        seen, mirrored = (quality(lab, it.connector_id) for it in (calling, called))
    for name in ("Customer", "Remote"):
        assert 0 <= seen[f"RTTBetweenVcAnd{name}"] < 1_000_000
        assert 0 <= seen[f"VcTo{name}Jitter"] < 1_000_000
        assert seen[f"VcTo{name}PacketsLost"] >= 0
        assert seen[f"{name}ToVcRtpPackets"] > 500
        assert 1.0 <= seen[f"MOSBetweenVcAnd{name}"] <= 4.4
    assert seen["RTTBetweenVcAndCustomer"] == mirrored["RTTBetweenVcAndRemote"]
    assert seen["CustomerToVcRtpPackets"] == mirrored["RemoteToVcRtpPackets"]
