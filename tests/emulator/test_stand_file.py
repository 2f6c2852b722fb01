"""The file by which other commands find a running stand."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.stand_file import (
    NoStandError,
    SeveralStandsError,
    StandFile,
    directories,
    read,
)
from tests.cli.test_env import FACTS

OTHER = replace(FACTS, pid=2)


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / "ovc"


def test_what_a_stand_writes_is_read_until_it_ends() -> None:
    file = StandFile(FACTS, 4080)
    assert read() == read(4080) == FACTS
    file.close()
    assert not file.path.exists()
    with pytest.raises(NoStandError, match=r"no stand is running; start one .*: ovc up"):
        read()


def test_nobody_else_may_read_it(runtime: Path) -> None:
    file = StandFile(FACTS, 4080)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    file.close()


def test_what_a_dead_stand_has_left_is_no_stand(runtime: Path) -> None:
    file = StandFile(FACTS, 4080)
    left = file.path.read_bytes()
    file.close()
    file.path.write_bytes(left)
    with pytest.raises(NoStandError):
        read()
    again = StandFile(OTHER, 4080)
    assert read() == OTHER
    again.close()


def test_of_several_stands_one_has_to_be_chosen() -> None:
    one, two = StandFile(FACTS, 4080), StandFile(OTHER, 14_080)
    assert (read(4080), read(14_080)) == (FACTS, OTHER)
    with pytest.raises(SeveralStandsError, match="API ports 4080, 14080; choose one with --api"):
        read()
    two.close()
    assert read() == FACTS
    with pytest.raises(NoStandError, match=r"14080 is running; start one .* --api-port 14080"):
        read(14_080)
    one.close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', json.dumps({"numbers": None})])
def test_a_file_that_cannot_be_read_is_no_stand(runtime: Path, content: str) -> None:
    file = StandFile(FACTS, 4080)
    file.path.write_text(content)
    with pytest.raises(NoStandError):
        read()
    file.close()


def test_a_directory_that_others_may_write_to_is_not_trusted(runtime: Path) -> None:
    runtime.mkdir()
    runtime.chmod(0o777)
    file = StandFile(FACTS, 4080)
    assert file.path.parent != runtime
    os.rename(file.path, runtime / file.path.name)
    with pytest.raises(NoStandError):
        read()
    file.close()


def test_the_users_runtime_directory_comes_first(tmp_path: Path) -> None:
    uid = os.getuid()
    everything = directories({"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)})
    assert everything == [tmp_path / "ovc", tmp_path / ".cache" / "ovc", tmp_path / f"ovc-{uid}"]
    assert directories({"XDG_RUNTIME_DIR": "/nonexistent"}) == [tmp_path / f"ovc-{uid}"]
