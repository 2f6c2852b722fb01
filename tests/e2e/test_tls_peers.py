"""Calls that the edge makes over TLS, to carriers and to routes: whom it trusts, whom not.

Carriers are SIPp behind a tunnel. Routes over TLS are those of connectors that want encryption, so
that PBXs are our own agents, with keys in their descriptions (EDGE W12, R12).
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import pytest

from bench.signalling.tls_tunnel import TlsFront
from edge.flow import Address, Transport
from tests.e2e.audio import Phone
from tests.e2e.lab import TALK, Lab, Route, Trunk, eventually
from tests.e2e.secure import SUITES, called, new_crypto, secure_audio
from tests.e2e.sipp import free_address, free_host
from tests.support.tls import TestCa

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("tls-peers")]

TO_BOTH, TO_FIRST = "+14155550106", "+16505550106"
"""The first carrier takes both, the second one only numbers like the former. The simulated network,
which comes after them, answers 503."""


class Carriers(NamedTuple):
    """Where they take TLS."""

    first: Address
    second: Address


@pytest.fixture(scope="module")
def carriers() -> Carriers:
    return Carriers(free_address(free_host()), free_address(free_host()))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, carriers: Carriers) -> Iterator[Lab]:
    """Run a stand that forgives a carrier at once (EDGE F9)."""
    entries = [
        {
            **{"name": name, "host": host, "port": port, "transport": "tls"},
            **{"priority": priority, "prefixes": prefixes},
        }
        for priority, (name, (host, port), prefixes) in enumerate(
            (("one", carriers.first, ["+1415", "+1650"]), ("two", carriers.second, ["+1415"])), 1
        )
    ]
    settings = {
        "carriers": entries,
        "routing": {"blacklist_s": 0.001, "blacklist_longest_s": 0.001},
    }
    with Lab(tmp_path_factory.mktemp("tls-peers"), settings) as running:
        yield running


def for_another_host(lab: Lab, host: str) -> Path:
    return lab.certificate(free_host())


def of_a_stranger(lab: Lab, host: str) -> Path:
    return TestCa(Path(mkdtemp(dir=lab.folder))).issue(host, file="peer.pem")


wrong = pytest.mark.parametrize("certificate", [for_another_host, of_a_stranger])
Certificate = Callable[[Lab, str], Path]


@pytest.mark.parametrize(
    ("caller", "callee"), [("uac_call", "uas_answer"), ("uac_hung_up", "uas_hangs_up")]
)
def test_a_call_to_a_carrier_that_shows_its_certificate(
    lab: Lab, trunk: Trunk, carriers: Carriers, caller: str, callee: str
) -> None:  # EDGE W6, W7, W9, F13: by its address; BYE in either direction over one connection
    behind, certificate = free_address(free_host()), lab.certificate(carriers.first[0])
    with (
        lab.answer(callee, behind, options=TALK, transport=Transport.TCP) as carrier,
        TlsFront(carriers.first, behind, certificate),
        trunk.call(caller, TO_FIRST, options=TALK) as pbx,
    ):
        pbx.succeed()
        carrier.succeed()
        record = trunk.record_of(pbx.call_id())
        invite = carrier.received("INVITE")
    assert str(invite.header("Via")).startswith("SIP/2.0/TLS ")
    assert str(invite.header("Contact")).endswith(f":{lab.tls[1]};transport=tls>")
    assert record.members["StatusMessage"] == "Normal Call Clearing"


@wrong
def test_a_carrier_without_a_good_certificate_gets_no_call(
    lab: Lab, trunk: Trunk, carriers: Carriers, certificate: Certificate
) -> None:  # EDGE W9, F4, R34
    behind = free_address(free_host())
    with (
        lab.answer("uas_answer", behind, transport=Transport.TCP) as carrier,
        TlsFront(carriers.first, behind, certificate(lab, carriers.first[0])),
        trunk.call("uac_refused", TO_FIRST, words={"STATUS": 503}) as pbx,
    ):
        pbx.succeed()
        record = trunk.record_of(pbx.call_id())
        assert carrier.messages() == []
    assert record.members["StatusMessage"] == "503 All carriers failed"


@wrong
def test_the_next_carrier_takes_the_call(
    lab: Lab, trunk: Trunk, carriers: Carriers, certificate: Certificate
) -> None:  # EDGE W9, F4
    behind = free_address(free_host())
    good = lab.certificate(carriers.second[0])
    with (
        lab.answer("uas_answer", behind, transport=Transport.TCP) as carrier,
        TlsFront(carriers.first, behind, certificate(lab, carriers.first[0])),
        TlsFront(carriers.second, behind, good),
        trunk.call("uac_call", TO_BOTH, options=TALK) as pbx,
    ):
        pbx.succeed()
        carrier.succeed()
        record = trunk.record_of(pbx.call_id())
    assert record.members["Status"] == "Completed"


def secure_trunk(lab: Lab, *addresses: Address) -> tuple[Trunk, str]:
    """Return a connector that wants encryption, with PBXs in this order, and its number."""
    trunk = lab.new_trunk(encrypted=True)
    trunk.route(*[Route(at, priority=n) for n, at in enumerate(addresses, 1)])
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    return trunk, number


@wrong
def test_a_pbx_without_a_good_certificate_is_not_called(lab: Lab, certificate: Certificate) -> None:
    # EDGE W9, W12, F4, R35
    at, behind = free_address(free_host()), free_address(free_host())
    trunk, number = secure_trunk(lab, at)
    with (
        lab.answer("uas_answer", behind, transport=Transport.TCP) as pbx,
        TlsFront(at, behind, certificate(lab, at[0])),
    ):
        report = lab.stand.call(number)
        assert (report["answered"], report["status"]) == (False, 480), report
        (record,) = eventually(lambda: trunk.records() or None, "the record")
        assert pbx.messages() == []
    assert record.members["StatusMessage"] == "480 All routes failed"


@wrong
def test_the_next_pbx_takes_the_call(lab: Lab, certificate: Certificate) -> None:
    # EDGE W9, W12, F4
    at, behind = free_address(free_host()), free_address(free_host())
    bad = free_address(free_host())
    trunk, number = secure_trunk(lab, bad, at)
    ours = new_crypto(SUITES[0])
    with TlsFront(bad, behind, certificate(lab, bad[0])), Phone(lab.second_carrier[0]) as caller:
        answer = secure_audio(free_address(at[0]), ours)
        with called(lab, number, at, lambda offer: answer, caller) as call:
            assert b"RTP/SAVP" in call.told
            call.end()
    (record,) = eventually(lambda: trunk.records() or None, "the record")
    assert record.members["StatusMessage"] == "Normal Call Clearing"
