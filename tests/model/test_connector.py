"""A connector as both planes see it: host, allow list, hashed credentials."""

from dataclasses import FrozenInstanceError
from hashlib import md5, sha256
from ipaddress import ip_network

import pytest

from model.connector import Credential, Origination, Protocol, Route, Termination, connector_host


@pytest.mark.parametrize(
    ("connector_id", "domain", "host"),
    [
        ("abcdef1ghij2klmno3pqr4", "vc.example.com", "abcdef1ghij2klmno3pqr4.vc.example.com"),
        ("ABC", "VC.Example.COM", "abc.vc.example.com"),
    ],
)
def test_the_host_of_a_connector_is_in_lower_case(
    connector_id: str, domain: str, host: str
) -> None:
    assert connector_host(connector_id, domain) == host  # API VC3, EDGE G3


def test_a_credential_holds_hashes_and_never_the_password() -> None:  # A5, EDGE G1
    credential = Credential.from_password("pbx", "tr0ub4dor", realm="abc.vc.example.com")
    secret = b"pbx:abc.vc.example.com:tr0ub4dor"
    assert credential.ha1_md5 == md5(secret, usedforsecurity=False).hexdigest()
    assert credential.ha1_sha256 == sha256(secret).hexdigest()
    assert "tr0ub4dor" not in repr(credential)


def test_the_hashes_are_those_of_rfc_7616() -> None:  # RFC 7616 §3.9.1
    credential = Credential.from_password("Mufasa", "Circle of Life", realm="http-auth@example.org")
    assert credential.ha1_md5 == "3d78807defe7de2157e2b0b6573a855f"


@pytest.mark.parametrize(("username", "realm"), [("pbx2", "h"), ("pbx", "h2")])
def test_another_user_or_realm_has_another_hash(username: str, realm: str) -> None:
    usual = Credential.from_password("pbx", "secret", realm="h")
    other = Credential.from_password(username, "secret", realm=realm)
    assert usual.ha1_md5 != other.ha1_md5
    assert usual.ha1_sha256 != other.ha1_sha256


@pytest.mark.parametrize(
    ("entry", "network"),
    [
        ("198.51.100.7/32", "198.51.100.7/32"),
        ("198.51.100.7", "198.51.100.7/32"),
        ("198.51.100.7/27", "198.51.100.0/27"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:db8::1/64", "2001:db8::/64"),
    ],
)
def test_the_allow_list_ignores_host_bits(entry: str, network: str) -> None:  # API TM2
    termination = Termination(calling_regions=("US",), cidr_allowed_list=(entry,))
    assert termination.networks() == (ip_network(network),)


def test_an_empty_allow_list_admits_nobody() -> None:  # API TM1
    assert Termination(calling_regions=("US",)).networks() == ()


def test_the_defaults_are_those_of_the_api() -> None:  # API OR2, TM1
    route = Route(host="pbx.example.com")
    assert (route.port, route.protocol, route.priority, route.weight) == (5060, Protocol.UDP, 1, 1)
    assert (Origination().routes, Origination().disabled) == ((), False)
    termination = Termination(calling_regions=("US",))
    assert (termination.cps_limit, termination.disabled) == (1, False)
    assert termination.default_phone_number is None


def test_what_is_configured_does_not_change_under_a_reader() -> None:
    route = Route(host="pbx.example.com")
    with pytest.raises(FrozenInstanceError):
        route.port = 5070  # type: ignore[misc]  # that is the test
