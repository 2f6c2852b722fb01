"""Feeds targets from one seed; every input can be had again by its number."""

import random
from collections.abc import Iterable
from typing import NamedTuple

from tests.fuzz.targets import TARGETS


class Fed(NamedTuple):
    """What a run has done."""

    inputs: dict[str, int]
    """By target."""


def chance_of(seed: int, target: str, number: int) -> random.Random:
    """Return the chance of one input."""
    return random.Random(f"{seed}/{target}/{number}")


def feed(seed: int, target: str, number: int) -> int:
    """Feed one input; a failure says how to have it again."""
    try:
        return TARGETS[target][0](chance_of(seed, target, number))
    except BaseException as error:
        error.add_note(
            f"again: python -m tests.fuzz --seed {seed} --target {target} --only {number}"
        )
        raise


def run(seed: int, inputs: int, targets: Iterable[str] = TARGETS) -> Fed:
    """Feed so many inputs to the targets, each its share."""
    names = list(targets)
    whole = sum(TARGETS[name][1] for name in names)
    fed: dict[str, int] = {}
    for name in names:
        due, fed[name], number = inputs * TARGETS[name][1] // whole, 0, 0
        while fed[name] < due:
            fed[name] += feed(seed, name, number)
            number += 1
    return Fed(fed)
