"""Origination through unmodified boto3."""

from typing import Any

import pytest

from emulator.aws import EmbeddedAws
from model.settings import ApiSettings, Settings
from tests.management.stand import UNCHECKED, Stand, running

pytestmark = pytest.mark.sockets

ROUTE = {"Host": "200.100.12.1", "Port": 5060, "Protocol": "TCP", "Priority": 1, "Weight": 1}


def put(client: Any, connector_id: str, origination: dict[str, Any]) -> Any:
    answer = client.put_voice_connector_origination(
        VoiceConnectorId=connector_id, Origination=origination
    )
    return answer["Origination"]


def test_put_echoes_and_get_returns_the_same(stand: Stand, voice: Any) -> None:
    # API OR1 V5
    connector_id = stand.new_connector()
    wanted = {"Routes": [ROUTE], "Disabled": False}
    assert put(voice, connector_id, {"Routes": [ROUTE]}) == wanted
    read = voice.get_voice_connector_origination(VoiceConnectorId=connector_id)
    assert read["Origination"] == wanted


def test_routes_keep_the_order_in_which_they_were_sent(stand: Stand, voice: Any) -> None:
    # API OR5
    routes = [
        ROUTE | {"Host": f"200.100.12.{n}", "Priority": p} for n, p in ((3, 2), (1, 1), (2, 9))
    ]
    assert put(voice, stand.new_connector(), {"Routes": routes})["Routes"] == routes


def test_left_out_members_take_their_defaults(stand: Stand, voice: Any) -> None:
    # API OR2
    full = {"Host": "pbx.example.com", "Port": 5060, "Priority": 1, "Weight": 1}
    route = {"Host": "pbx.example.com"}
    plain = put(voice, stand.new_connector(), {"Routes": [route]})
    assert plain["Routes"] == [full | {"Protocol": "UDP"}]
    encrypted = put(voice, stand.new_connector(RequireEncryption=True), {"Routes": [route]})
    assert encrypted["Routes"] == [full | {"Protocol": "TCP"}]


def test_udp_on_an_encrypted_connector_is_stored(stand: Stand, voice: Any) -> None:
    # API OR4
    route = ROUTE | {"Protocol": "UDP"}
    connector_id = stand.new_connector(RequireEncryption=True)
    assert put(voice, connector_id, {"Routes": [route]})["Routes"] == [route]


def test_disabled_alone_is_enough(stand: Stand, voice: Any) -> None:
    # API OR1
    connector_id = stand.new_connector()
    assert put(voice, connector_id, {"Disabled": True}) == {"Routes": [], "Disabled": True}
    with pytest.raises(voice.exceptions.BadRequestException, match="Origination is empty"):
        put(voice, connector_id, {})


def test_unset_is_not_found_and_deleting_it_is_fine(stand: Stand, voice: Any) -> None:
    # API OR7 V4
    connector_id = stand.new_connector()
    for _ in range(2):
        with pytest.raises(voice.exceptions.NotFoundException, match="has no origination"):
            voice.get_voice_connector_origination(VoiceConnectorId=connector_id)
        answer = voice.delete_voice_connector_origination(VoiceConnectorId=connector_id)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        put(voice, connector_id, {"Routes": [ROUTE]})
        voice.delete_voice_connector_origination(VoiceConnectorId=connector_id)
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.delete_voice_connector_origination(VoiceConnectorId="a" * 22)


def test_twenty_routes_fit_and_one_more_does_not(stand: Stand, voice: Any) -> None:
    # API OR3
    connector_id = stand.new_connector()
    put(voice, connector_id, {"Routes": [ROUTE] * 20})
    with pytest.raises(voice.exceptions.BadRequestException, match="21 entries; at most 20"):
        put(voice, connector_id, {"Routes": [ROUTE] * 21})


BAD_ROUTES = [
    ({"Host": None}, r"Routes\[0\].Host is missing"),
    ({"Host": ""}, r"Routes\[0\].Host is missing"),
    ({"Host": "10.1.2.3"}, "publicly routable"),
    ({"Host": "127.0.0.1"}, "publicly routable"),
    ({"Host": "fd00::1"}, "publicly routable"),
    ({"Host": "224.0.0.1"}, "no single host"),
    ({"Host": "0.0.0.0"}, "no single host"),
    ({"Host": "1.2.3.999"}, "an IP address or a domain name"),
    ({"Host": "pbx..example.com"}, "an IP address or a domain name"),
    ({"Host": "a" * 64 + ".com"}, "an IP address or a domain name"),
    ({"Host": "a.b:5060"}, "an IP address or a domain name"),
    ({"Host": "sip:a.b"}, "an IP address or a domain name"),
    ({"Host": ("a" * 60 + ".") * 5 + "com"}, "an IP address or a domain name"),
    ({"Port": 65536}, "Port is 65536; at most 65535"),
    ({"Port": -1}, "Port is -1; at least 0"),
    ({"Port": "5060"}, 'Port is "5060"; an integer'),
    ({"Port": True}, "Port is true; an integer"),
    ({"Priority": 0}, "Priority is 0; at least 1"),
    ({"Priority": 101}, "Priority is 101; at most 100"),
    ({"Weight": 0}, "Weight is 0; at least 1"),
    ({"Weight": 101}, "Weight is 101; at most 100"),
    ({"Protocol": "TLS"}, 'Protocol is "TLS"; one of TCP, UDP'),
]


@pytest.mark.parametrize(("change", "message"), BAD_ROUTES)
def test_a_bad_route_is_refused(stand: Stand, change: dict[str, Any], message: str) -> None:
    # API V1 OR2 OR5
    client = stand.client(config=UNCHECKED)
    route = {name: value for name, value in (ROUTE | change).items() if value is not None}
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        put(client, stand.new_connector(), {"Routes": [route]})


@pytest.mark.parametrize("port", [0, 65535])
def test_the_ends_of_the_port_range_are_taken(stand: Stand, voice: Any, port: int) -> None:
    # API OR2
    stored = put(voice, stand.new_connector(), {"Routes": [ROUTE | {"Port": port}]})
    assert stored["Routes"][0]["Port"] == port


def test_private_hosts_need_the_operators_switch(embedded_aws: EmbeddedAws) -> None:
    # API OR5
    with running(embedded_aws, Settings(api=ApiSettings(private_addresses=True))) as stand:
        for host in ("10.1.2.3", "127.0.0.1", "fd00::1", "localhost"):
            stored = put(
                stand.client(), stand.new_connector(), {"Routes": [ROUTE | {"Host": host}]}
            )
            assert stored["Routes"][0]["Host"] == host
