"""The zip of the management Lambda; pip fetches what it does not have, but no Node.js is needed."""

from pathlib import Path

import pytest

from infra import management_asset
from infra.management_asset import AssetProblemError

pytestmark = pytest.mark.sockets


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
    before = management_asset.management_asset().digest
    other = tmp_path / "lambda.txt"
    other.write_text(management_asset.REQUIREMENTS.read_text() + "# changed\n")
    monkeypatch.setattr(management_asset, "REQUIREMENTS", other)
    monkeypatch.setattr(management_asset, "CACHE", tmp_path / "cache")
    assert management_asset.management_asset().digest != before


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
