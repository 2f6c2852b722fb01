"""Writes docs/conformance.md: every rule of docs/spec/EDGE.md with the tests that name it.

A test names a rule in a comment, its docstring or a message: `# EDGE R12`, `(EDGE F4, F6-F8)`. In a
file whose docstring speaks of EDGE the name of a case may begin with it: `("R12 plain offer", ...`.
What stands in a test, or on the comment lines right above it, belongs to that test; anything else
in a file of tests belongs to the file. A rule that no test names has its reason in
docs/conformance.toml. Sections whose rules have no ids of their own count as one rule each.

    python -m scripts.conformance [--check]
"""

import ast
import re
import sys
import tomllib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
SPECIFICATION = ROOT / "docs" / "spec" / "EDGE.md"
EXCUSES = ROOT / "docs" / "conformance.toml"
FILE = ROOT / "docs" / "conformance.md"
TESTS = ROOT / "tests"
OWN_TEST = TESTS / "test_conformance.py"
"""Names rules as examples."""

WITHOUT_IDS = ("1.11", "1.12", "1.13", "2.1", "6.3")
"""Sections that rule by a table or list: header table, ladders, shapes, order, texts."""
SAYS_CHARACTERS = 90
_TODAY = "Today:"
"""Begins what the specification says of a rule that is not whole."""

_HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? (.+?)\s*$")
_RULE = re.compile(r"^(?:- |\| )([A-Z]{1,2}\d+)(?: \|)? (.+)$")
_ID = r"(?:[A-Z]{1,2}\d{1,2}|\d\.\d{1,2})\b(?!\.\d)"
_ITEM = rf"{_ID}(?:-{_ID})?"
_BETWEEN = r"(?:[,;]|,? and)?\s+(?:#\s*)?"
_MENTION = re.compile(rf"\bEDGE ({_ITEM}(?:{_BETWEEN}{_ITEM})*)")
_CASE = re.compile(rf'\("({_ID}(?: {_ID})*)(?: [^"\n]*)?",')


class Rule(NamedTuple):
    """One rule of the specification."""

    rule_id: str
    section: str
    """Number and title."""
    says: str
    """How its text begins."""
    is_partial: bool = False
    """Whether its text says what is missing today."""


class Place(NamedTuple):
    """Where a rule is named."""

    file: str
    """Below the root of the project."""
    test: str | None
    """None when the file names it outside its tests."""


class Conformance(NamedTuple):
    """What is proven, what is excused, what does not fit."""

    rules: list[Rule]
    proofs: Mapping[str, list[Place]]
    excuses: Mapping[str, str]
    complaints: list[str]


def rules_of(specification: str) -> list[Rule]:
    """Return every rule in the order of the text."""
    found: list[Rule] = []
    section = ""
    for line in specification.splitlines():
        if heading := _HEADING.match(line):
            section = f"{heading[1]} {heading[2]}"
            if heading[1] in WITHOUT_IDS:
                found.append(Rule(heading[1], section, f"the whole section: {heading[2]}"))
        elif rule := _RULE.match(line):
            found.append(Rule(rule[1], section, _beginning(rule[2])))
        if found and line and _TODAY in line:
            found[-1] = found[-1]._replace(is_partial=True)
    return found


def expanded(listed: str) -> Iterator[str]:
    """Return the ids of a list such as `F4, F6-F8`."""
    for item in re.findall(_ITEM, listed):
        first, _, last = item.partition("-")
        if not last:
            yield first
            continue
        letters = first.rstrip("0123456789")
        numbers = (int(it.removeprefix(letters)) for it in (first, last))
        yield from (f"{letters}{n}" for n in range(next(numbers), next(numbers) + 1))


def named_in(path: Path) -> dict[str, set[Place]]:
    """Return the rules that a Python file names."""
    text = path.read_text()
    file = path.relative_to(ROOT).as_posix()
    line_starts = [0, *(it.end() for it in re.finditer("\n", text))]
    tests = _tests_of(text)
    found: dict[str, set[Place]] = defaultdict(set)
    cases = _CASE.finditer(text) if "EDGE" in (ast.get_docstring(ast.parse(text)) or "") else ()
    for mention in (*_MENTION.finditer(text), *cases):
        line = bisect_right(line_starts, mention.start())
        test = next((name for name, lines in tests if line in lines), None)
        for rule_id in expanded(mention[1]):
            found[rule_id].add(Place(file, test))
    return found


def survey() -> Conformance:
    """Compare the specification, the tests and the excuses."""
    rules = rules_of(SPECIFICATION.read_text())
    known = {it.rule_id for it in rules} | _sections(SPECIFICATION.read_text())
    proofs: dict[str, list[Place]] = defaultdict(list)
    complaints = _repeated(it.rule_id for it in rules)
    for path in sorted(set(TESTS.rglob("*.py")) - {OWN_TEST}):
        for rule_id, places in named_in(path).items():
            if rule_id not in known:
                complaints.append(f"{path.relative_to(ROOT)} names {rule_id}, which is no rule")
            if path.name.startswith("test_"):
                proofs[rule_id] += sorted(places, key=lambda it: it.test or "")
    excuses = _excuses()
    for rule in rules:
        if rule.rule_id in proofs and rule.rule_id in excuses:
            complaints.append(f"{rule.rule_id} is tested: its excuse has to go")
        if rule.rule_id not in proofs and rule.rule_id not in excuses:
            complaints.append(f"{rule.rule_id} is neither tested nor excused")
    complaints += [f"{it} is excused, but no rule" for it in excuses if it not in known]
    return Conformance(rules, proofs, excuses, complaints)


def written(found: Conformance) -> str:
    """Return the page."""
    sections: dict[str, list[Rule]] = defaultdict(list)
    for rule in found.rules:
        sections[rule.section].append(rule)
    proven = sum(rule.rule_id in found.proofs for rule in found.rules)
    lines = [
        "# Conformance",
        "",
        "Every rule of [spec/EDGE.md](spec/EDGE.md) with the tests that name it, or the reason why",
        "none does. `make conformance` writes this page from the tests and from",
        "[conformance.toml](conformance.toml), where the reasons are; do not edit it. Sections",
        "whose rules have no ids count as one rule each.",
        "",
        f"**{proven} of {len(found.rules)} rules are tested.**",
        "",
        "| section | rules | tested | not tested |",
        "|---|---|---|---|",
    ]
    for section, rules in sections.items():
        tested = sum(it.rule_id in found.proofs for it in rules)
        lines.append(f"| {section} | {len(rules)} | {tested} | {len(rules) - tested} |")
    for section, rules in sections.items():
        lines += ["", f"## {section}", "", "| rule | begins | tests |", "|---|---|---|"]
        lines += [f"| {it.rule_id} | {it.says} | {_proof(it, found)} |" for it in rules]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page, or with --check only say what does not fit."""
    found = survey()
    page = written(found)
    if "--check" in sys.argv[1:]:
        if FILE.read_text() != page:
            found.complaints.append(f"{FILE.relative_to(ROOT)} is out of date: make conformance")
    else:
        FILE.write_text(page)
    if found.complaints:
        sys.exit("\n".join(found.complaints))


def _beginning(text: str) -> str:
    says = re.sub(r"\s*\[(seed|guide|guide-s|proposal)[^]]*\]", "", text).replace("|", "\\|")
    says = says.rstrip("\\| ")
    if len(says) > SAYS_CHARACTERS:
        says = says[:SAYS_CHARACTERS].rpartition(" ")[0].rstrip(",;:(\\| ") + " ..."
    return says + "`" * (says.count("`") % 2)


def _tests_of(text: str) -> list[tuple[str, range]]:
    """Return each test with its lines, the comment lines right above it included."""
    lines = text.splitlines()
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("test_"):
                continue
            first = min([node.lineno, *(it.lineno for it in node.decorator_list)])
            while first > 1 and lines[first - 2].lstrip().startswith("#"):
                first -= 1
            found.append((node.name, range(first, (node.end_lineno or first) + 1)))
    return found


def _sections(specification: str) -> set[str]:
    return {it[1] for line in specification.splitlines() if (it := _HEADING.match(line))}


def _repeated(ids: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [f"{it} is there twice" for it in ids if it in seen or seen.add(it)]  # type: ignore[func-returns-value]  # adds, then is falsy


def _excuses() -> dict[str, str]:
    return {
        rule_id: entry["reason"]
        for entry in tomllib.loads(EXCUSES.read_text())["untested"]
        for listed in entry["rules"]
        for rule_id in expanded(listed)
    }


def _proof(rule: Rule, found: Conformance) -> str:
    if rule.rule_id not in found.proofs:
        return f"not tested: {found.excuses.get(rule.rule_id, 'no reason given')}"
    files: dict[str, list[str]] = defaultdict(list)
    for place in found.proofs[rule.rule_id]:
        files[place.file] += [] if place.test is None else [place.test]
    tested = ", ".join(
        f"[{file.removeprefix('tests/')}](../{file})" + (f" ({len(tests)})" if tests else "")
        for file, tests in files.items()
    )
    return tested + ("; not whole yet, as the rule says" if rule.is_partial else "")


if __name__ == "__main__":
    main()
