"""What a node shows of those it refuses (EDGE S5, S14)."""

from edge.refusals import LINES_AT_ONCE
from tests.core.stand import HOST, PBX, Node, connector

SECRETS = ("password-hash-of-the-caller", "nonce-of-the-edge")


def invite(source: str, *, more: str = "", user: str = "+13125550142") -> bytes:
    return (
        f"INVITE sip:{user}@{HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bK{source}.{len(more)};rport\r\n"
        f"From: <sip:+12065550100@{source}>;tag=a\r\nTo: <sip:{user}@{HOST}>\r\n"
        f"Call-ID: {len(more)}@{source}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{source}>\r\n{more}"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def test_a_flood_from_invented_addresses_writes_few_lines() -> None:  # EDGE S5
    node = Node()
    for number in range(500):
        source = f"192.0.3.{number % 250}"
        node.ask(invite(source).replace(HOST.encode(), b"x.example"), (source, number), 0.001)
    assert len(node.logs) == LINES_AT_ONCE
    node.ask(invite("192.0.4.1").replace(HOST.encode(), b"x.example"), ("192.0.4.1", 5060), 5.0)
    assert len(node.logs) == LINES_AT_ONCE + 1


def test_one_source_that_floods_writes_one_line() -> None:  # EDGE S5
    node = Node()
    for number in range(500):
        node.ask(b"REGISTER sip:x SIP/2.0\r\n\r\n", ("192.0.3.1", number), 0.001 * number)
    assert len(node.logs) == 0  # nothing readable, nothing to tell
    register = invite("192.0.3.1").replace(b"INVITE", b"REGISTER").replace(HOST.encode(), b"x.y")
    for number in range(500):
        node.ask(register, ("192.0.3.1", number), 1.0 + 0.001 * number)
    assert [it.event for it in node.logs] == ["source-refused"]


def test_no_credentials_and_no_control_characters_are_shown() -> None:  # EDGE S14, S15
    node = Node(connector(user=("pbx", "secret")))
    response, nonce = SECRETS
    given = (
        f'Proxy-Authorization: Digest username="pbx", realm="{HOST}", nonce="{nonce}", '
        f'uri="sip:x@{HOST}", response="{response}", algorithm=MD5, qop=auth, nc=00000001, '
        'cnonce="c"\r\n'
    )
    node.ask(invite(PBX[0], more=given), PBX, 0.0)
    node.ask(invite(PBX[0], more=given + "Require: a\tb\r\n"), PBX, 20.0)
    node.load(connector())
    node.ask(invite(PBX[0], more=given + "X: y\r\n", user="%0d%0aevil"), PBX, 40.0)
    assert "call-refused" in {it.event for it in node.logs}
    shown = "".join(str(value) for it in node.logs for value in it.fields.values())
    assert "0d%0aevil" not in shown and "evil" in shown
    assert shown.isprintable()
    for secret in SECRETS:
        assert secret not in shown
