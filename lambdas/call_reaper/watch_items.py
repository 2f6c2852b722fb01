"""What the runs of the reaper tell each other, as one item of the table of nodes (EDGE C9).

One item for all nodes, so that a run is one write; at 120 octets a node it holds 3,000 of them. Two
runs that overlap may overwrite each other's: a silence is that of one lease, whoever noted it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.call_reaper.judgement import Silence, Watch
from model.codec import Item, Plain, mapping, moment, moment_text, string
from model.node_items import KEPT
from model.tables import EXPIRES_AT, OBSERVATION, PARTITION_KEY, SORT_KEY

PASS = "pass"


class Place(NamedTuple):
    """Where a run was cut off."""

    node_id: str
    after: str
    """Position in the list of the node's rows (lambdas/management/call_repository.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """All that one run leaves for the next."""

    watch: Watch
    searched_at: datetime
    """UTC of the last search for rows whose node has no row (repository.py)."""
    place: Place | None = None
    """Where the work goes on; None when it was done."""


def notes_members(notes: Notes) -> dict[str, Plain]:
    """Return the whole item."""
    return {
        PARTITION_KEY: OBSERVATION,
        SORT_KEY: PASS,
        "run_at": moment_text(notes.watch.at),
        "searched_at": moment_text(notes.searched_at),
        "silences": {
            node_id: {"lease": silence.lease, "since": moment_text(silence.since)}
            for node_id, silence in notes.watch.silences.items()
        },
        "place": None
        if notes.place is None
        else {"node_id": notes.place.node_id, "after": notes.place.after},
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
        searched_at=moment(item["searched_at"]),
        place=_place(mapping(item["place"])) if "place" in item else None,
    )


def _place(members: Item) -> Place:
    return Place(string(members["node_id"]), string(members["after"]))
