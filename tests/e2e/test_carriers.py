"""A carrier that wants digest credentials and a registration, with SIPp as the carrier."""

from collections.abc import Iterator

import pytest

from edge.flow import Address
from tests.e2e.lab import Lab, eventually
from tests.e2e.sipp import free_address, free_host
from tests.support import extensions

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("carriers")]

USER, PASSWORD = "trunk1", "of-the-carrier"
TAKEN = "+14155550100"
"""The carrier takes numbers that begin with +1415, the simulated network all others."""


@pytest.fixture(scope="module")
def carrier() -> Address:
    return free_address(free_host())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, carrier: Address) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    secret = folder / "password"
    secret.write_text(PASSWORD)
    host, port = carrier
    entry = {
        **{"name": "trunk", "host": host, "port": port, "priority": 2, "prefixes": ["+1415"]},
        **{"username": USER, "password": f"file:{secret}", "register": True},
    }
    with Lab(folder, {"carriers": [entry]}) as running:
        yield running


def test_the_edge_registers_and_proves_itself_in_calls(lab: Lab, carrier: Address) -> None:
    # EDGE F13
    words = {"USER": USER, "PASSWORD": PASSWORD}
    # Nobody was there when the edge started: it tries again after ten seconds.
    with lab.answer("uas_registrar", carrier, words=words) as registrar:
        registrar.succeed()
        asked = registrar.received("REGISTER")
    assert asked.start_line == f"REGISTER sip:{carrier[0]} SIP/2.0"
    assert asked.header("Contact") == (
        f"<sip:{USER}@127.0.0.1:{lab.edge[1]};transport=udp>;expires=3600"
    )
    lab.stand.await_line("carrier-registered")
    trunk = lab.new_trunk()
    trunk.permit()
    trunk.await_effect()
    with lab.answer("uas_challenges", carrier, words=words) as far:
        with trunk.call("uac_call", TAKEN, options=("-d", "300")) as pbx:
            pbx.succeed()
            record = trunk.record_of(pbx.call_id())
        far.succeed()
        numbers = [it.header("CSeq") for it in far.messages() if "INVITE sip" in it.start_line]
    assert numbers == ["1 INVITE", "2 INVITE"]
    assert record.members["Status"] == "Completed"


def test_operators_see_the_registration(lab: Lab) -> None:
    # EXT8: rows of nodes are renewed every ten seconds.
    api = f"http://127.0.0.1:{lab.stand.ports['api']}"

    def is_registered() -> bool | None:
        told = extensions.ext(api, "/ext/carriers")["Carriers"]
        (states,) = [it["States"] for it in told if it["Name"] == "trunk"]
        return states[0].get("Registration") == "REGISTERED" or None

    assert eventually(is_registered, "the registration in /ext/carriers")
