"""What one run tells the next, as one item of the table of nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lambdas.call_reaper.judgement import Silence, Watch
from lambdas.edge_dns.standing import LONGEST_GAP
from model.codec import Item, Plain, mapping, moment, moment_text, string
from model.node_items import KEPT
from model.tables import EXPIRES_AT, OBSERVATION, PARTITION_KEY, SORT_KEY

DNS = "dns"
MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What a run has seen, and what was removed within the minute before it."""

    watch: Watch
    removals: Mapping[str, datetime] = field(default_factory=dict)
    """Node id -> UTC of its removal."""

    def next(self, leases: Mapping[str, str], now: datetime, minute: timedelta = MINUTE) -> "Notes":
        """Return what a run that sees these leases starts from; removals count for a minute."""
        # What is in the future was noted by a clock that has been set back since.
        lately = {name: at for name, at in self.removals.items() if abs(now - at) < minute}
        return Notes(watch=self.watch.next(leases, now, LONGEST_GAP), removals=lately)

    def with_removals(self, removed: Iterable[str]) -> "Notes":
        """Return the same with nodes whose records go in this run."""
        return Notes(
            watch=self.watch,
            removals={**self.removals, **dict.fromkeys(removed, self.watch.at)},
        )


def notes_members(notes: Notes) -> dict[str, Plain]:
    """Return the whole item."""
    return {
        PARTITION_KEY: OBSERVATION,
        SORT_KEY: DNS,
        "run_at": moment_text(notes.watch.at),
        "silences": {
            node_id: {"lease": silence.lease, "since": moment_text(silence.since)}
            for node_id, silence in notes.watch.silences.items()
        },
        "removals": {node_id: moment_text(at) for node_id, at in notes.removals.items()},
        EXPIRES_AT: int((notes.watch.at + KEPT).timestamp()),
    }


def notes_from(item: Item) -> Notes:
    """Return the notes of an item; raises KeyError or ValueError for a damaged one."""
    silences = {name: mapping(it) for name, it in mapping(item["silences"]).items()}
    return Notes(
        watch=Watch(
            at=moment(item["run_at"]),
            silences={
                node_id: Silence(lease=string(it["lease"]), since=moment(it["since"]))
                for node_id, it in silences.items()
            },
        ),
        removals={name: moment(it) for name, it in mapping(item["removals"]).items()},
    )
