"""The edge's image, made by the steps of edge/Dockerfile without Docker, runs as on Fargate."""

import os
import platform
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.image.__main__ import NATIVE, size
from tests.image.build import Image, Layer
from tests.image.dockerfile import Stage, stages
from tests.image.rehearsal import (
    DOCKERFILE,
    MACHINES,
    Rehearsal,
    foreign_machines,
    problems,
    rehearsal,
)
from tests.image.run import PUBLIC_ADDRESS, Found, Rights
from tests.image.stand_in import NoPythonError

LARGEST_BYTES = 100_000_000
"""What a task has to fetch before it starts, besides the base; 92 MB when this was written."""


@pytest.fixture(scope="module")
def made() -> Iterator[Rehearsal]:
    with ExitStack() as running:
        try:
            it = running.enter_context(rehearsal())
        except NoPythonError as error:
            pytest.skip(str(error))
        yield it


@pytest.mark.sockets
@pytest.mark.skipif(os.geteuid() != 0, reason="another root and another user take root's rights")
def test_the_image_runs_without_rights_on_a_file_system_that_it_cannot_change(
    made: Rehearsal,
) -> None:
    architecture = NATIVE[platform.machine()]
    image = made.build(architecture)
    assert foreign_machines(image, architecture) == {}
    assert sum(layer.size for layer in image.layers) < LARGEST_BYTES, size(image)
    found = made.run(image)
    assert problems(image, found) == []
    assert found.ready["sip"].startswith(f"{PUBLIC_ADDRESS}:")
    # The control: a directory that its user may write to does not go unseen.
    (image.root / "opt/open").mkdir(mode=0o777)
    (image.root / "opt/open").chmod(0o777)
    assert problems(image, found) == ["its user may write to ['/opt/open']"]


RIGHTS = Rights(10001, 10001, "", 0, True)
GOOD = Found({}, [RIGHTS] * 3, 1, 0, 0, set(), ["ready", "stopped"])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (GOOD._replace(changed={"/opt/x.pyc"}), "it has changed ['/opt/x.pyc']"),
        (GOOD._replace(rights=[RIGHTS, RIGHTS, RIGHTS._replace(user=0)]), "may do more"),
        (GOOD._replace(rights=[RIGHTS._replace(capabilities=1 << 12)] * 3), "may do more"),
        (GOOD._replace(rights=[RIGHTS._replace(no_new_privileges=False)] * 3), "may do more"),
        (GOOD._replace(rights=[RIGHTS]), "1 processes run"),
        (GOOD._replace(probe_before=0), "finds an edge where there is none"),
        (GOOD._replace(probe=1), "finds no edge"),
        (GOOD._replace(exit_code=-9), "it ends with -9 after SIGTERM"),
        (GOOD._replace(events=["ready"]), "it never says that it has stopped"),
    ],
)
def test_what_a_run_shows_to_be_wrong_is_told(
    found: Found, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image(Path("/"), stages(DOCKERFILE.read_text())[-1], [])
    monkeypatch.setattr("tests.image.run.Container.writable", lambda _: image.volumes)
    assert problems(image, GOOD) == []
    (problem,) = problems(image, found)
    assert said in problem


@pytest.mark.parametrize("architecture", list(MACHINES))
def test_a_wheel_for_other_processors_is_found(architecture: str, tmp_path: Path) -> None:
    image = Image(tmp_path, Stage("last", "base", None), [Layer("/opt", 1_500_000)])
    (tmp_path / "opt").mkdir()
    for name, machine in MACHINES.items():
        head = b"\x7fELF" + bytes(14) + struct.pack("<H", machine)
        (tmp_path / "opt" / f"{name}.so").write_bytes(head)
    (tmp_path / "opt" / "script.so.1").write_text("GROUP ( libc.so.6 )")
    (other,) = MACHINES.keys() - {architecture}
    assert foreign_machines(image, architecture) == {f"opt/{other}.so": MACHINES[other]}
    assert size(image) == "1.5 MB over the base (/opt 1.5)"
