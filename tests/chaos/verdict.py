"""Records judged by the ledger: one for each answered call, none doubled, none lost, the right
duration (EDGE C9)."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from model.call_items import has_ended, record_from
from model.codec import Item, string
from tests.chaos.ledger import Entry, Share, shares
from tests.chaos.world import StoredObject

TOLERANCE_S = 0.6
"""Of a moment as an end saw it: this process shares two cores with all that it looks at."""
LONGEST_GATE_S = 1.1
"""How long a 2xx may wait for its row, while the call is already counted (EDGE C9)."""
SAFE_AFTER_S = 1.5
"""From a BYE on: so long its row may be on its way when the edge dies."""
EDGE_LOST = "Edge lost"
SHUTDOWN = "Service shutdown"
NORMAL = "Normal Call Clearing"


class Told(NamedTuple):
    """What a detail record says."""

    key: str
    members: Mapping[str, Any]
    """As JSON has them."""

    @property
    def duration_s(self) -> float:
        """Return EndTime - StartTime."""
        return float(self.members["EndTime"] - self.members["StartTime"]) / 1e3


def told_by(stored: StoredObject) -> Told:
    """Return what an object says."""
    return Told(stored.key, json.loads(stored.body))


@dataclass(slots=True)
class Verdict:
    """What was counted, and what is wrong."""

    made: int = 0
    answered: int = 0
    """In the caller's eyes."""
    objects: int = 0
    lost_edges: int = 0
    """Records that say `Edge lost`."""
    refused: int = 0
    """Records of calls that nobody answered."""
    complaints: list[str] = field(default_factory=list)


class View(NamedTuple):
    """How the ledger sees the world."""

    epoch: float
    """UTC time of monotonic 0 in this process."""
    blind_s: float = 0.0
    """The longest that it has not looked: on a busy machine both it and the edges are late."""

    @property
    def tolerance_s(self) -> float:
        """Return how far a moment as an end saw it may be off."""
        return TOLERANCE_S + self.blind_s


def judged(
    entries: Iterable[Entry], objects: Sequence[StoredObject], rows: Iterable[Item], view: View
) -> Verdict:
    """Compare everything that is stored with what the ledger has seen."""
    verdict = Verdict()
    complain = verdict.complaints.append
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for it in map(told_by, objects):
        verdict.objects += 1
        verdict.lost_edges += it.members["StatusMessage"] == EDGE_LOST
        verdict.refused += it.members["Status"] != "Completed"
        told[it.members["VoiceConnectorId"], it.members["FromNumber"]].append(it)
    for entry in entries:
        verdict.made += 1
        verdict.answered += entry.caller_answered_at is not None
        for share in shares(entry):
            found = told.pop((share.connector_id, entry.caller), [])
            verdict.complaints += [f"{_shown(share)}: {it}" for it in _wrong(share, found, view)]
    for rest in told.values():
        complain(f"a record of no call: {dict(rest[0].members)}")
    verdict.complaints += _wrong_rows(rows, objects)
    return verdict


def _wrong(share: Share, found: list[Told], view: View) -> Iterator[str]:
    entry = share.entry
    if len(found) > 1:
        yield f"{len(found)} records: {[dict(it.members) for it in found]}"
    elif not found:
        if entry.caller_answered_at is not None:
            yield "LOST, there is no record"
    elif found[0].members["Status"] != "Completed":
        if entry.caller_answered_at is not None:
            yield f"answered, but the record says {found[0].members['StatusMessage']}"
        elif found[0].members["BillableDuration"]:
            yield "not answered, but billed"
    elif entry.callee_answered_at is None:
        yield "nobody has answered, but the record says Completed"
    else:
        yield from _wrong_record(share, found[0], view)


def _wrong_record(share: Share, told: Told, view: View) -> Iterator[str]:
    members = told.members
    if share.call_id is not None and members["CallId"] != share.call_id:
        yield f"its record has the CallId {members['CallId']}"
    if members["Disposition"] != share.disposition:
        yield f"its record says {members['Disposition']}"
    # The callee's answer is what the edge has seen of a call whose caller has not.
    began_at = share.began_at or share.entry.callee_answered_at
    assert began_at is not None, "somebody has answered"
    started_at = members["StartTime"] / 1e3 - share.entry.fate.offset_s - view.epoch
    if not -LONGEST_GATE_S - view.tolerance_s < started_at - began_at < view.tolerance_s:
        yield f"StartTime is {started_at - began_at:+.3f} s off"
    yield from _wrong_end(share.entry, told, began_at, view.tolerance_s)


def _wrong_end(entry: Entry, told: Told, began_at: float, tolerance_s: float) -> Iterator[str]:
    if told.members["StatusMessage"] == EDGE_LOST:
        yield from _wrong_loss(entry, told, began_at, tolerance_s)
        return
    ended_at, message = entry.ended_while_alive_at, told.members["StatusMessage"]
    if ended_at is None:
        yield f"nobody ended it while its edge lived, but the record says {message}"
        return
    if message != (SHUTDOWN if entry.ended_by_edge else NORMAL):
        yield f"the record says {message}"
    off = told.duration_s - (ended_at - began_at)
    if not -tolerance_s < off < LONGEST_GATE_S + tolerance_s:
        yield f"it lasted {ended_at - began_at:.3f} s, its record is {off:+.3f} s off"


def _wrong_loss(entry: Entry, told: Told, began_at: float, tolerance_s: float) -> Iterator[str]:
    over_at, ended_at = entry.fate.over_at, entry.ended_while_alive_at
    if over_at is None:
        yield "Edge lost, but its edge lives"
        return
    if ended_at is not None and over_at - ended_at > SAFE_AFTER_S + tolerance_s:
        if not entry.fate.was_troubled(ended_at, over_at):
            yield f"Edge lost, but it had ended {over_at - ended_at:.3f} s before"
    longest_s = max(0.0, (ended_at or over_at) - began_at)
    if told.duration_s > longest_s + LONGEST_GATE_S + tolerance_s:
        yield f"OVERBILLED: {told.duration_s:.3f} s, it can have lasted {longest_s:.3f} s"
    renewed_at = entry.fate.renewed_at
    if renewed_at is not None and told.members["EndTime"] < _epoch_ms(renewed_at):
        yield f"ends before the last lease of its node, {renewed_at}"


def _wrong_rows(rows: Iterable[Item], objects: Sequence[StoredObject]) -> Iterator[str]:
    """Compare the rows of answered calls with the objects: they tell the same."""
    bodies = {it.key: it.body for it in objects}
    identities = Counter(key.rpartition("_")[2] for key in bodies)
    for identity, number in identities.items():
        if number > 1:
            yield f"{number} objects share the TransactionId {identity}"
    for row in rows:
        identity = string(row["transaction_id"])
        if "live_node" in row or not has_ended(row):
            yield f"the row of {identity} says that it is still up or due"
        elif row["answered"]["BOOL"]:
            yield from _wrong_row(row, bodies)


def _wrong_row(row: Item, bodies: Mapping[str, bytes]) -> Iterator[str]:
    identity = string(row["transaction_id"])
    key = row.get("object_key")
    if key is None:
        yield f"the row of {identity} has no object"
        return
    body = bodies.get(string(key))
    if body is None:
        yield f"the row of {identity} names an object that is not there"
    elif body != record_from(row, json.loads(body)["AwsAccountId"]).body():
        yield f"row and object of {identity} differ"


def _epoch_ms(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e3)


def _shown(share: Share) -> str:
    entry = share.entry
    moments = {
        "INVITE": entry.made_at,
        "callee's 200": entry.callee_answered_at,
        "caller's 200": entry.caller_answered_at,
        "BYE": entry.ended_at,
        "edge gone": entry.fate.over_at,
    }
    story = ", ".join(f"{name} {it:.3f}" for name, it in moments.items() if it is not None)
    return f"{entry.plan.kind.value} call of {entry.caller} by edge {entry.fate.number} ({story})"
