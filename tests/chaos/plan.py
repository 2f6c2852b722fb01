"""What will happen in a chaos, all of it drawn from a seed beforehand: calls, deaths and faults."""

import random
from enum import Enum
from typing import NamedTuple

CALLS_PER_S = 6.0
"""What moto bears beside everything else, on two cores."""
LONGEST_RING_S = 1.2
LONGEST_TALK_S = 8.0
LONG_TALKS = 0.1
"""Share of calls that go on long enough for their node to renew its lease meanwhile."""
LONGEST_LONG_TALK_S = 14.0
BETWEEN_DEEDS_S = (0.8, 2.4)
FIRST_DEED_AT_S = 2.0
LONGEST_STEP_S = 7_200.0


class Kind(Enum):
    """Who calls whom."""

    OUTBOUND = "outbound"
    """A PBX calls the phone network."""
    INBOUND = "inbound"
    ON_NET = "on-net"
    """A PBX calls the PBX of another connector: a call of both."""
    BUSY = "busy"
    """As outbound, but the callee refuses."""


class CallPlan(NamedTuple):
    """One call as it is meant to go."""

    at_s: float
    kind: Kind
    rings_s: float
    """From the INVITE to the callee's final response."""
    talks_s: float
    """From the answer to the BYE."""
    caller_hangs_up: bool
    pick: float
    """From 0 to 1: which of the edges that take calls at that moment."""


class What(Enum):
    """What is done to one edge."""

    KILL = "kill"
    KILL_BEFORE_ROW = "kill as it writes a call's row"
    KILL_AFTER_ROW = "kill when a call's row is written, before it hears so"
    KILL_BEFORE_END = "kill as it writes the end of a call"
    KILL_AFTER_END = "kill when the end of a call is written, before it hears so"
    KILL_BEFORE_OBJECT = "kill as it puts an object"
    KILL_AFTER_OBJECT = "kill when an object is put, before it hears so"
    KILL_AWS_WORKER = "kill the AWS worker alone"
    STOP = "SIGTERM"
    ROWS_FAIL = "DynamoDB fails"
    ROWS_THROTTLED = "DynamoDB throttles"
    ROWS_SLOW = "DynamoDB is slow"
    ROWS_UNHEARD = "DynamoDB answers too late"
    ROWS_PARTIAL = "DynamoDB takes parts of batches"
    OBJECTS_FAIL = "S3 fails"
    OBJECTS_THROTTLED = "S3 throttles"
    OBJECTS_SLOW = "S3 is slow"
    OBJECTS_UNHEARD = "S3 does not say what it did"
    AWS_REFUSES = "nobody listens where AWS was"
    CLOCK = "the wall clock is stepped"


class Deed(NamedTuple):
    """One thing that is done to one edge."""

    at_s: float
    what: What
    place: int
    for_s: float
    """How long a fault lasts, or an edge stays away."""
    share: float
    """Of the requests that a fault meets."""
    step_s: float
    """Of the clock."""


class Plan(NamedTuple):
    """Everything, each in order of time."""

    seconds: float
    calls: tuple[CallPlan, ...]
    deeds: tuple[Deed, ...]


def drawn(seed: int, seconds: float, places: int) -> Plan:
    """Return the plan of a seed; every kind of deed comes before one comes again."""
    chance = random.Random(seed)
    return Plan(seconds, tuple(_calls(chance, seconds)), tuple(_deeds(chance, seconds, places)))


def _calls(chance: random.Random, seconds: float) -> list[CallPlan]:
    calls, at_s = [], 0.0
    kinds = list(Kind)
    while (at_s := at_s + chance.expovariate(CALLS_PER_S)) < seconds:
        (kind,) = chance.choices(kinds, weights=(50, 25, 15, 10))
        is_long = chance.random() < LONG_TALKS
        longest = LONGEST_LONG_TALK_S if is_long else LONGEST_TALK_S
        calls.append(
            CallPlan(
                at_s,
                kind,
                rings_s=chance.uniform(0.05, LONGEST_RING_S),
                talks_s=chance.uniform(0.2, longest),
                caller_hangs_up=chance.random() < 0.5,
                pick=chance.random(),
            )
        )
    return calls


def _deeds(chance: random.Random, seconds: float, places: int) -> list[Deed]:
    deeds: list[Deed] = []
    at_s = FIRST_DEED_AT_S
    left: list[What] = []
    while at_s < seconds:
        if not left:
            left = list(What)
            chance.shuffle(left)
        deeds.append(
            Deed(
                at_s,
                left.pop(),
                place=chance.randrange(places),
                for_s=chance.uniform(1.0, 5.0),
                share=chance.choice((0.3, 1.0)),
                step_s=chance.choice((-1, 1)) * chance.uniform(1.0, LONGEST_STEP_S),
            )
        )
        at_s += chance.uniform(*BETWEEN_DEEDS_S)
    return deeds
