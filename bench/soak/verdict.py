"""What was seen, judged: records against calls, what is left, whether memory grew."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import linear_regression
from typing import NamedTuple

from bench.soak.kinds import Kind
from bench.soak.watch import Sample

SETTLED_AFTER_S = 600.0
"""From then on as much ends as begins: twice the 300 s of a nonce, the longest that anything is
kept. It is also what the C library's heap takes to level off: with tables of constant size it grows
by half a megabyte a minute at first, by a tenth of that after ten (docs/performance.md)."""
JUDGED_FROM_S = 300.0
"""Seconds of settled load below which a slope is noise."""
MOST_GROWTH_KIB_PER_MINUTE = 100.0
"""Of each process; one lost dialog in a thousand calls would be 80 at 200 calls per second."""
MORE_DESCRIPTORS = 16
"""Above the start: each thread that talks to DynamoDB keeps a connection."""
MOST_FAILED = 0.001
"""Of all calls, in SIPp's eyes: a full socket buffer on a busy machine."""


class Record(NamedTuple):
    """What a detail record says that matters here."""

    call_id: str
    transaction_id: str
    message: str


class Made(NamedTuple):
    """The calls of one kind."""

    kind: Kind
    call_ids: Sequence[str]
    """As the caller sent them."""
    failed: int
    """By SIPp's count."""
    unmade: int = 0
    """Calls that were due, but SIPp has ended before."""


def judge_records(made: Made, records: Sequence[Record]) -> list[str]:
    """Compare the records of one connector with its calls: one each, and the right ending."""
    kind = made.kind
    due = len(made.call_ids) if kind.message is not None else 0
    complaints = []
    if made.unmade:
        complaints.append(f"{kind.name}: SIPp has ended without making {made.unmade} calls")
    if kind.inbound:  # the customer's Call-ID is the edge's own (EDGE C2)
        if len({it.call_id for it in records}) != due or len(records) != due:
            complaints.append(f"{kind.name}: {len(records)} records of {due} calls")
    else:
        counted = Counter(it.call_id for it in records)
        expected = Counter(made.call_ids if due else ())
        for text, wrong in (
            ("without a record", expected - counted),
            ("extra", counted - expected),
        ):
            if wrong:
                complaints.append(f"{kind.name}: {wrong.total()} {text}, e.g. {next(iter(wrong))}")
    odd = Counter(it.message for it in records if it.message != kind.message)
    if odd.total() > made.failed:
        complaints.append(f"{kind.name}: records say {dict(odd)} instead of {kind.message}")
    if made.failed > MOST_FAILED * len(made.call_ids):
        complaints.append(f"{kind.name}: SIPp says that {made.failed} calls failed")
    return complaints


def judge_left_over(
    pending: Mapping[str, int], before: Mapping[str, int], after: Mapping[str, int]
) -> list[str]:
    """Return what an idle edge still holds (EDGE X9), and descriptors and threads too many."""
    complaints = [
        f"{number} {what} are left"
        for what, number in pending.items()
        if number and what not in ("free_ports", "media_sockets")
    ]
    if pending["media_sockets"] != 2 * pending["free_ports"]:
        complaints.append(
            f"media workers hold {pending['media_sockets']} sockets for "
            f"{pending['free_ports']} free ports and their RTCP"
        )
    complaints += [
        f"{what}: {before[what]} before, {number} after"
        for what, number in after.items()
        if number > before[what] + MORE_DESCRIPTORS
    ]
    return complaints


def growth(samples: Sequence[Sample], load_s: float) -> dict[str, float] | None:
    """Return how many KiB per minute each process grows by under settled load; None: too short."""
    settled = [it for it in samples if SETTLED_AFTER_S <= it.at_s <= load_s]
    if not settled or settled[-1].at_s - settled[0].at_s < JUDGED_FROM_S:
        return None
    times = [it.at_s / 60 for it in settled]
    return {
        name: linear_regression(times, [it.kib[name] for it in settled]).slope
        for name in settled[0].kib
    }


def judge_growth(grown: Mapping[str, float] | None) -> list[str]:
    """Return which processes grow."""
    return [
        f"{name} grows by {slope:.0f} KiB per minute"
        for name, slope in (grown or {}).items()
        if slope > MOST_GROWTH_KIB_PER_MINUTE
    ]
