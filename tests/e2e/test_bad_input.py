"""A storm of what no peer should send: dropped or answered as EDGE.md says, and nothing is left.

Every datagram goes through one socket of the edge in the order in which it was sent, so an answer
to the last one says that all before it have been dealt with.
"""

import random
import re
import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from itertools import count
from typing import NamedTuple

import pytest

from edge.flow import Address
from edge.media.sdp import read
from tests.e2e.lab import CALLER, Lab, Trunk, eventually
from tests.e2e.running import descendants
from tests.e2e.sipp import free_address, free_host
from tests.e2e.wire import Wire
from tests.media.packets import rtp
from tests.support.agent import Agent, CallerPlan, PlacedCall
from tests.support.sdp import audio
from tests.support.torture import TortureMessage, torture_messages

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("bad-input")]

MESSAGES = torture_messages()
NUMBER = "+12125550100"
FAMILIAR, FOREIGN = b"familiar" * 20, b"foreign!" * 20
DEFAULT_SIP_PORT = 5060
_VIA_PORT = re.compile(rb"SIP\s*/\s*2\.0\s*/\s*UDP\s[^;,\r\n]*?:\s*([1-9][0-9]{3,4})\b")
DATAGRAMS_AT_ONCE = 25
"""Few enough for any receive buffer; then the edge is waited for."""


class Intruder:
    """Somebody who sends from one port and listens there and on others."""

    def __init__(self, lab: Lab, host: str, listening: Iterable[int] = ()) -> None:
        """Bind a port of a host, and those where answers may come besides (EDGE W5)."""
        self._edge = lab.edge
        self._sockets = []
        for port in (0, *listening):
            self._sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self._sockets[-1].bind((host, port))
            self._sockets[-1].setblocking(False)
        self.address: Address = self._sockets[0].getsockname()

    def send(self, data: bytes, to: Address | None = None) -> None:
        """Send a datagram to the edge's SIP port, or to another one."""
        self._sockets[0].sendto(data, to or self._edge)

    def heard(self) -> list[bytes]:
        """Return what has come since the last look, on any port."""
        found = []
        for each in self._sockets:
            with suppress(BlockingIOError):
                while True:
                    found.append(each.recv(65_536))
        return found

    def __enter__(self) -> "Intruder":
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()


class Grounds(NamedTuple):
    """What is attacked."""

    lab: Lab
    victim: Trunk
    """Its allow list holds a whole network of intruders."""
    network: str
    """The first three octets of that network."""
    bystander: Trunk
    """Makes proper calls."""

    def listed(self, number: int) -> str:
        """Return one of the victim's own addresses."""
        return f"{self.network}.{number}"

    def barrage(self, intruder: Intruder, datagrams: Iterable[bytes]) -> list[bytes]:
        """Send datagrams, wait until the edge has taken them all, return its answers."""
        answers: list[bytes] = []
        for number, data in enumerate(datagrams, 1):
            intruder.send(data)
            if number % DATAGRAMS_AT_ONCE == 0:
                self.bystander.await_effect()
                answers += intruder.heard()
        self.bystander.await_effect()
        return answers + intruder.heard()


@pytest.fixture(scope="module")
def grounds(lab: Lab) -> Grounds:
    network = free_host().rpartition(".")[0]
    victim, bystander = lab.new_trunk(), lab.new_trunk()
    victim.permit(CidrAllowedList=[f"{network}.0/24"])
    bystander.permit()
    bystander.await_effect()
    return Grounds(lab, victim, network, bystander)


def status_of(answer: bytes) -> int:
    """Return the status of a response."""
    assert answer.startswith(b"SIP/2.0 "), answer
    return int(answer[8:11])


def request(method: str, uri: str, sender: Address, body: bytes = b"") -> bytes:
    """Return an ordinary request outside a dialog."""
    token = secrets.token_hex(8)
    host, port = sender
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{token};rport\r\n"
        f"From: <sip:{CALLER}@{host}>;tag={token}\r\nTo: <{uri}>\r\nCall-ID: {token}\r\n"
        f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:{host}:{port}>\r\n"
        f"Subject: {'-' * 300}\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def via_ports(messages: Iterable[TortureMessage]) -> set[int]:
    """Return the ports where answers are due that no `rport` calls back (RFC 3261 §18.2.2)."""
    told = [int(port) for it in messages for port in _VIA_PORT.findall(it.data)]
    return {DEFAULT_SIP_PORT, *told}


def noise(seed: int, amount: int) -> Iterable[bytes]:
    """Return random octets of all lengths, half of them with the beginning of a request."""
    chance = random.Random(seed)
    for number in range(amount):
        head = b"" if number % 2 else chance.choice((b"INVITE sip:", b"SIP/2.0 200", b"BYE "))
        longest = 60_000 if number % 50 == 0 else 1_500
        yield head + chance.randbytes(chance.randrange(longest))


@pytest.mark.parametrize("message", MESSAGES, ids=[it.name for it in MESSAGES])
def test_a_torture_message_of_a_listed_source_gets_what_the_index_says(
    grounds: Grounds, message: TortureMessage
) -> None:
    # EDGE S8, R18-R26. Each comes from an address of its own: finals are repeated until an ACK.
    data, accepted = message.data, message.edge_accept
    if message.has_host:
        data = message.addressed_to(grounds.victim.host)
        accepted = message.edge_accept_if_addressed_to_connector
    host = grounds.listed(1 + MESSAGES.index(message))
    with Intruder(grounds.lab, host, via_ports([message])) as intruder:
        statuses = {status_of(answer) for answer in grounds.barrage(intruder, [data])} - {100}
    assert len(statuses) <= 1
    assert statuses.pop() in accepted if statuses else "drop" in accepted


def test_a_stranger_hears_nothing_of_torture_and_noise(grounds: Grounds) -> None:
    # EDGE R36, S2
    seed = secrets.randbits(32)
    with Intruder(grounds.lab, free_host(), via_ports(MESSAGES)) as stranger:
        assert grounds.barrage(stranger, (it.data for it in MESSAGES)) == []
        assert grounds.barrage(stranger, noise(seed, 500)) == [], f"seed {seed}"


def test_noise_of_a_listed_source_is_answered_by_responses_at_most(grounds: Grounds) -> None:
    # EDGE R18: 400 where Via, From, To, Call-ID and CSeq can be read; else nothing.
    seed = secrets.randbits(32)
    with Intruder(grounds.lab, grounds.listed(200)) as listed:
        answers = grounds.barrage(listed, noise(seed, 500))
    assert {status_of(it) for it in answers} <= {400, 513}, f"seed {seed}"


def test_wrong_hosts_and_foreign_connectors_are_refused(grounds: Grounds) -> None:
    # EDGE R7-R9, R36, S16: by the listed address of one connector and by a stranger.
    owner = grounds.lab.new_trunk()
    owner.permit()
    owner.await_effect()
    offer = audio("127.0.0.1")
    hosts = {
        "nobody.voiceconnector.localhost": (404, None),
        "127.0.0.1": (404, None),
        owner.host: (403, 403),
    }
    for number, (host, (to_listed, to_stranger)) in enumerate(hosts.items()):
        for source, expected in (
            (grounds.listed(210 + number), to_listed),
            (free_host(), to_stranger),
        ):
            with Intruder(grounds.lab, source) as caller:
                invite = request("INVITE", f"sip:{NUMBER}@{host}", caller.address, offer)
                answers = grounds.barrage(caller, [invite])
            statuses = {status_of(it) for it in answers} - {100}
            assert statuses == ({expected} if expected else set()), (host, source)
            if source.startswith(grounds.network):
                continue
            assert sum(map(len, answers)) <= len(invite), "more came back than went out"
    assert owner.records() == [], "a stranger left a record (EDGE C7)"


def test_a_strangers_refusals_are_few(grounds: Grounds) -> None:
    # EDGE R7, S2: five per second and source; a repeated INVITE is answered statelessly.
    began = time.monotonic()
    with Intruder(grounds.lab, free_host()) as stranger:
        uri = f"sip:{NUMBER}@{grounds.bystander.host}"
        invites = (request("INVITE", uri, stranger.address) for _ in range(60))
        answers = grounds.barrage(stranger, invites)
    seconds = time.monotonic() - began
    assert {status_of(it) for it in answers} == {403}
    assert 5 <= len(answers) <= 5 + 5 * seconds


def test_nobody_else_gets_into_a_call_or_ends_it(grounds: Grounds) -> None:
    # EDGE Q4-Q6, S10, S16: RTP for its ports and all others, and a BYE with its own tags.
    lab, trunk = grounds.lab, grounds.bystander
    pbx = Agent(f"pbx-{secrets.token_hex(4)}", free_address(trunk.pbx))
    with (
        Wire(pbx) as wire,
        Intruder(lab, trunk.pbx) as phone,
        Intruder(lab, free_host()) as stranger,
    ):
        plan = CallerPlan(body=audio(*phone.address))
        uri = f"sip:{NUMBER}@{trunk.host}"
        call = pbx.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: call.answered, "the call is up")
        assert call.final is not None
        edge = read(call.final.body).rtp
        attack(stranger, lab, edge)  # before the leg has a source, and after
        heard = echo(phone, edge, 1)
        attack(stranger, lab, edge)
        heard += echo(phone, edge, 100)
        assert grounds.barrage(stranger, [foreign_bye(call, stranger.address)]) == []
        attack(stranger, lab, edge)
        heard += echo(phone, edge, 200)
        assert all(it[12:] == FAMILIAR for it in heard)
        assert stranger.heard() == []
        assert not call.hung_up, "a stranger has ended the call"
        call.hang_up(time.monotonic())
        wire.run_until(lambda: call.finals, "the call ends")
        assert call.finals == [200]


def attack(stranger: Intruder, lab: Lab, edge: Address) -> None:
    """Send RTP to every media port of the edge, and a stream to the one of a call."""
    for port in lab.media_ports():
        stranger.send(rtp(1, ssrc=66, payload=FOREIGN), (edge[0], port))
    for sequence in range(50):
        stranger.send(rtp(sequence, ssrc=66, payload=FOREIGN), edge)


def echo(phone: Intruder, edge: Address, sequence: int) -> list[bytes]:
    """Speak until some of it has come back."""
    heard: list[bytes] = []
    numbers = count(sequence)

    def is_heard() -> bool | None:
        phone.send(rtp(next(numbers), ssrc=8, payload=FAMILIAR), edge)
        heard.extend(phone.heard())
        return True if len(heard) >= 5 else None

    eventually(is_heard, "the echo comes")
    return heard


def foreign_bye(call: PlacedCall, sender: Address) -> bytes:
    """Return a BYE with everything that only the two ends of a call know."""
    assert call.final is not None
    host, port = sender
    return (
        f"BYE sip:127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
        f"From: {call.invite.from_}\r\nTo: {call.invite.to};tag={call.final.to.tag}\r\n"
        f"Call-ID: {call.invite.call_id}\r\nCSeq: 77 BYE\r\nMax-Forwards: 70\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def storm(grounds: Grounds, seed: int) -> Iterable[tuple[str, bytes]]:
    """Return everything at once: who sends, and what; no sender is bored."""
    chance = random.Random(seed)
    strangers = [free_host() for _ in range(10)]
    everybody = [*strangers, *(grounds.listed(number) for number in range(100, 200))]
    hosts = (grounds.victim.host, grounds.bystander.host, "127.0.0.1", "nobody.invalid")
    nowhere = ("192.0.2.1", 9)
    ordinary = [
        request(method, f"sip:{NUMBER}@{host}", nowhere, body)
        for method in ("OPTIONS", "BYE", "ACK", "CANCEL", "REGISTER", "SUBSCRIBE", "NONSENSE")
        for host in hosts
        for body in (b"", b"v=0\r\n")
    ]
    unusable = [
        request("INVITE", f"sip:{NUMBER}@{grounds.victim.host}", nowhere, body)
        for body in (b"v=0\r\n", b"\0" * 900, audio(profile="RTP/SAVP"), audio(formats="8"))
    ]
    torture = [it.addressed_to(grounds.victim.host) for it in MESSAGES if it.has_host]
    kinds = [*ordinary, *unusable, *torture, *(it.data for it in MESSAGES), *noise(seed, 300)]
    for _ in range(3):
        chance.shuffle(kinds)
        for data in kinds:
            yield chance.choice(everybody), data


def test_after_a_storm_the_same_processes_work_and_hold_nothing(grounds: Grounds) -> None:
    # EDGE S8, X9: no call, dialog, transaction, timer, record or port is left, and no fault.
    lab, seed = grounds.lab, secrets.randbits(32)
    senders: dict[str, Intruder] = {}
    with ExitStack() as opened:
        for number, (host, data) in enumerate(storm(grounds, seed)):
            if host not in senders:
                senders[host] = opened.enter_context(Intruder(lab, host))
            senders[host].send(data)
            if number % DATAGRAMS_AT_ONCE == 0:
                grounds.bystander.await_effect()
        assert number > 1_000
        held = lab.pending()
        assert held["transactions"] > 0, f"nothing of the storm arrived: {held}"
        assert held["faults"] == 0, f"seed {seed}"
        traffic = ("-r", "50", "-d", "200")
        with grounds.bystander.call("uac_call", NUMBER, calls=50, options=traffic) as pbx:
            pbx.succeed()
            grounds.bystander.record_of(pbx.call_id(50))
    lab.await_idle()
    process = lab.stand.process
    assert sorted([process.pid, *descendants(process.pid)]) == sorted(lab.stand.processes)
