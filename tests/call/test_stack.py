"""What every leg stands on: our address on each transport, and the ways to those we call."""

import pytest

from edge.call.leg import Stack
from edge.flow import Address, Flow, Transport
from edge.routing.targets import Target
from tests.sip.stand import HERE, PEER, Stand
from tests.support.ids import CountingIds


def stack(tls_port: int = 5061) -> Stack:
    bench = Stand()
    return Stack(
        endpoint=bench.endpoint,
        timers=bench.timers,
        ids=CountingIds("s"),
        address=HERE,
        product="test",
        tls_port=tls_port,
    )


@pytest.mark.parametrize(
    ("transport", "contact"),
    [
        (Transport.UDP, "<sip:198.51.100.10:5060;transport=udp>"),
        (Transport.TCP, "<sip:198.51.100.10:5060;transport=tcp>"),
        (Transport.TLS, "<sip:198.51.100.10:15061;transport=tls>"),
    ],
)
def test_our_contact_shows_the_port_of_its_transport(transport: Transport, contact: str) -> None:
    # EDGE B3, W10
    assert stack(15_061).contact(transport) == ("Contact", contact)


@pytest.mark.parametrize(
    ("transport", "local"),
    [(Transport.UDP, HERE), (Transport.TCP, HERE), (Transport.TLS, (HERE[0], 5061))],
)
def test_the_way_to_a_target_knows_our_end_and_the_name_to_ask_for(
    transport: Transport, local: Address
) -> None:  # EDGE W9, W14
    target = Target(PEER, transport, "pbx.example.com", "pbx", tls_name="pbx.example.com")
    assert stack().flow_to(target) == Flow(transport, local, PEER, tls_name="pbx.example.com")
