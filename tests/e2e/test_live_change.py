"""What boto3 changes counts for calls within two seconds, without a restart."""

import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.lab import CALLER, Lab, Route, Trunk, eventually
from tests.e2e.running import descendants
from tests.e2e.sipp import free_address, free_host
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("live-change")]

PROMISE_S = 2.0
"""From the API's answer to the first call that is treated by it (ARCHITECTURE A9)."""
PAUSE_S = 0.1
"""Between two calls."""
SILENCE_S = 0.3
"""After so long without a 100 (EDGE B7: 0.2 s) nobody will answer."""
ECHO = "+12125550100"
BUSY = "+12125550102"
BUSY_IN_LONDON = "+442079460102"


def pbx_that_refuses(status: int) -> Agent:
    """Return a PBX that can be told by its answer."""
    plan = CalleePlan(steps=(Step(0.0, status),))
    address = free_address(free_host())
    return Agent(f"pbx-{secrets.token_hex(4)}", address, plan_of=lambda _: plan)


def dial(lab: Lab, host: str, uri: str, *pbxs: Agent) -> int | None:
    """Call from a host; return the final status, None when nobody answers the INVITE."""
    agent = Agent(f"caller-{secrets.token_hex(4)}", free_address(host))
    with Wire(agent, *pbxs) as wire:
        call = agent.call(uri, lab.edge, CallerPlan(), time.monotonic(), caller=CALLER)
        silent_at = time.monotonic() + SILENCE_S
        wire.run_until(
            lambda: (
                call.final is not None or (not call.provisionals and time.monotonic() > silent_at)
            ),
            "the call ends",
        )
        wire.turn()
    return None if call.final is None else call.final.status


def assert_within_promise(outcome: Callable[[], object], wanted: object) -> None:
    """Try again and again from now on; a try that begins after two seconds must not fail.

    What one try takes is not counted: its beginning decides by which configuration it is treated.
    """
    changed_at = time.monotonic()
    while True:
        began_after_s = time.monotonic() - changed_at
        found = outcome()
        if found == wanted:
            return
        assert began_after_s <= PROMISE_S, f"after {began_after_s:.2f} s still {found}"
        time.sleep(PAUSE_S)


@pytest.fixture(autouse=True)
def without_a_restart(lab: Lab) -> Iterator[None]:
    """Compare the processes of the stand before and after a test."""
    process, before = lab.stand.process, sorted(lab.stand.processes)
    assert sorted([process.pid, *descendants(process.pid)]) == before
    yield
    assert sorted([process.pid, *descendants(process.pid)]) == before


@pytest.fixture
def trunk(lab: Lab) -> Trunk:
    """Return a connector that may call, in effect."""
    made = lab.new_trunk()
    made.permit()
    made.await_effect()
    return made


def test_a_new_connector_takes_calls(lab: Lab) -> None:
    trunk = lab.new_trunk()
    uri = f"sip:{BUSY}@{trunk.host}"
    assert dial(lab, trunk.pbx, uri) is None
    trunk.permit()
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), 486)


def test_changes_of_the_termination(lab: Lab, trunk: Trunk) -> None:
    uri, abroad = f"sip:{BUSY}@{trunk.host}", f"sip:{BUSY_IN_LONDON}@{trunk.host}"
    assert dial(lab, trunk.pbx, abroad) == 403
    trunk.permit(CallingRegions=["US", "GB"])
    assert_within_promise(lambda: dial(lab, trunk.pbx, abroad), 486)
    trunk.permit(Disabled=True)
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), 403)
    trunk.permit()
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), 486)
    former, trunk.pbx = trunk.pbx, free_host()
    trunk.permit()
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), 486)
    assert dial(lab, former, uri) == 403


def test_credentials_that_come_and_go(lab: Lab, trunk: Trunk) -> None:
    uri = f"sip:{BUSY}@{trunk.host}"
    trunk.protect("user", "password")
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), 407)
    lab.voice.delete_voice_connector_termination_credentials(
        VoiceConnectorId=trunk.connector_id, Usernames=["user"]
    )
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), 486)


def test_routes_and_numbers(lab: Lab, trunk: Trunk) -> None:
    busy, declining = pbx_that_refuses(486), pbx_that_refuses(603)

    def be_called() -> int | None:
        uri = f"sip:{number}@{lab.edge[0]}"
        return dial(lab, lab.second_carrier[0], uri, busy, declining)

    trunk.route(Route(busy.address))
    number = trunk.number()
    assert_within_promise(be_called, 486)
    trunk.route(Route(declining.address))
    assert_within_promise(be_called, 603)
    lab.voice.disassociate_phone_numbers_from_voice_connector(
        VoiceConnectorId=trunk.connector_id, E164PhoneNumbers=[number]
    )
    assert_within_promise(be_called, 404)


def test_the_bucket_of_records(lab: Lab, trunk: Trunk) -> None:
    # EDGE C11: it counts for the calls that end from then on, those that were up included
    other = f"other-{secrets.token_hex(4)}"
    lab.s3.create_bucket(Bucket=other)

    def settled(bucket: str | None) -> None:
        named = {} if bucket is None else {"CdrBucket": bucket}
        lab.voice.update_global_settings(VoiceConnector=named)

    def talk(bucket: str | None) -> str:
        """Be up while the bucket is changed; return the Call-ID."""
        agent = Agent(f"caller-{secrets.token_hex(4)}", free_address(trunk.pbx))
        with Wire(agent) as wire:
            plan = CallerPlan(bye_after_s=PROMISE_S + 0.5)
            uri = f"sip:{ECHO}@{trunk.host}"
            call = agent.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
            wire.run_until(lambda: call.final is not None, "the call is answered")
            settled(bucket)
            wire.run_until(lambda: call.hung_up, "the call ends")
        return call.invite.call_id

    def kept() -> dict[str, str]:
        """Return the bucket of each record by its Call-ID."""
        return {
            str(record.members["CallId"]): bucket
            for bucket in (lab.bucket, other)
            for record in lab.records(trunk.connector_id, bucket)
        }

    try:
        moved, lost = talk(other), talk(None)
        found = talk(lab.bucket)
    finally:
        settled(lab.bucket)
    wanted = {moved: other, found: lab.bucket}
    eventually(lambda: kept() == wanted or None, "the records of two of three calls")
    assert lost not in kept()


def test_a_deleted_connector_takes_no_calls(lab: Lab, trunk: Trunk) -> None:
    uri = f"sip:{BUSY}@{trunk.host}"
    assert dial(lab, trunk.pbx, uri) == 486
    lab.voice.delete_voice_connector(VoiceConnectorId=trunk.connector_id)
    assert_within_promise(lambda: dial(lab, trunk.pbx, uri), None)
