"""Which addresses media may go to or come from (EDGE S11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.targets import permitted, permitted_source

OWN = frozenset({"198.51.100.10", "10.0.0.0/16"})

# (address, in the cloud, with privateMedia, in lab mode)                            EDGE S11
CASES = [
    ("203.0.113.9", True, True, True),
    ("0.0.0.0", False, False, False),
    ("0.1.2.3", False, False, False),
    ("127.0.0.1", False, False, True),
    ("127.9.9.9", False, False, True),
    ("169.254.169.254", False, False, False),
    ("169.254.170.2", False, False, False),
    ("224.0.0.1", False, False, False),
    ("255.255.255.255", False, False, False),
    ("240.0.0.1", False, False, False),
    ("10.1.0.1", False, True, True),
    ("172.16.0.1", False, True, True),
    ("172.32.0.1", True, True, True),
    ("192.168.1.1", False, True, True),
    ("100.64.0.1", False, True, True),
    ("198.51.100.10", False, False, True),
    ("10.0.3.4", False, False, True),
    ("2001:db8::1", False, False, False),
    ("2a00:1450::1", True, True, True),
    ("fd00:ec2::254", False, False, False),
    ("fe80::1", False, False, False),
    ("::1", False, False, False),
    ("ff02::1", False, False, False),
    ("2002:7f00:1::", False, False, False),
    ("64:ff9b::7f00:1", False, False, False),
    ("::ffff:169.254.169.254", False, False, False),
    ("::ffff:203.0.113.9", True, True, True),
    ("metadata.internal", False, False, False),
    ("", False, False, False),
]


@pytest.mark.parametrize(("host", "cloud", "private", "lab"), CASES, ids=[c[0] for c in CASES])
def test_each_class_of_address(host: str, cloud: bool, private: bool, lab: bool) -> None:
    target = (host, 20000)
    assert permitted(target, lab_mode=False, private_media=False, own=OWN) is cloud
    assert permitted(target, lab_mode=False, private_media=True, own=OWN) is private
    assert permitted(target, lab_mode=True, private_media=False, own=OWN) is lab


@pytest.mark.parametrize(("port", "fits"), [(0, False), (1023, False), (1024, True)])
def test_ports_below_1024_are_refused(port: int, fits: bool) -> None:
    target = ("203.0.113.9", port)
    assert permitted(target, lab_mode=True, private_media=True, own=OWN) is fits


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "198.51.100.10"])
def test_our_own_bound_ports_are_refused_even_in_lab_mode(host: str) -> None:
    ports = {20000, 20001}
    for port, fits in ((20000, False), (20001, False), (20002, True)):
        allowed = permitted(
            (host, port), lab_mode=True, private_media=True, own=OWN, own_ports=ports
        )
        assert allowed is fits
    assert permitted(
        ("203.0.113.9", 20000), lab_mode=True, private_media=True, own=OWN, own_ports=ports
    )


def test_a_configured_peer_brings_its_networks_but_never_the_metadata_address() -> None:
    networks = ("192.168.7.0/24", "169.254.0.0/16")
    for host, fits in (
        ("192.168.7.9", True),
        ("192.168.8.9", False),
        ("169.254.169.254", False),
    ):
        allowed = permitted_source(
            host, lab_mode=False, private_media=False, own=OWN, peer_networks=networks
        )
        assert allowed is fits


@given(st.text())
def test_any_text_gives_an_answer(text: str) -> None:
    assert isinstance(
        permitted_source(text, lab_mode=True, private_media=True, own=frozenset()), bool
    )
