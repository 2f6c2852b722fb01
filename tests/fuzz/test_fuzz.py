"""Half a minute of what `make fuzz` does for a million inputs, always the same."""

import random

import pytest

from edge.sip.message import parse_datagram
from tests.fuzz import run
from tests.fuzz.corpus import descriptions, messages, values
from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import TARGETS

SEED = 20_261_126
INPUTS = {
    "parser": 16_000,
    "grammars": 16_000,
    "sdp": 20_000,
    "packets": 20_000,
    "endpoint": 8_000,
    "core": 5_000,
    "framing": 5_000,
}


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_gives_way(target: str) -> None:
    # EDGE S8, R18: only declared errors, an edge that goes on, and nothing left behind.
    assert run.run(SEED, INPUTS[target], [target]).inputs[target] >= INPUTS[target]


def test_a_failure_says_how_to_have_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_way(chance: random.Random) -> int:
        assert chance.random() < 0.9
        return 1

    monkeypatch.setattr(run, "TARGETS", {"weak": (gives_way, 1)})
    with pytest.raises(AssertionError) as first:
        run.run(7, 1_000, ["weak"])
    (note,) = first.value.__notes__
    assert note.startswith("again: python -m tests.fuzz --seed 7 --target weak --only ")
    with pytest.raises(AssertionError):
        run.feed(7, "weak", int(note.rpartition(" ")[2]))


def test_one_seed_gives_one_sequence() -> None:
    one, same, other = (Mutator(random.Random(it), messages()) for it in (1, 1, 2))
    first, again, another = ([it.message() for _ in range(50)] for it in (one, same, other))
    assert first == again != another


def test_inputs_are_damaged_but_often_still_messages() -> None:
    mutator, read = Mutator(random.Random(3), messages()), 0
    inputs = [mutator.message() for _ in range(500)]
    for data in inputs:
        try:
            parse_datagram(data)
            read += 1
        except Exception:
            continue
    assert len(set(inputs)) > 490
    assert 50 < read < 450, "too tame or too wild to reach anything"


def test_the_corpus_holds_both_directions_of_whole_calls() -> None:
    starts = {it.split(b" ")[0] for it in messages()}
    assert {b"INVITE", b"ACK", b"CANCEL", b"BYE", b"SIP/2.0"} <= starts
    assert len(messages()) > 100
    assert len(descriptions()) > 10
    assert len(values()) > 200
