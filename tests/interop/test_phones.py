"""baresip and linphonec as a customer's phones: whole calls with audio, out and in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edge.flow import Address, Transport
from tests.e2e.lab import CALLER, Lab, Route, Trunk, eventually
from tests.e2e.running import free_port
from tests.interop.phones import Baresip, Linphone, Phone

pytestmark = [
    pytest.mark.sockets,
    pytest.mark.interop,
    pytest.mark.xdist_group("interop"),
    pytest.mark.parametrize("kind", [Baresip, Linphone]),
]

ECHOES = "+12125550100"
"""Sends back what it hears: a phone that hears anything has been heard."""
HANGS_UP = "+12125550109"
"""Two seconds after the answer."""
over_each_transport = pytest.mark.parametrize("transport", Transport, ids=str)
but_tls = pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP], ids=str)
"""Routes over TLS are those of connectors that want encryption, media too (EDGE W12, R12)."""
ENDED = {Baresip: "terminated", Linphone: "ended"}
Kind = type[Baresip] | type[Linphone]


@contextmanager
def phone_of(
    lab: Lab, kind: Kind, transport: Transport, *, is_called: bool = False
) -> Iterator[tuple[Trunk, Phone, str]]:
    """Give a trunk, its phone, and the number that rings there when it is to be called."""
    trunk, number = lab.new_trunk(), ""
    # baresip's media comes from the machine's usual address, which has to be the one of its SIP;
    # and it takes its port for TCP as well.
    host = "127.0.0.1" if kind is Baresip else trunk.pbx
    at: Address = (host, free_port())
    if is_called:
        trunk.route(Route(at, transport=transport))
        number = trunk.number()
    # A connection of linphone's comes from there too, whatever address it was told to use.
    trunk.permit(CidrAllowedList=[f"{trunk.pbx}/32", "127.0.0.1/32"])
    trunk.await_effect()
    user = number or CALLER
    secure = transport is Transport.TLS
    with kind(
        lab.folder,
        at=at,
        edge=lab.tls if secure else lab.edge,
        user=user,
        transport=transport,
        authority=lab.ca_file if secure else None,
    ) as phone:
        yield trunk, phone, number


def record_of_the_only_call(trunk: Trunk) -> dict[str, str | int]:
    (record,) = eventually(lambda: trunk.records() or None, "the record")
    return dict(record.members)


def hears(phone: Phone) -> Callable[[], bool | None]:
    return lambda: phone.hears or None


@over_each_transport
def test_a_phone_calls_and_hears_itself(lab: Lab, kind: Kind, transport: Transport) -> None:
    # EDGE O1, O2, D1, Q4: its Route header names the edge, its Via asks for rport.
    with phone_of(lab, kind, transport) as (trunk, phone, _):
        phone.dial(f"sip:{ECHOES}@{trunk.host}")
        eventually(hears(phone), "its own voice comes back")
        phone.hang_up()
        record = record_of_the_only_call(trunk)
    assert (record["Status"], record["ToNumber"]) == ("Completed", ECHOES)
    assert record["StatusMessage"] == "Normal Call Clearing"


@over_each_transport
def test_a_phone_is_hung_up_on(lab: Lab, kind: Kind, transport: Transport) -> None:  # EDGE D1
    with phone_of(lab, kind, transport) as (trunk, phone, _):
        phone.dial(f"sip:{HANGS_UP}@{trunk.host}")
        phone.await_line(ENDED[kind])
        assert record_of_the_only_call(trunk)["StatusMessage"] == "Normal Call Clearing"


@but_tls
def test_a_phone_is_called(lab: Lab, kind: Kind, transport: Transport) -> None:  # EDGE I1, D1
    with phone_of(lab, kind, transport, is_called=True) as (trunk, phone, number):
        report = lab.stand.call(number, duration_s=1.5)
        assert (report["answered"], report["ended_by"]) == (True, "us"), report
        assert report["packets_received"] > 25, report
        assert phone.hears
        record = record_of_the_only_call(trunk)
    assert (record["Disposition"], record["Status"]) == ("Origination", "Completed")
