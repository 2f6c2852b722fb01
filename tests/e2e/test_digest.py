"""Calls that need a password: MD5 with SIPp, SHA-256 with an agent of our own."""

import secrets
import time
from collections.abc import Iterator

import pytest

from tests.e2e.lab import CALLER, Lab, Trunk
from tests.e2e.records import window
from tests.e2e.sipp import Sipp, free_address, free_host
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CallerPlan, PlacedCall

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("digest")]

NUMBER = "+12125550100"
USER, PASSWORD = "branch-office", "correct-horse-7"
MD5_ONLY = {"admission": {"digest_algorithms": "md5"}}
"""SIPp 3.6 fails on a first challenge that it does not know (EDGE G2)."""


@pytest.fixture(scope="module")
def md5_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("md5"), MD5_ONLY) as running:
        yield running


def protected_trunk(lab: Lab) -> Trunk:
    """Return a connector with one SIP user, in effect."""
    trunk = lab.new_trunk()
    trunk.protect(USER, PASSWORD)
    trunk.permit()
    trunk.await_effect()
    return trunk


def with_credentials(
    trunk: Trunk, scenario: str, password: str, *, calls: int = 1, **words: str | int
) -> Sipp:
    """Let SIPp call with credentials.

    Without -auth_uri SIPp hashes the address that it sends to, which is not the Request-URI.
    """
    return trunk.call(
        scenario,
        NUMBER,
        calls=calls,
        words={"USER": USER, "PASSWORD": password, **words},
        options=("-auth_uri", f"{NUMBER}@{trunk.host}", "-d", "200"),
    )


def place(lab: Lab, trunk: Trunk, plan: CallerPlan) -> PlacedCall:
    """Place a call with our own agent and let it end."""
    agent = Agent(f"pbx-{secrets.token_hex(4)}", free_address(trunk.pbx))
    with Wire(agent) as wire:
        uri = f"sip:{NUMBER}@{trunk.host}"
        call = agent.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(
            lambda: call.final is not None and (call.finals or not call.answered), "the call ends"
        )
    return call


def test_sipp_proves_itself_with_md5(md5_lab: Lab) -> None:
    # EDGE G1-G3, G6
    trunk = protected_trunk(md5_lab)
    with window() as during, with_credentials(trunk, "uac_digest", PASSWORD) as pbx:
        pbx.succeed()
        challenge = pbx.received("SIP/2.0 407").header("Proxy-Authenticate")
    assert challenge is not None
    assert challenge.startswith(f'Digest realm="{trunk.host}", nonce="')
    assert "algorithm=MD5" in challenge and 'qop="auth"' in challenge
    trunk.assert_recorded(pbx.call_id(), NUMBER, during, auth_user=USER)


def test_a_wrong_password_is_challenged_again_and_locked_after_five(md5_lab: Lab) -> None:
    # EDGE R14, G7, C7: a challenge leaves no record, the lock's 403 does.
    trunk = protected_trunk(md5_lab)
    with with_credentials(trunk, "uac_digest_refused", "guess", STATUS=407, calls=5) as pbx:
        pbx.succeed()
    assert trunk.records() == []
    with (
        window() as during,
        with_credentials(trunk, "uac_digest_refused", PASSWORD, STATUS=403) as pbx,
    ):
        pbx.succeed()
    trunk.assert_recorded(
        pbx.call_id(),
        NUMBER,
        during,
        status="Rejected",
        status_message="403 Too many failed authentications",
    )


def test_our_agent_proves_itself_with_sha_256(lab: Lab) -> None:
    # EDGE G2: both challenges with one nonce, SHA-256 first; the agent takes the first it knows.
    trunk = protected_trunk(lab)
    first = place(lab, trunk, CallerPlan())
    assert first.final is not None and first.final.status == 407
    sha256, md5 = first.final.headers["proxy-authenticate"]
    assert "algorithm=SHA-256" in sha256 and "algorithm=MD5" in md5
    assert sha256.replace("SHA-256", "MD5") == md5
    with window() as during:
        plan = CallerPlan(credentials=(USER, PASSWORD), bye_after_s=0.2)
        call = place(lab, trunk, plan)
        assert call.final is not None and call.final.status == 200
        proof = dict(call.invite.fields)["Proxy-Authorization"]
    assert "algorithm=SHA-256" in proof
    trunk.assert_recorded(call.invite.call_id, NUMBER, during, auth_user=USER)


def test_a_wrong_sha_256_password_leaves_no_record(lab: Lab) -> None:
    # EDGE R14, C7
    trunk = protected_trunk(lab)
    call = place(lab, trunk, CallerPlan(credentials=(USER, "guess")))
    assert call.final is not None and call.final.status == 407
    assert call.invite.cseq == 2, "the challenge was not answered"
    assert trunk.records() == []


def test_a_password_changed_with_boto3_replaces_the_old_one(lab: Lab) -> None:
    # API TC2
    trunk = protected_trunk(lab)
    trunk.protect(USER, "changed")
    trunk.pbx = free_host()
    trunk.permit()
    trunk.await_effect()  # of the new address, and so of the password
    assert place(lab, trunk, CallerPlan(credentials=(USER, "changed"), bye_after_s=0.1)).answered
    old = place(lab, trunk, CallerPlan(credentials=(USER, PASSWORD)))
    assert old.final is not None and old.final.status == 407
