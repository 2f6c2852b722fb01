"""Asking a name server over UDP, with /etc/hosts before it."""

import asyncio
from pathlib import Path

import pytest

from edge.directory import Directory, Service
from edge.runtime import dns_client
from edge.runtime.dns_client import Answer, DnsClient, LookupFailedError
from edge.runtime.resolver import Resolver
from tests.support.name_server import NameServer, name_server

pytestmark = pytest.mark.sockets


def client_of(server: NameServer, hosts: Path = Path("/nowhere")) -> DnsClient:
    return DnsClient((server.address,), hosts=hosts)


def test_addresses_come_with_their_time_to_live() -> None:  # EDGE W11
    with name_server() as server:
        server.set("pbx.example", "A", "198.51.100.7", "198.51.100.8", ttl=42)
        answer = asyncio.run(client_of(server).addresses("pbx.example"))
        assert (sorted(answer.values), answer.ttl_s) == (["198.51.100.7", "198.51.100.8"], 42.0)


def test_srv_records_are_read() -> None:  # EDGE W11, RFC 2782
    name = "_sips._tcp.pbx.example"
    with name_server() as server:
        server.set(name, "SRV", "2 5 5061 b.pbx.example.", "1 0 5071 a.pbx.example.", ttl=7)
        answer = asyncio.run(client_of(server).services(name))
    records = (Service(1, 0, "a.pbx.example", 5071), Service(2, 5, "b.pbx.example", 5061))
    assert answer == Answer(records, 7.0)


def test_a_service_that_is_not_offered_has_no_host() -> None:  # RFC 2782: a target of "."
    with name_server() as server:
        server.set("_sip._udp.pbx.example", "SRV", "0 0 0 .")
        answer = asyncio.run(client_of(server).services("_sip._udp.pbx.example"))
    assert answer.values == (Service(0, 0, "", 0),)


@pytest.mark.parametrize("name", ["nowhere.example", "v6only.example"])
def test_what_does_not_exist_is_an_answer(name: str) -> None:
    with name_server() as server:
        server.set("v6only.example", "AAAA", "2001:db8::1")
        assert asyncio.run(client_of(server).addresses(name)) == Answer((), 0.0)


def test_a_failing_and_a_silent_server_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_client, "TIMEOUT_S", 0.5)
    with name_server() as server:
        server.set("pbx.example", "A", "SERVFAIL")
        with pytest.raises(LookupFailedError):
            asyncio.run(client_of(server).addresses("pbx.example"))
        server.is_silent = True
        with pytest.raises(LookupFailedError):
            asyncio.run(client_of(server).addresses("other.example"))


def test_the_hosts_file_and_localhost_come_first(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.9\tPBX.example pbx # the old one\n::1 pbx.example\n\n# 1.2.3.4 x\n")
    with name_server() as server:
        client = client_of(server, hosts)
        assert asyncio.run(client.addresses("pbx.example")).values == ("192.0.2.9",)
        assert asyncio.run(client.addresses("localhost")).values == ("127.0.0.1",)
        assert server.asked == []


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "\N{SNOWMAN}" * 60])
def test_a_name_that_cannot_be_asked_for_is_no_fault(name: str) -> None:
    with name_server() as server, pytest.raises(LookupFailedError):
        asyncio.run(client_of(server).addresses(name))


def test_a_route_by_srv_is_resolved_over_the_wire() -> None:  # EDGE W11
    async def resolve(server: NameServer) -> Directory:
        reports: list[Directory] = []
        resolver = Resolver(
            names=client_of(server),
            report=reports.append,
            log=lambda event, fields: None,
            private_addresses=False,
        )
        resolver.set_names(["plain.example"], ["_sip._udp.pbx.example"])
        running = asyncio.create_task(resolver.run())
        async with asyncio.timeout(5):
            while not reports or len(reports[-1].addresses) < 2:
                await asyncio.sleep(0.01)
        running.cancel()
        return reports[-1]

    with name_server() as server:
        server.set("plain.example", "A", "198.51.100.1")
        server.set("_sip._udp.pbx.example", "SRV", "1 1 5070 a.pbx.example.")
        server.set("a.pbx.example", "A", "198.51.100.7")
        directory = asyncio.run(resolve(server))
    assert directory == Directory(
        {"plain.example": ("198.51.100.1",), "a.pbx.example": ("198.51.100.7",)},
        {"_sip._udp.pbx.example": (Service(1, 1, "a.pbx.example", 5070),)},
    )
