"""What is fed: each target takes one chance, makes inputs of it and fails when something gives way.

A target returns how many inputs it has fed, for a call of the Core is many.
"""

import random
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from edge.media import rtcp, rtp
from edge.media.keying import Keying
from edge.media.local_sdp import LocalDescription
from edge.media.sdes import SdesRules
from edge.media.sdp import SdpError, read, read_answer
from edge.media.session import Direction
from edge.media.srtp_keys import Suite
from edge.media.terms import Codec, Encryption, Terms
from edge.policy.content import sdp_body
from edge.sip.digest import parse_challenge, parse_credentials
from edge.sip.exchange import ServerTransaction
from edge.sip.framing import FrameKind, StreamFramer
from edge.sip.grammar import (
    SipParseError,
    host_and_port,
    parameters,
    split_list,
    unquote,
    whole_number,
)
from edge.sip.headers import delta_seconds, parse_cseq, parse_name_address, parse_via
from edge.sip.message import MalformedRequest, Message, Request, check_response, parse_datagram
from edge.sip.uri import parse_uri, scheme_of, unescaped
from edge.sip.writing import response_bytes
from model.srtp import SrtpSettings
from tests.fuzz.core_target import core
from tests.fuzz.corpus import descriptions, messages, values
from tests.fuzz.mutation import Mutator
from tests.sip.stand import BYE, FLOW, INVITE, Answerer, Caller, Stand
from tests.support.ids import CountingIds

Target = Callable[[random.Random], int]

_MESSAGES_PER_ENDPOINT = 12
_PIECES_PER_STREAM = 12


def parser(chance: random.Random) -> int:
    """Read a message and everything in it; only the declared errors come out (EDGE S8)."""
    data = Mutator(chance, messages()).message()
    try:
        message = parse_datagram(data)
    except SipParseError:
        return 1
    except MalformedRequest as malformed:
        if malformed.request is not None:
            status = malformed.error.status
            answer = response_bytes(malformed.request, FLOW, status, "Bad", to_tag="t")
            assert answer.startswith(b"SIP/2.0 ")
        return 1
    if isinstance(message, Request):
        for _ in (message.via, message.from_, message.to, message.cseq):
            pass
        _tolerating(lambda: message.contact)
        _tolerating(lambda: sdp_body(message))
        answer = response_bytes(message, FLOW, 200, "OK", to_tag="t")
        assert parse_datagram(answer).headers["call-id"] == [message.call_id]
    else:
        _tolerating(lambda: check_response(message))
    _tolerating(lambda: _all_members(message))
    return 1


def grammars(chance: random.Random) -> int:
    """Read a header value by every grammar."""
    text = Mutator(chance, values()).message().decode("utf-8", "surrogateescape")
    for grammar in _GRAMMARS:
        _tolerating(lambda grammar=grammar: grammar(text))  # type: ignore[misc]  # binds the loop's value
    delta_seconds(text)
    unescaped(text)
    unquote(text)
    return 1


_GRAMMARS: tuple[Callable[[str], object], ...] = (
    parse_via,
    parse_cseq,
    parse_uri,
    parse_credentials,
    parse_challenge,
    scheme_of,
    lambda text: parse_name_address(text, "From").sip_uri("From"),
    lambda text: split_list(text, element="Contact"),
    lambda text: parameters(text, element="Contact"),
    lambda text: host_and_port(text, element="Via"),
    lambda text: whole_number(text, element="CSeq", limit=2**32 - 1),
)


def sdp(chance: random.Random) -> int:
    """Read a session description as an offer and as an answer, and answer it (EDGE K3)."""
    data = Mutator(chance, descriptions()).message()
    terms = Terms(chance.choice(list(Encryption)), frozenset(Suite), frozenset(Codec))
    try:
        read_answer(data, terms=terms)
    except SdpError:
        pass
    try:
        offer = read(data, terms)
    except SdpError:
        return 1
    keying = Keying(SdesRules.of(SrtpSettings()), CountingIds("fuzz"))
    local = LocalDescription(1, "198.51.100.10", 20_000)
    answer = local.answer(offer, True, Direction.SENDRECV, crypto=keying.answer(offer.crypto))
    assert len(read_answer(answer, offer.audio, terms).crypto) == bool(offer.crypto)
    return 1


def packets(chance: random.Random) -> int:
    """Take RTP and RTCP apart."""
    data = bytearray(chance.randbytes(chance.choice((0, 1, 8, 12, 28, 60, 172, 1_500))))
    if data:
        data[0] = chance.choice((0x80, 0x81, 0x90, 0xA0, 0xBF, 0x9F, data[0]))
    if len(data) > 4 and chance.random() < 0.5:
        data[1] = chance.randint(200, 207)
        data[2:4] = chance.choice((0, 1, 6, len(data) // 4 - 1, 0xFFFF)).to_bytes(2, "big")
    header = rtp.parse(bytes(data))
    if header is not None:
        rtp.is_dtmf(rtp.payload_of(bytes(data)))
    rtcp.passed_on(bytes(data))
    return 1


class _Server(Stand):
    """An endpoint that answers what it is asked."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def on_request(self, request: Request, flow: Any, now: float) -> None:
        """Answer, now or never, or without a transaction."""
        if request.method == "ACK":
            return
        kind = self._chance.randrange(4)
        if kind == 0:
            self.endpoint.respond_statelessly(request, flow, 481, "Unknown")
            return
        transaction: ServerTransaction = self.endpoint.serve(request, flow)
        transaction.user = Answerer()
        if kind < 3:
            self.endpoint.respond(transaction, 180 if kind == 1 else 200, "OK", now)
        if kind != 2:
            self.endpoint.respond(transaction, self._chance.choice((200, 486)), "OK", now)


def endpoint(chance: random.Random) -> int:
    """Feed transactions of both kinds; when every timer has fired nothing is left."""
    stand = _Server(chance)
    mutator = Mutator(chance, messages())
    ours = [stand.endpoint.request(it, FLOW, Caller(), 0.0) for it in (INVITE, BYE)]
    answers = [
        response_bytes(asked, FLOW, chance.choice((100, 180, 200, 486, 503)), "X", to_tag="t")
        for sent in list(stand.sent)
        if isinstance(asked := parse_datagram(sent.data), Request)
    ]
    for _ in range(_MESSAGES_PER_ENDPOINT):
        stand.now += chance.choice((0.0, 0.1, 0.5, 4.0))
        stand.timers.fire(stand.now)
        data = mutator.damaged(chance.choice(answers)) if answers else mutator.message()
        data = chance.choice((data, mutator.message()))
        for _ in range(chance.choice((1, 1, 2))):
            stand.endpoint.receive(data, FLOW, stand.now)
    _let_all_timers_fire(stand)
    # After a provisional an INVITE waits for ever; Timer C is the call's affair (EDGE E6).
    stand.endpoint.abandon(ours[0])
    _let_all_timers_fire(stand)
    assert stand.is_empty, stand.endpoint.pending()
    return _MESSAGES_PER_ENDPOINT


def framing(chance: random.Random) -> int:
    """Cut a stream in two ways: the frames do not depend on the pieces (EDGE W2)."""
    mutator = Mutator(chance, messages())
    stream = b"".join(
        mutator.message() if chance.random() < 0.3 else chance.choice(messages())
        for _ in range(chance.randint(1, 4))
    )
    cuts = sorted(chance.randint(0, len(stream)) for _ in range(_PIECES_PER_STREAM))
    pieces = [stream[a:b] for a, b in pairwise([0, *cuts, len(stream)])]
    whole = StreamFramer().feed(stream)
    framer = StreamFramer()
    assert [frame for piece in pieces for frame in framer.feed(piece)] == whole
    messages_cut = [it.data for it in whole if it.kind is FrameKind.MESSAGE]
    assert sum(map(len, messages_cut)) <= len(stream)
    for data in messages_cut:
        try:
            parse_datagram(data)
        except (SipParseError, MalformedRequest):
            pass
    return 1


TARGETS: Mapping[str, tuple[Target, int]] = {
    "parser": (parser, 45),
    "grammars": (grammars, 20),
    "sdp": (sdp, 10),
    "packets": (packets, 5),
    "endpoint": (endpoint, 10),
    "core": (core, 10),
    "framing": (framing, 10),
}
"""Name -> target and its weight among the inputs."""


def _all_members(message: Message) -> None:
    for name in message.headers:
        message.members(name)


def _let_all_timers_fire(stand: Stand) -> None:
    while (deadline := stand.timers.deadline()) is not None:
        stand.now = max(stand.now, deadline)
        stand.timers.fire(stand.now)


def _tolerating(read_something: Callable[[], object]) -> None:
    try:
        read_something()
    except SipParseError:
        pass
