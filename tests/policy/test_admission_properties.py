"""Whatever comes, admission says something, and what it says can be put on the wire."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.flow import Address
from edge.policy.verdict import Challenge, Refuse
from edge.sip.grammar import SipParseError
from tests.policy.world import (
    CARRIER,
    DIALED,
    HOST,
    OFFER,
    OWNED,
    PBX,
    STRANGER,
    World,
    datagram,
    with_user,
)

FIELD_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")

ORDINARY = [
    datagram(),
    datagram(uri=f"sip:{OWNED}@198.51.100.10"),
    datagram("OPTIONS", uri=f"sip:{HOST}"),
    datagram(
        fields=(
            'P-Asserted-Identity: "A, B" <sip:+12065550100@x>, <tel:+1-206>',
            "Privacy: id",
            "Require: 100rel",
            "Accept: application/sdp",
            'Proxy-Authorization: Digest username="pbx", realm="r", nonce="n", uri="sip:x", '
            'response="0", nc=00000001, cnonce="c", qop=auth',
            "Diversion: <sip:+12065550100@x>;reason=unknown",
        ),
        body=b"--b\r\nContent-Type: application/sdp\r\n\r\n" + OFFER + b"\r\n--b--\r\n",
        kind="multipart/mixed;boundary=b",
    ),
]

damages = st.lists(
    st.tuples(
        st.integers(0, 2_000),
        st.sampled_from(
            [b"", b"\n", b"\r\n", b"\x00", b'"', b"<", b";", b",", b"%", b"\xff", b"A"]
        ),
        st.integers(0, 3),
    ),
    max_size=4,
)


def damaged(data: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    for position, put, cut in changes:
        at = position % len(data)
        data = data[:at] + put + data[at + cut :]
    return data


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(ORDINARY),
    damages,
    st.sampled_from([PBX, CARRIER, STRANGER]),
    st.booleans(),
)
def test_any_damage_gives_a_verdict_that_fits_the_wire(
    data: bytes, changes: list[tuple[int, bytes, int]], remote: Address, asks: bool
) -> None:
    world = World(with_user()) if asks else World()
    try:
        verdict = world.judge(damaged(data, changes), remote)
    except SipParseError:
        return  # a response or nothing at all: the endpoint drops it before admission
    if isinstance(verdict, Refuse | Challenge):
        assert 400 <= verdict.status < 600
        assert verdict.reason.isprintable()
        for _, value in verdict.fields:
            assert FIELD_VALUE.fullmatch(value), value


@given(st.text(max_size=40))
def test_no_dialed_user_part_is_both_odd_and_admitted(user: str) -> None:  # EDGE O1, S6
    uri = "".join(f"%{octet:02X}" for octet in user.encode("utf-8", "surrogatepass"))
    verdict = World().judge(datagram(uri=f"sip:{uri or '%20'}@{HOST}"))
    assert isinstance(verdict, Refuse)
    assert verdict.status == 403
    assert DIALED not in verdict.hint
