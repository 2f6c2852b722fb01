"""A customer of `ovc up` sees the SIP of its calls in CloudWatch Logs (EDGE X3, S14)."""

import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.lab import CALLER, Lab, Trunk, eventually
from tests.e2e.logs import logged
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CallerPlan, PlacedCall

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("logs")]

USER, PASSWORD = "branch-office", "correct-horse-7"
NUMBER = "+12125550100"
CALLED = ["INVITE", "407", "ACK", "INVITE", "100", "200", "ACK", "BYE", "200"]
"""What the customer's leg of a call with a password is; what rings depends on the moment."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def sip_log(lab: Lab, connector_id: str) -> list[dict[str, Any]]:
    """Return a connector's SIP message log in the order of its messages."""
    return logged(lab, f"/aws/ChimeVoiceConnectorSipMessages/{connector_id}")


def place(lab: Lab, trunk: Trunk) -> PlacedCall:
    """Let a PBX with a password call, talk and hang up."""
    agent = Agent(f"pbx-{secrets.token_hex(4)}", free_address(trunk.pbx))
    plan = CallerPlan(bye_after_s=0.2, credentials=(USER, PASSWORD))
    with Wire(agent) as wire:
        uri = f"sip:{NUMBER}@{trunk.host}"
        call = agent.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: call.answered and call.finals, "the call ends")
    return call


def first_word(message: str) -> str:
    word, second, _ = message.split(" ", 2)
    return second if word == "SIP/2.0" else word


def protected_trunk(lab: Lab, *, logged: bool) -> Trunk:
    """Return a connector with a SIP user, in effect."""
    trunk = lab.new_trunk()
    trunk.protect(USER, PASSWORD)
    trunk.permit()
    lab.voice.put_voice_connector_logging_configuration(
        VoiceConnectorId=trunk.connector_id, LoggingConfiguration={"EnableSIPLogs": logged}
    )
    trunk.await_effect()
    return trunk


def test_a_call_shows_in_the_log_without_its_secrets(lab: Lab) -> None:  # EDGE X3, S14
    without, trunk = (protected_trunk(lab, logged=logged) for logged in (False, True))
    place(lab, without)
    call = place(lab, trunk)
    call_id = trunk.record_of(call.invite.call_id).members["CallId"]

    def found() -> list[dict[str, Any]] | None:
        of_call = [it for it in sip_log(lab, trunk.connector_id) if it["call_id"] == call_id]
        words = [first_word(it["sip_message"]) for it in of_call]
        return of_call if words.count("BYE") and words.count("200") == 2 else None

    entries = eventually(found, "the log")
    words = [first_word(it["sip_message"]) for it in entries]
    assert [it for it in words if it not in ("180", "183")] == CALLED
    proof = entries[3]["sip_message"]
    assert f'username="{USER}"' in proof
    values = re.findall(r'\b(?:response|c?nonce)="([^"]*)"', proof)
    assert len(values) == 3 and {character for it in values for character in it} == {"*"}
    assert all(it["voice_connector_id"] == trunk.connector_id for it in entries)
    times = [it["event_timestamp"] for it in entries]
    assert times == sorted(times) and abs(times[-1] / 1000 - time.time()) < 60
    # The call before it was a customer's who wants none.
    assert sip_log(lab, without.connector_id) == []
