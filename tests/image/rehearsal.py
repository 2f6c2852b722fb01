"""The whole rehearsal of an image: what is made, how it runs, what is wrong with it."""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from tests.image import stand_in
from tests.image.build import Image, built
from tests.image.run import Container, Found, tried
from tests.infra.synthesis import ROOT
from tests.runtime.local_aws import Deployment, LocalAws

DOCKERFILE = ROOT / "edge" / "Dockerfile"
MACHINES = {"amd64": 62, "arm64": 183}
"""What BuildKit calls an architecture -> what ELF does (elf(5): e_machine)."""
_ELF = b"\x7fELF"


class Rehearsal:
    """Images of one checkout, and the Python that stands in for their base."""

    def __init__(self, work: Path) -> None:
        """`work` takes all that is made; raises NoPythonError."""
        self.base_version = stand_in.version_of_base(DOCKERFILE.read_text())
        self.python = stand_in.interpreter(self.base_version)
        self._work = work
        self._programs = stand_in.clean_environment(self.python, work / "venv")

    def build(self, architecture: str) -> Image:
        """Carry out the Dockerfile for amd64 or arm64; raises DockerfileProblemError."""
        return built(ROOT, self._work / architecture, self._programs, architecture)

    def run(self, image: Image) -> Found:
        """Run an image of this machine's architecture and look at it; takes root's rights."""
        stand_in.furnish(image.root, self.python)
        server = LocalAws()
        try:
            deployment = Deployment(server, f"image{uuid4().hex[:12]}")
            deployment.use_bucket()
            return tried(image, deployment)
        finally:
            server.stop()


@contextmanager
def rehearsal() -> Iterator[Rehearsal]:
    """Give one a directory that a user without rights can get into, for the `with` block."""
    with TemporaryDirectory(prefix="ovc-image-") as work:
        os.chmod(work, 0o755)
        yield Rehearsal(Path(work))


def foreign_machines(image: Image, architecture: str) -> dict[str, int]:
    """Return the native files in an image that are for other processors, with their machine."""
    found = {}
    for path in (image.root / "opt").rglob("*.so*"):
        head = path.read_bytes()[:20]
        if head[:4] == _ELF:
            (machine,) = struct.unpack_from("<H", head, 18)
            if machine != MACHINES[architecture]:
                found[str(path.relative_to(image.root))] = machine
    return found


def problems(image: Image, found: Found) -> list[str]:
    """Return what a run has shown to be wrong, best nothing."""
    user, group = image.stage.user()
    writable = Container(image, {}).writable()
    outside = [it for it in writable if not any(map(Path(it).is_relative_to, image.volumes))]
    return [
        text
        for wrong, text in (
            (outside, f"its user may write to {outside}"),
            (set(image.volumes) - set(writable), f"nobody may write to {image.volumes}"),
            (found.changed, f"it has changed {sorted(found.changed)}"),
            (user == 0 or group == 0, "it runs as root"),
            (
                any(it != (user, group, "", 0, True) for it in found.rights),
                f"its processes may do more than they should: {found.rights}",
            ),
            (len(found.rights) < 3, f"{len(found.rights)} processes run; three do on Fargate"),
            (found.probe_before != 1, "the health check finds an edge where there is none"),
            (found.probe != 0, "the health check finds no edge"),
            (found.exit_code != 0, f"it ends with {found.exit_code} after SIGTERM"),
            ("stopped" not in found.events, f"it never says that it has stopped: {found.events}"),
        )
        if wrong
    ]
