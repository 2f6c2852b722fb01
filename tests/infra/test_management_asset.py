"""The zip of the management Lambda; pip fetches what it does not have, but no Node.js is needed."""

import sys
import zipfile
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import pytest

from infra import management_asset
from infra.management_asset import AssetProblemError

pytestmark = pytest.mark.sockets

UNCHECKED_HASH = 0b01
"""Flags of a bytecode file: by hash, and not to be checked (PEP 552)."""


def test_the_same_inputs_make_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = management_asset.management_asset()
    monkeypatch.setattr(management_asset, "CACHE", tmp_path)
    second = management_asset.management_asset()
    assert first.path != second.path
    assert first.digest == second.digest
    assert first.path.read_bytes() == second.path.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [second.path.name]


def test_other_dependencies_make_another_asset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = management_asset.digest_of_inputs()
    other = tmp_path / "lambda.txt"
    other.write_text(management_asset.REQUIREMENTS.read_text() + "# changed\n")
    monkeypatch.setattr(management_asset, "REQUIREMENTS", other)
    assert management_asset.digest_of_inputs() != before


def test_lambdas_python_finds_its_bytecode_in_the_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = f"{sys.version_info[0]}.{sys.version_info[1]}"
    monkeypatch.setattr(management_asset, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(management_asset, "PYTHON", this)
    made = management_asset.management_asset()
    monkeypatch.setattr(management_asset, "PYTHON", "3.12" if this == "3.13" else "3.13")
    assert management_asset.digest_of_inputs() != made.digest
    with zipfile.ZipFile(made.path) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "task")
    sources = [name for name in names if name.endswith(".py")]
    assert len(sources) > 100
    for name in sources:
        bytecode = cache_from_source(name)
        assert bytecode in names, name
        content = (tmp_path / "task" / bytecode).read_bytes()
        assert content[:4] == MAGIC_NUMBER
        assert int.from_bytes(content[4:8], "little") == UNCHECKED_HASH
    module = (tmp_path / "task" / cache_from_source("lambdas/management/api.py")).read_bytes()
    assert b"/var/task/lambdas/management/api.py" in module
    assert str(tmp_path).encode() not in module


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        # What is downloaded must be what was locked.
        ("six==1.17.0 --hash=sha256:" + "0" * 64, "HASHES"),
        # obstore has wheels with native code only (ARCHITECTURE A3).
        ("obstore==0.12.1 --hash=sha256:" + "0" * 64, "No matching distribution"),
        ("six", "--require-hashes"),
    ],
)
def test_what_is_not_locked_or_not_pure_is_refused(
    line: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "lambda.txt"
    requirements.write_text(line + "\n")
    monkeypatch.setattr(management_asset, "REQUIREMENTS", requirements)
    monkeypatch.setattr(management_asset, "CACHE", tmp_path / "cache")
    with pytest.raises(AssetProblemError, match=reason):
        management_asset.management_asset()
    assert list((tmp_path / "cache").iterdir()) == []
