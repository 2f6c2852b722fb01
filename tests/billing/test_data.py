"""The cards and prices that come along are where they are needed, and nowhere else."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

from infra.management_asset import SOURCES

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "billing" / "data"


def test_they_are_part_of_what_is_installed() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = tools["package-data"]["*"]
    names = [path.name for path in DATA.iterdir() if path.is_file() and path.suffix != ".py"]
    assert len(names) == 5
    assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in names)
    assert any(fnmatch("billing.data", it) for it in tools["packages"]["find"]["include"])


def test_they_are_in_no_lambda_and_no_image() -> None:
    assert "billing" not in SOURCES
    assert "billing" not in (ROOT / ".dockerignore").read_text()
