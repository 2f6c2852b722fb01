"""The four transaction machines against RFC 3261's figures 5-8, as RFC 6026 redraws 5 and 7.

The figures stand below as text, written from the RFCs and not from the code:

    state, event, next state, what is done

Pairs that a figure does not have do nothing, and so do those that it draws as a loop with "-".
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    Action,
    Event,
    State,
    Table,
    Transaction,
    Transition,
)

FIGURE_5 = """
CALLING     TIMER_A          CALLING     repeat, A doubles
CALLING     TIMER_B          TERMINATED  timeout to TU
CALLING     TRANSPORT_ERROR  TERMINATED  error to TU
CALLING     PROVISIONAL      PROCEEDING  A off, B off, response to TU
CALLING     SUCCESS          ACCEPTED    A off, B off, M on, response to TU
CALLING     FAILURE          COMPLETED   A off, B off, ACK, D on, response to TU
PROCEEDING  PROVISIONAL      PROCEEDING  response to TU
PROCEEDING  SUCCESS          ACCEPTED    M on, response to TU
PROCEEDING  FAILURE          COMPLETED   ACK, D on, response to TU
COMPLETED   FAILURE          COMPLETED   ACK
COMPLETED   TRANSPORT_ERROR  TERMINATED  error to TU
COMPLETED   TIMER_D          TERMINATED  -
ACCEPTED    SUCCESS          ACCEPTED    response to TU
ACCEPTED    TIMER_M          TERMINATED  -
"""

FIGURE_6 = """
TRYING      TIMER_E          TRYING      repeat, E doubles
TRYING      TIMER_F          TERMINATED  timeout to TU
TRYING      TRANSPORT_ERROR  TERMINATED  error to TU
TRYING      PROVISIONAL      PROCEEDING  response to TU
TRYING      SUCCESS          COMPLETED   E off, F off, K on, response to TU
TRYING      FAILURE          COMPLETED   E off, F off, K on, response to TU
PROCEEDING  TIMER_E          PROCEEDING  repeat, E is T2
PROCEEDING  TIMER_F          TERMINATED  timeout to TU
PROCEEDING  TRANSPORT_ERROR  TERMINATED  error to TU
PROCEEDING  PROVISIONAL      PROCEEDING  response to TU
PROCEEDING  SUCCESS          COMPLETED   E off, F off, K on, response to TU
PROCEEDING  FAILURE          COMPLETED   E off, F off, K on, response to TU
COMPLETED   TIMER_K          TERMINATED  -
"""

FIGURE_7 = """
PROCEEDING  REQUEST          PROCEEDING  repeat
PROCEEDING  SEND_PROVISIONAL PROCEEDING  send
PROCEEDING  SEND_SUCCESS     ACCEPTED    send, L on
PROCEEDING  SEND_FAILURE     COMPLETED   send, G on, H on
PROCEEDING  TRANSPORT_ERROR  PROCEEDING  error to TU
COMPLETED   REQUEST          COMPLETED   repeat
COMPLETED   TIMER_G          COMPLETED   repeat, G doubles
COMPLETED   TIMER_H          TERMINATED  timeout to TU
COMPLETED   TRANSPORT_ERROR  COMPLETED   error to TU
COMPLETED   ACK              CONFIRMED   G off, H off, I on
CONFIRMED   ACK              CONFIRMED   -
CONFIRMED   TIMER_I          TERMINATED  -
ACCEPTED    REQUEST          ACCEPTED    -
ACCEPTED    ACK              ACCEPTED    ACK to TU
ACCEPTED    SEND_SUCCESS     ACCEPTED    send
ACCEPTED    TRANSPORT_ERROR  ACCEPTED    error to TU
ACCEPTED    TIMER_L          TERMINATED  -
"""

FIGURE_8 = """
TRYING      SEND_PROVISIONAL PROCEEDING  send
TRYING      SEND_SUCCESS     COMPLETED   send, J on
TRYING      SEND_FAILURE     COMPLETED   send, J on
PROCEEDING  REQUEST          PROCEEDING  repeat
PROCEEDING  SEND_PROVISIONAL PROCEEDING  send
PROCEEDING  SEND_SUCCESS     COMPLETED   send, J on
PROCEEDING  SEND_FAILURE     COMPLETED   send, J on
PROCEEDING  TRANSPORT_ERROR  TERMINATED  error to TU
COMPLETED   REQUEST          COMPLETED   repeat
COMPLETED   TRANSPORT_ERROR  TERMINATED  error to TU
COMPLETED   TIMER_J          TERMINATED  -
"""

UNTOLD = {
    ("INVITE client", State.COMPLETED, Event.TRANSPORT_ERROR): "it has its final response",
    ("INVITE server", State.PROCEEDING, Event.TRANSPORT_ERROR): "the INVITE is answered blindly",
    ("INVITE server", State.COMPLETED, Event.TRANSPORT_ERROR): "it has done with the INVITE",
    ("INVITE server", State.COMPLETED, Event.TIMER_H): "it has done with the INVITE",
    ("INVITE server", State.ACCEPTED, Event.TRANSPORT_ERROR): "it waits for an ACK anyway",
    ("INVITE server", State.ACCEPTED, Event.ACK): "the endpoint hands the ACK over by itself",
    ("server", State.PROCEEDING, Event.TRANSPORT_ERROR): "it cannot do anything about it",
    ("server", State.COMPLETED, Event.TRANSPORT_ERROR): "it has done with the request",
}
"""Where a figure informs the transaction user and the machine does not, and why."""

WORDS = {
    "send": Action.SEND,
    "repeat": Action.RESEND,
    "ACK": Action.ACKNOWLEDGE,
    "response to TU": Action.REPORT,
    "timeout to TU": Action.REPORT_TIMEOUT,
    "error to TU": Action.REPORT_UNREACHABLE,
    "E is T2": Action.SLOW_E,
    **{f"{letter} on": Action[f"START_{letter}"] for letter in "DGHIJKLM"},
    **{f"{letter} off": Action[f"STOP_{letter}"] for letter in "ABEFGH"},
    **{f"{letter} doubles": Action[f"DOUBLE_{letter}"] for letter in "AEG"},
}


class Machine(NamedTuple):
    """A table of ours beside the RFC's."""

    name: str
    table: Table
    first: State
    figure: str


MACHINES = (
    Machine("INVITE client", INVITE_CLIENT, State.CALLING, FIGURE_5),
    Machine("client", CLIENT, State.TRYING, FIGURE_6),
    Machine("INVITE server", INVITE_SERVER, State.PROCEEDING, FIGURE_7),
    Machine("server", SERVER, State.TRYING, FIGURE_8),
)
BY_MACHINE = pytest.mark.parametrize("machine", MACHINES, ids=[it.name for it in MACHINES])


def rfc_table(machine: Machine) -> Table:
    """Return the figure as a table, without what the transaction user is spared."""
    rows: Table = {}
    for line in machine.figure.strip().splitlines():
        before, event, after, done = line.split(maxsplit=3)
        pair = State[before], Event[event]
        words = [] if done == "-" or (machine.name, *pair) in UNTOLD else done.split(", ")
        rows[pair] = Transition(State[after], tuple(WORDS[word] for word in words))
    return rows


def effect(table: Table, state: State, event: Event) -> Transition:
    """Return what an event does; an absent pair does nothing."""
    return table.get((state, event), Transition(state))


@BY_MACHINE
def test_every_event_in_every_state_does_what_the_figure_says(machine: Machine) -> None:
    wanted = rfc_table(machine)
    for pair in product(State, Event):
        assert effect(machine.table, *pair) == effect(wanted, *pair), pair


def test_the_transaction_user_is_spared_only_what_a_figure_would_tell_it() -> None:
    figures = {it.name: it.figure for it in MACHINES}
    for name, state, event in UNTOLD:
        (row,) = (
            line
            for line in figures[name].splitlines()
            if line.split()[:2] == [state.name, event.name]
        )
        assert row.endswith(" to TU")


def silent(transaction: Transaction, event: Event, now: float) -> None:
    """Run nothing: these tests look at the machine alone."""


@BY_MACHINE
def test_a_transaction_takes_every_row_and_ignores_every_absent_pair(machine: Machine) -> None:
    for state, event in product(State, Event):
        transaction = Transaction(machine.table, state, ("key",), silent)
        wanted = machine.table.get((state, event))
        assert transaction.take(event) == (() if wanted is None else wanted.actions)
        assert transaction.state is (state if wanted is None else wanted.state)


@BY_MACHINE
def test_every_state_is_reached_and_leads_to_the_end(machine: Machine) -> None:
    steps = {(before, row.state) for (before, _), row in machine.table.items()}
    reached, ending = {machine.first}, {State.TERMINATED}
    for _ in State:
        reached |= {after for before, after in steps if before in reached}
        ending |= {before for before, after in steps if after in ending}
    assert reached == ending == {state for step in steps for state in step}


@BY_MACHINE
def test_the_end_is_never_left(machine: Machine) -> None:
    assert all(state is not State.TERMINATED for state, _ in machine.table)


@BY_MACHINE
def test_no_state_but_the_first_waits_for_nothing(machine: Machine) -> None:
    """A state that is entered has a timer that ends it, or waits for the transaction user."""
    for (state, _), row in machine.table.items():
        if row.state in (state, State.TERMINATED):
            continue
        own = {event for before, event in machine.table if before is row.state}
        started = {
            Event[it.name.replace("START", "TIMER")] for it in row.actions if "START" in it.name
        }
        waits_for_us = Event.SEND_SUCCESS in own or Event.PROVISIONAL in own
        assert started & own or waits_for_us, (state, row)


@BY_MACHINE
def test_a_timer_that_is_started_is_waited_for(machine: Machine) -> None:
    for row in machine.table.values():
        for action in row.actions:
            if action.name.startswith("START_"):
                timer = Event[action.name.replace("START", "TIMER")]
                assert (row.state, timer) in machine.table


def test_an_event_of_a_timer_bears_its_name() -> None:
    taken: list[tuple[Event, float]] = []
    transaction = Transaction(
        CLIENT, State.TRYING, ("key",), lambda _, event, now: taken.append((event, now))
    )
    transaction.on_timer(Event.TIMER_E, 7.5)
    assert taken == [(Event.TIMER_E, 7.5)]


EDGE = Path(__file__).parent.parent.parent / "edge"

ASSIGNS_STATE = {
    "sip/transaction.py: Transaction.__init__",
    "sip/transaction.py: Transaction.take",
    "call/machine.py: Machine.__init__",
    "call/machine.py: Machine.take",
    "media/latch.py: Latch.__init__",
    "routing/registration.py: Registration.__init__",
    "routing/registration.py: Registration._take",
    "media/latch.py: Latch._enter",
}
"""Each machine enters its first state when it is made, and every other by a row of its table."""

TABLES = (
    "INVITE_CLIENT", "CLIENT", "INVITE_SERVER", "SERVER", "CALL", "UAC_LEG", "UAS_LEG",
    "LATCH_TABLE",
)  # fmt: skip


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield every method and function of a module by its qualified name."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                yield f"{node.name}.{getattr(member, 'name', '')}", member
        else:
            yield getattr(node, "name", ""), node


def stored(node: ast.AST) -> Iterator[str]:
    """Yield the name of all that is assigned to: an attribute, or a thing whose item it is."""
    for child in ast.walk(node):
        if isinstance(child, ast.Attribute | ast.Subscript) and not isinstance(child.ctx, ast.Load):
            target = child.value if isinstance(child, ast.Subscript) else child
            yield getattr(target, "attr", getattr(target, "id", ""))


@cache
def assignments() -> Mapping[str, set[str]]:
    """Return the functions of the edge by the names that they assign to."""
    found: dict[str, set[str]] = {}
    for path in EDGE.rglob("*.py"):
        for function, node in functions(ast.parse(path.read_text())):
            for name in stored(node):
                found.setdefault(name, set()).add(f"{path.relative_to(EDGE)}: {function}")
    return found


def test_the_tables_are_the_only_code_that_changes_state() -> None:
    assert assignments()["state"] == ASSIGNS_STATE


def test_nobody_exchanges_or_edits_a_table() -> None:
    assert assignments()["table"] == {
        "sip/transaction.py: Transaction.__init__",
        "call/machine.py: Machine.__init__",
    }
    assert not assignments().keys() & set(TABLES)


def test_nobody_gets_round_an_assignment() -> None:
    for path in EDGE.rglob("*.py"):
        assert "setattr" not in path.read_text(), path
