"""docs/conformance.md is what the tests prove: every rule of EDGE.md is tested or excused, once."""

from pathlib import Path

import pytest

from scripts import conformance
from scripts.conformance import Place, Rule, expanded, named_in, rules_of, survey, written

SPECIFICATION = """\
## 1. Flows

### 1.1 Role
- B1 The edge is a B2BUA [proposal].
- B2 Hiding
  goes on here. Today: not whole.

### 1.11 Header table (own)
| From | own |

### 2.2 Table
| id | case | answer |
|---|---|---|
| R1 | REGISTER | 405 |
"""

TESTS = '''\
"""Of EDGE B1, file-wide."""

CASES = [("R1 REGISTER", 405), ("other", 200)]


# Said above the test: EDGE B2,
# R1.
@decorated
def test_one():  # EDGE 1.11
    """It keeps EDGE B1-B2, RFC 3261 and B9."""
'''


def test_every_rule_is_tested_or_excused_and_no_test_names_another() -> None:
    assert survey().complaints == []


def test_the_page_is_up_to_date() -> None:
    assert conformance.FILE.read_text() == written(survey()), "make conformance"


def test_rules_are_bullets_rows_and_sections_without_ids() -> None:
    assert rules_of(SPECIFICATION) == [
        Rule("B1", "1.1 Role", "The edge is a B2BUA."),
        Rule("B2", "1.1 Role", "Hiding", is_partial=True),
        Rule("1.11", "1.11 Header table (own)", "the whole section: Header table (own)"),
        Rule("R1", "2.2 Table", "REGISTER \\| 405"),
    ]


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        ("F4", ["F4"]),
        ("F4, F6-F8; ST1", ["F4", "F6", "F7", "F8", "ST1"]),
        ("1.11", ["1.11"]),
        ("G1 G3", ["G1", "G3"]),
    ],
)
def test_lists_of_rules_are_read(listed: str, ids: list[str]) -> None:
    assert list(expanded(listed)) == ids


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of one specification and one file of tests."""
    monkeypatch.setattr(conformance, "ROOT", tmp_path)
    monkeypatch.setattr(conformance, "TESTS", tmp_path)
    for name, text in (
        ("SPECIFICATION", SPECIFICATION),
        ("EXCUSES", "untested = []"),
        ("test_it.py", TESTS),
    ):
        (tmp_path / name).write_text(text)
        if name.isupper():
            monkeypatch.setattr(conformance, name, tmp_path / name)
    return tmp_path


def test_a_rule_belongs_to_the_test_or_the_file_that_names_it(tree: Path) -> None:
    of_file, of_test = Place("test_it.py", None), Place("test_it.py", "test_one")
    assert named_in(tree / "test_it.py") == {
        "B1": {of_file, of_test},
        "B2": {of_test},
        "R1": {of_file, of_test},
        "1.11": {of_test},
    }
    assert survey().complaints == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("EDGE B1", "EDGE B7", "test_it.py names B7, which is no rule"),
        ("EDGE 1.11", "EDGE 1.9", "test_it.py names 1.9, which is no rule"),
        ("EDGE 1.11", "EDGE", "1.11 is neither tested nor excused"),
    ],
)
def test_a_name_that_does_not_fit_is_found(tree: Path, old: str, new: str, complaint: str) -> None:
    (tree / "test_it.py").write_text(TESTS.replace(old, new))
    assert complaint in survey().complaints


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [("B1", "B1 is tested: its excuse has to go"), ("Q9", "Q9 is excused, but no rule")],
)
def test_an_excuse_that_does_not_fit_is_found(tree: Path, rules: str, complaint: str) -> None:
    (tree / "EXCUSES").write_text(f'[[untested]]\nrules = ["{rules}"]\nreason = "none"\n')
    assert complaint in survey().complaints
