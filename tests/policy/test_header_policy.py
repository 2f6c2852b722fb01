"""Which headers cross the edge (EDGE 1.11)."""

import pytest

from edge.policy.header_policy import MAX_VALUE_CHARACTERS, Way, ending_headers, invite_headers
from edge.policy.verdict import AdmitCall, Fields
from edge.sip.message import Headers, Request, Response
from model.settings import HeaderSettings
from tests.policy.world import CARRIER, OWNED, World, datagram

HOST = "vc.example"
TO_CARRIER, TO_PBX = Way.TO_CARRIER, Way.TO_PBX
HEX = "0123456789abcdef" * 2


def of_invite(way: Way, **headers: str | list[str]) -> Fields:
    return invite_headers(Request("INVITE", "sip:x", named(headers), b""), way, HOST)


def of_ending(way: Way, **headers: str | list[str]) -> Fields:
    return ending_headers(Response(486, "Busy Here", named(headers), b""), way, HOST)


def named(headers: dict[str, str | list[str]]) -> Headers:
    return {
        name.replace("_", "-"): [value] if isinstance(value, str) else value
        for name, value in headers.items()
    }


DROPPED = [
    "from", "to", "contact", "via", "user-agent", "server", "date", "p-asserted-identity",
    "privacy", "remote-party-id", "p-preferred-identity", "p-charging-vector", "p-charge-info",
    "p-access-network-info", "geolocation", "alert-info", "call-info", "organization", "subject",
    "in-reply-to", "replaces", "join", "refer-to", "record-route", "route", "path", "warning",
    "retry-after", "authorization", "proxy-authorization", "proxy-authenticate", "x-vc-id",
    "x-voiceconnector-id", "x-amzn-trace", "allow", "supported", "reason",
]  # fmt: skip


@pytest.mark.parametrize("name", DROPPED)
def test_what_the_table_does_not_pass_never_crosses(name: str) -> None:
    message = Request("INVITE", "sip:x", {name: ["<sip:+12065550100@pbx.example>"]}, b"")
    for way in Way:
        assert invite_headers(message, way, HOST) == ()
        if name != "reason":
            assert ending_headers(message, way, HOST) == ()


ON_NET = [
    ("x-custom", "a", (("X-Custom", "a"),)),
    ("x-custom", ["a", "b"], (("X-Custom", "a"), ("X-Custom", "b"))),
    ("x-custom", "a" * MAX_VALUE_CHARACTERS, (("X-Custom", "a" * MAX_VALUE_CHARACTERS),)),
    ("x-custom", "a" * (MAX_VALUE_CHARACTERS + 1), ()),
    ("x-custom", "a\tb", ()),
    ("x-custom", ["a"] * 11, (("X-Custom", "a"),) * 10),
    ("user-to-user", "00;encoding=hex", (("User-to-User", "00;encoding=hex"),)),
    ("identity", "ey.x;info=<https://c>", (("Identity", "ey.x;info=<https://c>"),)),
    ("history-info", "<sip:+12065550101@x>;index=1",
     (("History-Info", "<sip:+12065550101@vc.example>;index=1"),)),
    ("diversion", "<sip:+12065550101@x>", (("Diversion", "<sip:+12065550101@vc.example>"),)),
    ("session-id", HEX, (("Session-ID", HEX),)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "crossing"), ON_NET)
def test_between_connectors_customers_headers_pass(
    name: str, value: str | list[str], crossing: Fields
) -> None:  # EDGE 1.11
    assert of_invite(Way.ON_NET, **{name: value}) == crossing
    if name.startswith("x-"):
        assert of_invite(TO_CARRIER, **{name: value}) == of_invite(TO_PBX, **{name: value}) == ()


INVITES = [
    ("Max-Breadth out", TO_CARRIER, "max-breadth", "60", "60"),
    ("Max-Breadth in", TO_PBX, "max-breadth", "60", "60"),
    ("Max-Breadth no number", TO_PBX, "max-breadth", "-1", None),
    ("Diversion rewritten", TO_CARRIER, "diversion",
     '"Bob" <sip:+12065550101@10.0.0.5:5062;user=phone>;reason=user-busy;counter=1;foo=bar',
     "<sip:+12065550101@vc.example>;reason=user-busy;counter=1"),
    ("Diversion inbound", TO_PBX, "diversion", "<sips:+12065550101@x>;privacy=off",
     "<sip:+12065550101@vc.example>;privacy=off"),
    ("Diversion with a quoted reason", TO_PBX, "diversion",
     '<sip:+12065550101@x>;reason="unknown";screen=a',
     "<sip:+12065550101@vc.example>;reason=unknown;screen=a"),
    ("Diversion broken list", TO_PBX, "diversion", "<sip:+12065550101@x>,", None),
    ("Diversion no number", TO_CARRIER, "diversion", "<sip:alice@x>", None),
    ("Diversion tel", TO_CARRIER, "diversion", "<tel:+12065550101>", None),
    ("Diversion broken", TO_CARRIER, "diversion", '"x <sip:+12065550101@x>', None),
    ("History-Info", TO_PBX, "history-info",
     "<sip:+12065550101@10.1.1.1?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
     "<sip:+12065550101@vc.example>;index=1.1;rc=1"),
    ("History-Info outbound", TO_CARRIER, "history-info", "<sip:+12065550101@x>;index=1", None),
    ("Identity", TO_PBX, "identity", "eyJhbGciOiJF.x-_.y;info=<https://c.example/a.pem>;alg=ES256",
     "eyJhbGciOiJF.x-_.y;info=<https://c.example/a.pem>;alg=ES256"),
    ("Identity outbound", TO_CARRIER, "identity", "abc", None),
    ("Session-ID", TO_CARRIER, "session-id", HEX, HEX),
    ("Session-ID remote", TO_PBX, "session-id", f"{HEX};remote={'0' * 32}",
     f"{HEX};remote={'0' * 32}"),
    ("Session-ID short", TO_PBX, "session-id", HEX[:31], None),
    ("User-to-User", TO_PBX, "user-to-user", "56a390;encoding=hex", "56a390;encoding=hex"),
    ("User-to-User outbound", TO_CARRIER, "user-to-user", "56a390;encoding=hex", None),
    ("User-to-User at the limit", TO_PBX, "user-to-user", "a" * MAX_VALUE_CHARACTERS,
     "a" * MAX_VALUE_CHARACTERS),
    ("User-to-User above", TO_PBX, "user-to-user", "a" * (MAX_VALUE_CHARACTERS + 1), None),
    ("User-to-User control", TO_PBX, "user-to-user", "a\x00b", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("way", "name", "value", "crosses"),
    [row[1:] for row in INVITES],
    ids=[row[0] for row in INVITES],
)
def test_a_header_of_an_invite(way: Way, name: str, value: str, crosses: str | None) -> None:
    found = of_invite(way, **{name: value})
    assert [text for _, text in found] == ([] if crosses is None else [crosses])


def test_at_most_three_diversions_cross_over_all_lines() -> None:
    lines = [f"<sip:+1206555010{n}@x>, <sip:+1206555020{n}@x>" for n in range(3)]
    found = of_invite(TO_CARRIER, diversion=lines)
    assert [name for name, _ in found] == ["Diversion"] * 3
    assert found[2][1] == "<sip:+12065550101@vc.example>"


ENDINGS = [
    ("Q.850", 'q.850 ; cause=16 ;text="Terminated"', 'Q.850;cause=16;text="Terminated"'),
    ("SIP", "SIP;cause=486", "SIP;cause=486"),
    ("cut", f'SIP;cause=1;text="{"a" * 70}"', f'SIP;cause=1;text="{"a" * 64}"'),
    ("harmless", 'SIP;text="a\\"\x01\xe4b"', 'SIP;text="ab"'),
    ("cause is no number", "SIP;cause=abcd", "SIP"),
    ("another protocol", "X.int;reasoncode=0x1", None),
    ("broken", 'SIP;text="', None),
]


@pytest.mark.parametrize(
    ("value", "crosses"), [row[1:] for row in ENDINGS], ids=[row[0] for row in ENDINGS]
)
def test_a_reason_crosses_when_a_call_ends(value: str, crosses: str | None) -> None:
    for way in Way:
        found = of_ending(way, reason=value)
        assert found == (() if crosses is None else (("Reason", crosses),))


def test_two_reasons_of_one_line_both_cross() -> None:
    found = of_ending(TO_PBX, reason="SIP;cause=200, Q.850;cause=16")
    assert [text for _, text in found] == ["SIP;cause=200", "Q.850;cause=16"]


def test_an_admitted_call_brings_its_headers_along() -> None:
    fields = (f"Session-ID: {HEX}", "User-to-User: 56;encoding=hex", "X-Custom: 1")
    outbound = World().judge(datagram(fields=fields))
    assert isinstance(outbound, AdmitCall)
    assert outbound.headers == (("Session-ID", HEX),)
    inbound = World().judge(datagram(uri=f"sip:{OWNED}@198.51.100.10", fields=fields), CARRIER)
    assert isinstance(inbound, AdmitCall)
    assert inbound.headers == (("Session-ID", HEX), ("User-to-User", "56;encoding=hex"))


SETTINGS = [
    ("diversion_out", False, TO_CARRIER, "diversion", "<sip:+12065550101@x>", False),
    ("history_info_in", False, TO_PBX, "history-info", "<sip:+12065550101@x>;index=1", False),
    ("user_to_user_out", True, TO_CARRIER, "user-to-user", "00AB;encoding=hex", True),
    ("custom_out", True, TO_CARRIER, "x-ticket", "42", True),
    ("custom_in", True, TO_PBX, "x-ticket", "42", True),
]


@pytest.mark.parametrize(("name", "value", "way", "header", "text", "passes"), SETTINGS)
def test_an_operator_may_let_more_or_less_cross(
    name: str, value: bool, way: Way, header: str, text: str, passes: bool
) -> None:
    # EDGE 1.11
    request = Request("INVITE", "sip:x", {header: [text]}, b"")
    changed = HeaderSettings(**{name: value})
    assert bool(invite_headers(request, way, HOST)) is not passes
    assert bool(invite_headers(request, way, HOST, changed)) is passes
    assert invite_headers(request, Way.ON_NET, HOST, changed) == invite_headers(
        request, Way.ON_NET, HOST
    )


@pytest.mark.parametrize("name", ["x-amzn-trace", "x-voiceconnector-id", "x-vc-anything"])
def test_what_is_ours_to_set_never_crosses(name: str) -> None:
    # EDGE 1.11
    request = Request("INVITE", "sip:x", {name: ["1"]}, b"")
    everything = HeaderSettings(user_to_user_out=True, custom_out=True, custom_in=True)
    assert all(invite_headers(request, way, HOST, everything) == () for way in Way)
