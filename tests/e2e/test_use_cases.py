"""The four uses of a Voice Connector (docs/use-cases.md), set up with boto3, proven with calls.

They are those of the whitepaper's figures 1 to 4. SIPp is the PBX, the other provider and, where
a test must see what goes out, the public network.
"""

from typing import Any

import pytest

from edge.flow import Address
from tests.e2e.lab import CALLER, TALK, Lab, Route, Trunk
from tests.e2e.records import window
from tests.e2e.sipp import Message, Sipp, free_address, free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("use-cases")]

ANSWERING = "+12125550100"
FAILING = "+12125550106"
"""The first carrier answers 503; the second one takes the call, if there is anybody."""
KEPT_NUMBER = "+12065550199"
"""A number that the customer has with the other provider."""
EXTENSION = "200"


class OtherProvider:
    """A trunk of somebody else at the same PBX: plain SIP between two addresses."""

    def __init__(self, lab: Lab, pbx_host: str) -> None:
        self._lab = lab
        self._pbx_host = pbx_host
        self.address = free_address(free_host())

    def call_in(self, pbx: Address, number: str) -> Sipp:
        """Bring a call to the PBX."""
        return self._call(self.address, pbx, number)

    def call_out(self, number: str) -> Sipp:
        """Let the PBX call through this provider."""
        return self._call(free_address(self._pbx_host), self.address, number)

    def _call(self, at: Address, to: Address, number: str) -> Sipp:
        keys = {"number": number, "connector": to[0], "caller": CALLER}
        return Sipp("uac_call", self._lab.folder, at=at, to=to, keys=keys, options=TALK)


def invites(pbx: Sipp) -> list[Message]:
    """Return the INVITEs that a PBX has received, one for each call."""
    seen = {it.header("Call-ID"): it for it in pbx.messages() if it.start_line.startswith("INVITE")}
    return list(seen.values())


def call_id_of(invite: Message) -> str:
    """Return the Call-ID of an INVITE."""
    call_id = invite.header("Call-ID")
    assert call_id is not None
    return call_id


def refused(call: Sipp, status: int) -> Message:
    """Wait until SIPp has the refusal that its scenario expects and return it."""
    with call:
        call.succeed()
        return call.received(f"SIP/2.0 {status}")


def assert_call_goes_out(trunk: Trunk, *, caller: str = CALLER, shown: str = CALLER) -> None:
    """Call out as `caller`; the record says who was shown to the called party (EDGE O2, C2)."""
    with window() as during, trunk.call("uac_call", ANSWERING, caller=caller, options=TALK) as pbx:
        pbx.succeed()
    trunk.assert_recorded(pbx.call_id(), ANSWERING, during, caller=shown)


def assert_call_comes_in(lab: Lab, trunk: Trunk, number: str, at: Address) -> None:
    """Call a number from the public network: the PBX at `at` takes it."""
    with lab.answer("uas_answer", at) as pbx:
        report = lab.stand.call(number, duration_s=0.3)
        pbx.succeed()
        (invite,) = invites(pbx)
    assert (report["answered"], report["status"]) == (True, 200)
    assert invite.start_line == f"INVITE sip:{number}@{trunk.host} SIP/2.0"
    members = trunk.record_of(call_id_of(invite)).members
    assert (members["Disposition"], members["ToNumber"]) == ("Origination", number)


def test_outbound_only(lab: Lab) -> None:
    # Figure 1; EDGE O1, O2, I4: numbers stay with the other provider, and show as caller id.
    trunk = lab.new_trunk()
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    assert_call_goes_out(trunk, caller=KEPT_NUMBER, shown=KEPT_NUMBER)

    nobodys = lab.call_in("uac_refused", KEPT_NUMBER, words={"STATUS": 404})
    refused(nobodys, 404)
    refused(lab.call_in("uac_refused", number, words={"STATUS": 480}), 480)


def test_in_parallel_with_another_provider(lab: Lab) -> None:
    # Figure 2; EDGE I1, R34: both trunks end at one PBX, and each takes over from the other.
    trunk = lab.new_trunk()
    pbx_address = free_address(trunk.pbx)
    trunk.route(Route(pbx_address))
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    other = OtherProvider(lab, trunk.pbx)

    with lab.answer("uas_answer", pbx_address, calls=2) as pbx:
        assert lab.stand.call(number, duration_s=0.3)["status"] == 200
        with other.call_in(pbx_address, KEPT_NUMBER) as call:
            call.succeed()
        pbx.succeed()
        ours, theirs = invites(pbx)
    assert ours.start_line.startswith(f"INVITE sip:{number}@")
    assert ours.header("X-VoiceConnector-ID") == trunk.connector_id
    assert theirs.start_line.startswith(f"INVITE sip:{KEPT_NUMBER}@")
    assert theirs.header("X-VoiceConnector-ID") is None

    # Least cost routing: ours first, and the other one when ours can't. A 503 without Retry-After
    # concerns this call alone.
    failed = trunk.call("uac_refused", FAILING, words={"STATUS": 503})
    assert refused(failed, 503).header("Retry-After") is None
    with lab.answer("uas_answer", other.address) as carrier, other.call_out(FAILING) as call:
        call.succeed()
        carrier.succeed()
        assert carrier.received("INVITE").start_line.startswith(f"INVITE sip:{FAILING}@")
    assert_call_goes_out(trunk)


def test_exclusively(lab: Lab) -> None:
    # Figure 3; EDGE O2, F4, F13: one connector is all that the PBX has, in both directions.
    trunk = lab.new_trunk()
    first, second = free_address(trunk.pbx), free_address(free_host())
    trunk.route(Route(first, priority=1), Route(second, priority=2))
    number = trunk.number()
    trunk.permit(DefaultPhoneNumber=number)
    trunk.await_effect()

    assert_call_goes_out(trunk, caller=EXTENSION, shown=number)
    with lab.answer("uas_answer", lab.second_carrier) as carrier:
        with trunk.call("uac_call", FAILING, caller=EXTENSION, options=TALK) as pbx:
            pbx.succeed()
            carrier.succeed()
        identity = carrier.received("INVITE").header("P-Asserted-Identity")
    assert identity is not None and identity.startswith(f"<sip:{number}@")

    assert_call_comes_in(lab, trunk, number, first)
    assert_call_comes_in(lab, trunk, number, second)  # nobody is at the first one any more


@pytest.mark.parametrize("termination", [None, {"Disabled": True}], ids=["absent", "disabled"])
def test_inbound_only(lab: Lab, termination: dict[str, Any] | None) -> None:
    # Figure 4; EDGE I1, R7, R10: calls come in, and the PBX cannot call out.
    trunk = lab.new_trunk()
    pbx_address = free_address(trunk.pbx)
    trunk.route(Route(pbx_address))
    number = trunk.number()
    if termination is None:
        # Who is refused learns nothing else: that the number is known shows only who is listed.
        trunk.permit()
        trunk.await_effect()
        lab.voice.delete_voice_connector_termination(VoiceConnectorId=trunk.connector_id)
        lab.await_status(403, trunk.host, trunk.pbx)
    else:
        trunk.permit(**termination)
        trunk.await_effect()

    assert_call_comes_in(lab, trunk, number, pbx_address)
    refused(trunk.call("uac_refused", ANSWERING, words={"STATUS": 403}), 403)
    (only,) = trunk.records()
    assert only.members["Disposition"] == "Origination"
