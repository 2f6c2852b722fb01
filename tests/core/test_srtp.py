"""Keys on the legs of whole calls (EDGE R12, R13, K3, K4, K14-K16, N2, F12, A1, A3).

A is the PBX, over TLS where its media is encrypted; B the carrier; A2 the PBX of another connector.
"""

from dataclasses import replace

import pytest

from edge.flow import Address, Transport
from edge.media.sdes import CryptoLine
from edge.media.sdp import read
from edge.media.session import LegMedia, Side
from edge.media.srtp_keys import LegSrtp, SrtpKey, Suite
from edge.media.terms import Codec, Encryption, Terms
from edge.sip.exchange import Fields
from edge.sip.message import Message, parse_datagram
from model.connector import Connector, Origination, Route, Termination
from model.settings import SrtpSettings
from tests.core.stand import (
    CONNECTOR_ID,
    EDGE,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    SECOND_PBX,
    SETTINGS,
    TLS_EDGE,
    Node,
    Stage,
    connector,
    number,
    responses,
)
from tests.core.test_on_net import group, grouped
from tests.core.test_reoffers import media_of
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import Carried, LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply
from tests.support.sdp import AES_128, AES_256, SAVP, audio, crypto

OTHER_ID = "zyxwvutsrqponmlkjihg98"
OTHERS_NUMBER = "+12065550177"
TLS_PBX: Address = (PBX[0], 5061)
TLS_SECOND_PBX: Address = (SECOND_PBX[0], 5061)
EVERYTHING = Terms(Encryption.BEST_EFFORT, frozenset(Suite), frozenset(Codec))


def encrypted(
    host: str = PBX[0], *lines: str, port: int = 20_000, direction: str = "sendrecv"
) -> bytes:
    """Return a description with RTP/SAVP, by default with one key."""
    return audio(host, port, profile=SAVP, crypto=lines or (crypto(),), direction=direction)


def body_of(carried: Carried) -> bytes:
    message: Message = parse_datagram(carried.data)
    return message.body


def lines_in(body: bytes) -> tuple[CryptoLine, ...]:
    return read(body, EVERYTHING).crypto


def profile_in(body: bytes) -> str:
    offer = read(body, EVERYTHING)
    return offer.lines[offer.audio].profile


def key_of(line: str) -> SrtpKey:
    """Return the key that a peer's line holds."""
    ((_, _, key),) = lines_in(encrypted(PBX[0], line))
    return key


def mine(*, required: bool = True) -> Connector:
    """Return the connector of the first PBX."""
    return replace(
        connector(),
        require_encryption=required,
        origination=Origination(routes=(Route(host=PBX[0]),)),
        termination=Termination(
            calling_regions=("US",), cidr_allowed_list=(f"{PBX[0]}/32",), cps_limit=100
        ),
    )


def theirs(*, required: bool) -> Connector:
    """Return the connector of the second PBX."""
    return replace(
        mine(required=required),
        connector_id=OTHER_ID,
        origination=Origination(routes=(Route(host=SECOND_PBX[0]),)),
        termination=None,
    )


def node_of(*connectors: Connector, optional: bool = False) -> Node:
    settings = replace(SETTINGS, srtp=SrtpSettings(optional=optional))
    numbers = (number(), replace(number(OTHERS_NUMBER), connector_id=OTHER_ID))
    return Node(*(connectors or (mine(),)), settings=settings, numbers=numbers)


class Outbound:
    """A call of the PBX's over TLS, to the carrier."""

    def __init__(
        self,
        link: LossyLink,
        body: bytes,
        *offers: Offer,
        node: Node | None = None,
        ack_body: bytes | None = None,
        replies: tuple[Reply, ...] = (Reply(),),
        carrier: CalleePlan = CalleePlan(steps=(Step(0.0, 200),)),  # noqa: B008 - immutable
        fields: Fields = (),
    ) -> None:
        node = node_of() if node is None else node
        self.stage = Stage(link, node=node, carrier=carrier, transport=Transport.TLS)
        plan = CallerPlan(
            body=body,
            offers=offers,
            ack_body=ack_body,
            replies=replies,
            bye_after_s=60.0,
            fields=fields,
        )
        self.call = self.stage.pbx.call(OUTBOUND_URI, TLS_EDGE, plan, 0.0)

    def leg(self, side: Side = Side.A) -> LegMedia:
        return media_of(self.stage, side)

    def keys(self, side: Side = Side.A) -> LegSrtp:
        keys = self.leg(side).srtp
        assert keys is not None
        return keys


def inbound(
    link: LossyLink,
    *steps: Step,
    node: Node | None = None,
    second_pbx: CalleePlan = CalleePlan(),  # noqa: B008 - immutable
) -> Stage:
    """Let the carrier call the PBX, which is reached over TLS."""
    plan = CalleePlan(steps=steps or (Step(0.0, 200, body=encrypted()),))
    stage = Stage(link, node=node_of() if node is None else node, pbx=plan, second_pbx=second_pbx)
    link.join(stage.pbx, TLS_PBX)
    link.join(stage.second_pbx, TLS_SECOND_PBX)
    stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=60.0), 0.0)
    return stage


@pytest.mark.parametrize("required", [True, False])
def test_the_callers_leg_is_encrypted_and_the_carriers_plain(required: bool) -> None:
    # EDGE R12, R13, K3, K4, K16
    with lossy_link(1) as link:
        lines = (crypto(7, "aes_cm_256_hmac_sha1_80", 3), crypto(8, AES_128, 4))
        out = Outbound(link, encrypted(PBX[0], *lines), node=node_of(mine(required=required)))
        link.run(5.0)
        answer = responses(link, "200")[0].body
        assert profile_in(answer) == SAVP
        (line,) = lines_in(answer)
        assert (line.tag, line.spelling) == ("7", "aes_cm_256_hmac_sha1_80")
        assert out.leg().srtp == LegSrtp(ours=line.key, theirs=key_of(lines[0]))
        assert out.leg(Side.B).srtp is None
        sent = body_of(link.sent("E", "B", "INVITE")[0])
        assert profile_in(sent) == "RTP/AVP" and b"crypto" not in sent
        link.run()
        assert out.stage.record.status_message == "Normal Call Clearing"
        out.stage.assert_quiet()


def test_a_pbx_that_requires_encryption_is_offered_it() -> None:  # EDGE W12, K9, K3, SD8
    with lossy_link(1) as link:
        answer = encrypted(PBX[0], crypto(2, AES_256, 5))
        stage = inbound(link, Step(0.0, 183, sdp=True, body=answer), Step(1.0, 200, body=answer))
        link.run(0.5)
        early = media_of(stage, Side.B).srtp
        link.run(5.0)
        (invite,) = link.sent("E", "A", "INVITE")
        assert invite.remote == TLS_PBX
        assert profile_in(body_of(invite)) == SAVP
        offered = lines_in(body_of(invite))
        assert [it.tag for it in offered] == list("123456")
        keys = LegSrtp(ours=offered[1].key, theirs=key_of(crypto(2, AES_256, 5)))
        assert early == media_of(stage, Side.B).srtp == keys
        assert media_of(stage, Side.A).srtp is None
        assert b"crypto" not in body_of(link.sent("E", "B", "200")[0])
        link.run()
        stage.assert_quiet()


# (whether the caller's side requires encryption, and the callee's)                      EDGE N2
@pytest.mark.parametrize(("callers", "callees"), [(True, False), (False, True), (True, True)])
def test_each_side_of_an_on_net_call_has_its_own_encryption(callers: bool, callees: bool) -> None:
    with lossy_link(1) as link:
        node = node_of(mine(required=callers), theirs(required=callees))
        body = encrypted(SECOND_PBX[0], crypto(1, AES_128, 9)) if callees else None
        stage = Stage(
            link,
            node=node,
            second_pbx=CalleePlan(steps=(Step(0.0, 200, body=body),)),
            transport=Transport.TLS if callers else Transport.UDP,
        )
        link.join(stage.second_pbx, TLS_SECOND_PBX)
        plan = CallerPlan(body=encrypted() if callers else None, bye_after_s=9.0)
        uri = f"sip:{OTHERS_NUMBER}@{HOST}"
        stage.pbx.call(uri, TLS_EDGE if callers else EDGE, plan, 0.0)
        link.run(5.0)
        a, b = media_of(stage, Side.A).srtp, media_of(stage, Side.B).srtp
        assert (a is not None, b is not None) == (callers, callees)
        if a is not None and b is not None:
            assert len({a.ours.key, a.theirs.key, b.ours.key, b.theirs.key}) == 4  # EDGE K4
        link.run()
        assert len(stage.node.records) == 2
        stage.assert_quiet()


def test_no_two_calls_share_a_key() -> None:  # EDGE K4
    with lossy_link(1) as link:
        stage = Outbound(link, encrypted()).stage
        stage.pbx.call(OUTBOUND_URI, TLS_EDGE, CallerPlan(body=encrypted(), bye_after_s=9.0), 1.0)
        link.run()
        keys = [lines_in(it.body)[0].key for it in responses(link, "200") if it.body]
        assert len(keys) == 2 and keys[0].key != keys[1].key and keys[0].salt != keys[1].salt


@pytest.mark.parametrize(("optional", "is_used"), [(True, True), (False, False)])
def test_keys_in_a_plain_offer_are_the_operators_choice(optional: bool, is_used: bool) -> None:
    # EDGE K15
    with lossy_link(1) as link:
        node = node_of(mine(required=False), optional=optional)
        out = Outbound(link, audio(crypto=(crypto(),)), node=node)
        link.run(5.0)
        answer = responses(link, "200")[0].body
        assert profile_in(answer) == "RTP/AVP"
        assert (b"a=crypto:1 " in answer, out.leg().srtp is not None) == (is_used, is_used)
        link.run()
        out.stage.assert_quiet()


# (name, the callee's answer, what the caller is told)
NO_ANSWERS = [
    ("plain", audio(), 'Encrypted media required"'),
    ("without keys", audio(profile=SAVP), 'No usable a=crypto line"'),
    ("a line we did not offer", encrypted(PBX[0], crypto(9)), 'No usable a=crypto line"'),
    ("useless keys", encrypted(PBX[0], "1 AES_CM_128_HMAC_SHA1_80 inline:x"), "No usable a=crypto"),
]


@pytest.mark.parametrize(
    ("body", "told"), [row[1:] for row in NO_ANSWERS], ids=[row[0] for row in NO_ANSWERS]
)
def test_a_callee_that_answers_without_keys_loses_the_call(body: bytes, told: str) -> None:
    # EDGE K15
    with lossy_link(1) as link:
        steps = (Step(0.0, 183, sdp=True, body=body), Step(1.0, 200, body=body))
        stage = inbound(link, *steps)
        link.run()
        (bye,) = link.sent("E", "A", "BYE")
        assert parse_datagram(bye.data).get("reason") == "SIP;cause=488"
        final = stage.carrier.placed[0].final
        assert final is not None and final.status == 488
        assert told in final.require("warning")
        stage.assert_quiet()


def test_a_late_offer_brings_the_keys_in_the_ack() -> None:  # EDGE A1, K9, K14
    with lossy_link(1) as link:
        out = Outbound(link, b"", ack_body=encrypted(PBX[0], crypto(2, AES_256, 6)))
        link.run(5.0)
        offered = lines_in(responses(link, "200")[0].body)
        assert [it.tag for it in offered] == list("123456")
        assert out.keys() == LegSrtp(offered[1].key, key_of(crypto(2, AES_256, 6)))
        link.run()
        out.stage.assert_quiet()


@pytest.mark.parametrize("ack", [audio(), audio(profile=SAVP)], ids=["plain", "without keys"])
def test_an_ack_without_keys_ends_the_call(ack: bytes) -> None:  # EDGE K15, A1
    with lossy_link(1) as link:
        out = Outbound(link, b"", ack_body=ack)
        link.run()
        for to in ("A", "B"):
            (bye,) = link.sent("E", to, "BYE")
            assert parse_datagram(bye.data).get("reason") == "SIP;cause=488"
        assert out.stage.record.status_message == "488 Not Acceptable Here"


def test_a_late_offer_needs_no_keys_where_nobody_requires_them() -> None:  # EDGE A1
    with lossy_link(1) as link:
        out = Outbound(link, b"", node=node_of(mine(required=False)))
        link.run(5.0)
        assert profile_in(responses(link, "200")[0].body) == "RTP/AVP"
        assert out.leg().srtp is None


def test_every_target_is_offered_keys_of_its_own() -> None:  # EDGE K4, F4
    with lossy_link(1) as link:
        routes = (Route(host=PBX[0], priority=1), Route(host=SECOND_PBX[0], priority=2))
        both = replace(mine(), origination=Origination(routes=routes))
        answer = encrypted(SECOND_PBX[0], crypto(1, AES_128, 8))
        stage = inbound(
            link,
            Step(0.0, 503),
            node=node_of(both),
            second_pbx=CalleePlan(steps=(Step(0.0, 200, body=answer),)),
        )
        link.run(5.0)
        first, second = (lines_in(body_of(link.sent("E", to, "INVITE")[0])) for to in ("A", "A2"))
        assert len({it.key.key[:16] for it in (*first, *second)}) == 12
        keys = media_of(stage, Side.B).srtp
        assert keys == LegSrtp(second[0].key, key_of(crypto(1, AES_128, 8)))
        link.run()
        stage.assert_quiet()


@pytest.mark.parametrize("first_is_encrypted", [True, False])
def test_the_connectors_of_a_group_differ_in_encryption(first_is_encrypted: bool) -> None:
    # EDGE F12, R12
    with lossy_link(1) as link:
        one, other = mine(required=first_is_encrypted), theirs(required=not first_is_encrypted)
        node = grouped(group((CONNECTOR_ID, 1), (OTHER_ID, 2)), one, other)
        answer = None if first_is_encrypted else encrypted(SECOND_PBX[0])
        stage = inbound(
            link,
            Step(0.0, 503),
            node=node,
            second_pbx=CalleePlan(steps=(Step(0.0, 200, body=answer),)),
        )
        link.run(5.0)
        profiles = [profile_in(body_of(link.sent("E", to, "INVITE")[0])) for to in ("A", "A2")]
        assert profiles == ([SAVP, "RTP/AVP"] if first_is_encrypted else ["RTP/AVP", SAVP])
        assert (media_of(stage, Side.B).srtp is None) is first_is_encrypted
        link.run()
        stage.assert_quiet()


def test_keys_follow_the_early_dialog_that_spoke_last() -> None:  # EDGE A3
    with lossy_link(1) as link:
        forks = [
            encrypted(PBX[0], crypto(1, AES_128, 2)),
            encrypted(PBX[0], crypto(2, AES_256, 3), port=30_002),
        ]
        stage = inbound(
            link,
            Step(0.0, 183, sdp=True, tag="x", body=forks[0]),
            Step(1.0, 183, sdp=True, tag="y", body=forks[1]),
            Step(2.0, 200, tag="x", body=forks[0]),
        )
        offered: tuple[CryptoLine, ...] = ()
        for moment, line, body in ((0.5, 0, forks[0]), (1.5, 1, forks[1]), (3.0, 0, forks[0])):
            link.run(moment)
            offered = lines_in(body_of(link.sent("E", "A", "INVITE")[0]))
            expected = LegSrtp(offered[line].key, lines_in(body)[0].key)
            assert media_of(stage, Side.B).srtp == expected
        link.run()
        stage.assert_quiet()


def test_no_log_line_and_no_record_shows_a_key() -> None:  # EDGE S14, K4
    with lossy_link(1) as link:
        out = Outbound(link, encrypted(), Offer(5.0, body=audio(crypto=(crypto(),))))
        stage = out.stage
        stage.pbx.call(OUTBOUND_URI, TLS_EDGE, CallerPlan(body=audio(crypto=(crypto(),))), 1.0)
        link.run(10.0)
        keys = out.keys()
        link.run()
        said = f"{stage.node.logs} {stage.node.records} {stage.node.journalled} {keys}"
        assert "call-refused" in said
        for secret in (crypto().rpartition(":")[2], lines_in(responses(link, "200")[0].body)):
            if isinstance(secret, tuple):
                secret = repr(secret[0].key.key)
            assert secret not in said
        assert "inline" not in said
