"""What a trial has found: one line for each step, and what to do where a step failed."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError
from edge.sip.grammar import SipParseError

T = TypeVar("T")


class Verdict(StrEnum):
    """What became of a step."""

    OK = "ok"
    FAILED = "FAILED"
    SKIPPED = "skipped"
    """It does not apply here, or what it needs has failed; the detail says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the report."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""
    """What to do; of steps that failed alone."""
    took_ms: int = 0

    def __str__(self) -> str:
        """Return the line."""
        told = f"{self.verdict:<8} {self.name}: {self.detail}"
        return f"{told}; {self.remedy}" if self.remedy else told


class Told(NamedTuple, Generic[T]):
    """What a step has found, and how it is told."""

    detail: str
    found: T


class Unfit(Exception):
    """Something is not as it should be; the text says what, and the remedy what to do."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        """None: the step's own."""


class CannotGoOn(Exception):
    """A step has failed that all later ones need."""


_FORESEEN = (OSError, BotoCoreError, ClientError, CommandError, SipParseError, ValueError, Unfit)


class Report:
    """Takes the steps one after the other and tells each as soon as it is over."""

    def __init__(self, tell: Callable[[Step], None]) -> None:
        self.steps: list[Step] = []
        self.is_cut_short = False
        """Whether something else than a step has ended the trial."""
        self._tell = tell

    @property
    def is_good(self) -> bool:
        """Tell whether it came to its end, and no step has failed."""
        return not self.is_cut_short and all(
            step.verdict is not Verdict.FAILED for step in self.steps
        )

    def check(self, name: str, look: Callable[[], Told[T]], remedy: str) -> T | None:
        """Take a step; None when it failed, which the others survive."""
        began = time.monotonic()
        try:
            told = look()
        except _FORESEEN as error:
            better = error.remedy if isinstance(error, Unfit) else None
            problem = str(error) or type(error).__name__
            self._add(name, Verdict.FAILED, problem, began, better or remedy)
            return None
        self._add(name, Verdict.OK, told.detail, began)
        return told.found

    def need(self, name: str, look: Callable[[], Told[T]], remedy: str) -> T:
        """Take a step without which there is no other; raises CannotGoOn."""
        found = self.check(name, look, remedy)
        if found is None:
            raise CannotGoOn
        return found

    def skip(self, name: str, why: str) -> None:
        """Tell of a step that is not taken."""
        self._add(name, Verdict.SKIPPED, why, time.monotonic())

    def as_json(self) -> dict[str, object]:
        """Return the whole report for scripts."""
        return {"ok": self.is_good, "steps": [asdict(step) for step in self.steps]}

    def _add(
        self, name: str, verdict: Verdict, detail: str, began: float, remedy: str = ""
    ) -> None:
        took_ms = round(1000 * (time.monotonic() - began))
        step = Step(name=name, verdict=verdict, detail=detail, remedy=remedy, took_ms=took_ms)
        self.steps.append(step)
        self._tell(step)
