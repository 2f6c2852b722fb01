"""How many steps something takes: bytecodes, and the tries of a backtracking matcher; no clock.

Bytecodes do not show what an expression of `re` costs, for that is one of them. So expressions are
run here by a matcher of our own over the tree that `re` itself parses, in which every try counts.
"""

import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FrameType
from typing import Any

codes: Any = import_module("re._constants")
parser: Any = import_module("re._parser")

Items = list[tuple[Any, Any]]


def bytecodes(work: Callable[[], object]) -> int:
    """Return how many bytecodes a call takes, its callees' included."""
    taken = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal taken
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            taken += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return taken


class CountingMatcher:
    """Matches like `re`, by backtracking, and counts its tries."""

    def __init__(self, pattern: "re.Pattern[str] | re.Pattern[bytes]") -> None:
        source = pattern.pattern
        self._items: Items = list(parser.parse(source, pattern.flags & ~re.DEBUG))
        self._flags = pattern.flags
        self.tries = 0

    def fullmatch(self, text: str) -> bool:
        """Tell whether the whole text matches."""
        return any(end == len(text) for end in self._sequence(self._items, 0, text, 0))

    def search_all(self, text: str) -> None:
        """Look at every place where a match could begin, as `search` and `sub` do at worst."""
        for start in range(len(text)):
            next(self._sequence(self._items, 0, text, start), None)

    def beginnings(self) -> list[str]:
        """Return shortest texts that bring the matcher to each of its items."""
        found = [""]
        for item in self._items:
            found.append(found[-1] + self._shortest([item]))
        return found

    def alphabet(self) -> str:
        """Return a character for each class that the expression knows, up to a few."""
        found: dict[str, None] = {}
        self._collect(self._items, found)
        return "".join(found)

    def _sequence(self, items: Items, index: int, text: str, at: int) -> Iterator[int]:
        if index == len(items):
            yield at
            return
        for end in self._one(items[index], text, at):
            yield from self._sequence(items, index + 1, text, end)

    def _one(self, item: tuple[Any, Any], text: str, at: int) -> Iterator[int]:
        self.tries += 1
        if self.tries > MOST_TRIES:
            return
        kind, value = item
        if kind in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            low, high, body = value
            if self._is_one_character(body):
                yield from self._run(body[0], low, high, text, at, lazy=kind is codes.MIN_REPEAT)
            else:
                yield from self._repeat(list(body), low, high, text, at, 0)
        elif kind is codes.BRANCH:
            for branch in value[1]:
                yield from self._sequence(list(branch), 0, text, at)
        elif kind is codes.SUBPATTERN:
            yield from self._sequence(list(value[3]), 0, text, at)
        elif kind is codes.AT:
            at_end = value in (codes.AT_END, codes.AT_END_STRING)
            if at == (len(text) if at_end else 0):
                yield at
        elif kind in (codes.ASSERT, codes.ASSERT_NOT):
            found = next(self._sequence(list(value[1]), 0, text, at), None) is not None
            if found is (kind is codes.ASSERT):
                yield at
        elif at < len(text) and self._takes(item, text[at]):
            yield at + 1

    def _run(
        self, item: tuple[Any, Any], low: int, high: Any, text: str, at: int, *, lazy: bool
    ) -> Iterator[int]:
        longest = len(text) if high is codes.MAXREPEAT else min(len(text), at + high)
        end = at
        while end < longest and self._takes(item, text[end]):
            self.tries += 1
            end += 1
        ends = range(at + low, end + 1)
        for stop in ends if lazy else reversed(ends):
            self.tries += 1
            yield stop

    def _repeat(
        self, body: Items, low: int, high: Any, text: str, at: int, done: int
    ) -> Iterator[int]:
        self.tries += 1
        if high is codes.MAXREPEAT or done < high:
            for end in self._sequence(body, 0, text, at):
                if end > at:
                    yield from self._repeat(body, low, high, text, end, done + 1)
        if done >= low:
            yield at

    def _is_one_character(self, body: Items) -> bool:
        return len(body) == 1 and body[0][0] in (
            codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY,
        )  # fmt: skip

    def _takes(self, item: tuple[Any, Any], character: str) -> bool:
        if self._flags & re.IGNORECASE:
            return any(
                _takes(item, it, self._flags) for it in {character.lower(), character.upper()}
            )
        return _takes(item, character, self._flags)

    def _shortest(self, items: Items) -> str:
        text = ""
        for kind, value in items:
            if kind in (codes.MAX_REPEAT, codes.MIN_REPEAT):
                text += self._shortest(list(value[2])) * value[0]
            elif kind is codes.SUBPATTERN:
                text += self._shortest(list(value[3]))
            elif kind is codes.BRANCH:
                text += self._shortest(list(value[1][0]))
            elif kind not in (codes.AT, codes.ASSERT, codes.ASSERT_NOT):
                text += next(it for it in _TRIED if self._takes((kind, value), it))
        return text

    def _collect(self, items: Items, found: dict[str, None]) -> None:
        for kind, value in items:
            if kind in (codes.MAX_REPEAT, codes.MIN_REPEAT):
                self._collect(list(value[2]), found)
            elif kind is codes.SUBPATTERN:
                self._collect(list(value[3]), found)
            elif kind is codes.BRANCH:
                for branch in value[1]:
                    self._collect(list(branch), found)
            elif kind in (codes.ASSERT, codes.ASSERT_NOT):
                self._collect(list(value[1]), found)
            elif kind is not codes.AT:
                taken = next(it for it in _TRIED if self._takes((kind, value), it))
                if len(found) < _MOST_CHARACTERS:
                    found[taken] = None


_TRIED = " a0;,\"\\<>:.=/-@%[]+A\t\r\n\x80é(){}?*_~!'#&|^$" + "".join(map(chr, range(33, 127)))
_MOST_CHARACTERS = 6
MOST_TRIES = 20_000
"""At which counting stops: it is far more than linear."""


def _takes(item: tuple[Any, Any], character: str, flags: int) -> bool:
    kind, value = item
    if kind is codes.ANY:
        return bool(flags & re.DOTALL) or character != "\n"
    if kind is codes.LITERAL:
        return bool(ord(character) == value)
    if kind is codes.NOT_LITERAL:
        return bool(ord(character) != value)
    assert kind is codes.IN, f"{kind} is not bounded by this matcher: do without it"
    negated, members = False, list(value)
    if members and members[0][0] is codes.NEGATE:
        negated, members = True, members[1:]
    return negated is not any(_is_member(member, character) for member in members)


def _is_member(member: tuple[Any, Any], character: str) -> bool:
    kind, value = member
    if kind is codes.LITERAL:
        return bool(ord(character) == value)
    if kind is codes.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    assert kind is codes.CATEGORY, kind
    tests: dict[Any, Callable[[str], bool]] = {
        codes.CATEGORY_DIGIT: str.isdigit,
        codes.CATEGORY_SPACE: str.isspace,
        codes.CATEGORY_WORD: str.isidentifier,
    }
    return tests[value](character)
