"""Tables of legs and calls: every row leads somewhere, every absent pair is refused."""

from collections.abc import Mapping
from enum import Enum
from itertools import product

import pytest

from edge.call.leg_states import LegInput, LegState
from edge.call.machine import Machine
from edge.call.reinvite_states import REINVITE, ReinviteInput, ReinviteState
from edge.call.reoffer import REOFFER, ReofferInput, ReofferState
from edge.call.states import CALL, CallInput, CallState
from edge.call.uac_leg import UAC_LEG
from edge.call.uas_leg import UAS_LEG

MACHINES: list[tuple[str, Mapping[tuple[Enum, Enum], Enum], type[Enum], type[Enum], Enum, Enum]] = [
    ("call", CALL, CallState, CallInput, CallState.INVITING, CallState.ENDED),  # type: ignore[list-item]  # Mapping is invariant in its key
    ("uas", UAS_LEG, LegState, LegInput, LegState.EARLY, LegState.ENDED),  # type: ignore[list-item]  # as above
    ("reinvite", REINVITE, ReinviteState, ReinviteInput, ReinviteState.QUIET, ReinviteState.OVER),  # type: ignore[list-item]  # as above
    ("uac", UAC_LEG, LegState, LegInput, LegState.INVITING, LegState.ENDED),  # type: ignore[list-item]  # as above
]
ENDLESS = [
    ("reoffer", REOFFER, ReofferState, ReofferInput, ReofferState.QUIET, ReofferState.QUIET),
]
"""Machines that come to rest where they began."""
BY_NAME = pytest.mark.parametrize(
    ("table", "states", "inputs", "first", "last"),
    [machine[1:] for machine in MACHINES],
    ids=[machine[0] for machine in MACHINES],
)
Table = Mapping[tuple[Enum, Enum], Enum]


BY_NAME_ENDLESS_TOO = pytest.mark.parametrize(
    ("table", "states", "inputs", "first", "last"),
    [machine[1:] for machine in (*MACHINES, *ENDLESS)],
    ids=[machine[0] for machine in (*MACHINES, *ENDLESS)],
)


@BY_NAME_ENDLESS_TOO
def test_every_row_is_taken_and_every_absent_pair_is_refused(
    table: Table, states: type[Enum], inputs: type[Enum], first: Enum, last: Enum
) -> None:
    for state, happened in product(states, inputs):
        machine = Machine(table, state)
        wanted = table.get((state, happened))
        assert machine.take(happened) == (wanted is not None)
        assert machine.state is (state if wanted is None else wanted)


@BY_NAME_ENDLESS_TOO
def test_every_state_of_the_table_is_reached_from_the_first(
    table: Table, states: type[Enum], inputs: type[Enum], first: Enum, last: Enum
) -> None:
    reached, grown = {first}, True
    while grown:
        found = {after for (before, _), after in table.items() if before in reached}
        grown = not found <= reached
        reached |= found
    assert {before for before, _ in table} <= reached


@BY_NAME
def test_the_end_is_reached_from_everywhere_and_never_left(
    table: Table, states: type[Enum], inputs: type[Enum], first: Enum, last: Enum
) -> None:
    ending, grown = {last}, True
    while grown:
        found = {before for (before, _), after in table.items() if after in ending}
        grown = not found <= ending
        ending |= found
    assert {before for before, _ in table} <= ending
    assert all(before is not last for before, _ in table)
