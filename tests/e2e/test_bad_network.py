"""Eighty SIPp calls of all kinds where 5 % of the datagrams are lost, doubled or come late.

PBX and carrier each have a bad way to the edge. Every call ends, each has exactly one record, and
when the peers are gone the edge holds nothing.
"""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from edge.flow import Address
from tests.e2e.lab import CALLER, PSTN, Lab, Route, Trunk, eventually
from tests.e2e.sipp import Sipp, free_address, free_host
from tests.support.impaired_link import ImpairedLink, noted
from tests.support.link import Conditions

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("bad-network")]

BAD = Conditions(loss=0.05, duplication=0.05, reordering=0.05, delay_s=0.005, longest_delay_s=0.2)
TO_SECOND_CARRIER = f"{PSTN}0106"
"""The simulated network answers 503: the carrier behind the bad link takes over."""
RATE = "10"
MOST_FAILURES = 2
"""Of calls by SIPp's own count: it gives up where a response overtakes another one."""


class Kind(NamedTuple):
    """A group of calls out of the PBX."""

    scenario: str
    number: str
    calls: int
    words: dict[str, str | int]
    statuses: frozenset[str]
    """Of their records; a CANCEL may be too late, a call that SIPp gave up may be completed."""


KINDS = (
    Kind("uac_call", f"{PSTN}0100", 20, {}, frozenset({"Completed"})),
    Kind("uac_call", TO_SECOND_CARRIER, 20, {}, frozenset({"Completed"})),
    Kind("uac_gives_up", f"{PSTN}0103", 10, {}, frozenset({"Rejected"})),
    Kind("uac_refused", f"{PSTN}0102", 10, {"STATUS": 486}, frozenset({"Rejected"})),
)
INBOUND = 20


class Network:
    """A trunk whose PBX and second carrier are behind bad links."""

    def __init__(self, lab: Lab, stack: ExitStack, seed: int) -> None:
        self.lab = lab
        self._stack = stack
        self.links: list[ImpairedLink] = []
        self._seed = seed
        pbx_at = free_address(free_host())
        self.trunk = lab.new_trunk()
        self.trunk.pbx = pbx_at[0]
        self.trunk.route(Route(pbx_at))
        self.number = self.trunk.number()
        self.trunk.permit()
        self.trunk.await_effect()
        self.pbx_host = pbx_at[0]
        self.pbx = self._answers(pbx_at)
        self.carrier = self._answers(lab.second_carrier)

    def behind_a_link(self, at: Address) -> Address:
        """Return where a peer has to be that the edge knows at an address."""
        peer = free_address(at[0])
        while len(str(peer[1])) != len(str(at[1])):
            peer = free_address(at[0])
        link = ImpairedLink(
            at=at, peer=peer, edge=self.lab.edge, seed=self._seed + len(self.links), conditions=BAD
        )
        self.links.append(self._stack.enter_context(link))
        return peer

    def call(self, scenario: str, host: str, **keys: str) -> tuple[Address, Address]:
        """Return where a caller of a host has to be, and where it sends to."""
        at = free_address(host)
        return self.behind_a_link(at), at

    def _answers(self, at: Address) -> Sipp:
        options = ("-d", "300", "-nd")
        sipp = self.lab.answer("uas_answer", self.behind_a_link(at), calls=10_000, options=options)
        return self._stack.enter_context(sipp)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a stand that forgives a carrier at once, so that each call fails over anew (EDGE F9)."""
    settings = {"routing": {"blacklist_s": 0.001, "blacklist_longest_s": 0.001}}
    with Lab(tmp_path_factory.mktemp("bad-network"), settings) as running:
        yield running


@pytest.fixture
def network(lab: Lab) -> Iterator[Network]:
    with ExitStack() as stack:
        made = Network(lab, stack, secrets.randbelow(1 << 32))
        with noted(*made.links):
            yield made


def outbound(network: Network, kind: Kind) -> Sipp:
    peer, link = network.call(kind.scenario, network.pbx_host)
    keys = {"number": kind.number, "connector": network.trunk.host, "caller": CALLER}
    return Sipp(
        kind.scenario,
        network.lab.folder,
        at=peer,
        to=link,
        keys=keys,
        words=kind.words,
        calls=kind.calls,
        options=("-r", RATE, "-d", "300", "-nd"),
    )


def inbound(network: Network) -> Sipp:
    peer, link = network.call("uac_call", network.lab.second_carrier[0])
    keys = {"number": network.number, "connector": network.lab.edge[0], "caller": CALLER}
    return Sipp(
        "uac_call",
        network.lab.folder,
        at=peer,
        to=link,
        keys=keys,
        calls=INBOUND,
        options=("-r", RATE, "-d", "300", "-nd"),
    )


def failures(caller: Sipp) -> int:
    """Wait for a caller's end; return how many of its calls went wrong in its own eyes."""
    caller.process.wait(60.0)
    return int(caller.statistics()["FailedCall(C)"])


def call_ids(sipp: Sipp, *, sent: bool) -> set[str]:
    """Return the Call-IDs of the INVITEs that SIPp has sent or received."""
    found = {
        it.header("Call-ID")
        for it in sipp.messages()
        if it.sent is sent and it.start_line.startswith("INVITE ")
    }
    return {it for it in found if it is not None}


def test_eighty_calls_end_with_one_record_each(network: Network) -> None:
    # EDGE C7, C9, B8, B9, D2, D3, E1, F4, X9
    with ExitStack() as stack:
        callers = [(kind, stack.enter_context(outbound(network, kind))) for kind in KINDS]
        carrier = stack.enter_context(inbound(network))
        failed = sum(failures(caller) for _, caller in callers) + failures(carrier)
        expected = {
            call_id: kind for kind, caller in callers for call_id in call_ids(caller, sent=True)
        }
    assert len(expected) == sum(kind.calls for kind in KINDS)
    assert failed <= MOST_FAILURES, "more than SIPp's own clumsiness explains"
    trunk = network.trunk
    eventually(
        lambda: (
            True
            if len(list(network.lab.keys(trunk.connector_id))) >= len(expected) + INBOUND
            else None
        ),
        "every call has its record",
        within_s=45.0,
    )
    assert_records(trunk, expected, call_ids(network.pbx, sent=False), failed)
    for link in network.links:
        link.close()
    fates = [link.fates for link in network.links]
    # Together: a link that carries forty datagrams loses none of them once in eight times.
    assert sum(it.lost for it in fates), fates
    assert sum(it.doubled for it in fates), fates
    assert sum(it.held_back for it in fates), fates
    network.lab.await_idle()
    assert len(trunk.records()) == len(expected) + INBOUND, "a record came later"


def assert_records(trunk: Trunk, outbound: dict[str, Kind], inbound: set[str], failed: int) -> None:
    records = trunk.records()
    counted = Counter(str(it.members["CallId"]) for it in records)
    assert counted == Counter(dict.fromkeys(outbound, 1)) + Counter(dict.fromkeys(inbound, 1))
    assert len({it.members["TransactionId"] for it in records}) == len(records)
    odd = [
        it.members
        for it in records
        if (kind := outbound.get(str(it.members["CallId"])))
        and it.members["Status"] not in kind.statuses
    ]
    assert len(odd) <= failed, odd
