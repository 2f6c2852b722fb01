"""Carries out the steps of edge/Dockerfile without Docker: each stage is a directory.

Commands run as they stand, with their absolute paths led into that directory and with a clean
virtual environment of the image's Python as `python`.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.image.dockerfile import Copy, DockerfileProblemError, Stage, copied, stages, strings

_ABSOLUTE = re.compile(r"(?<=\s)/(?=\w)(?!dev/)")
_AS_ROOT = os.geteuid() == 0


@dataclass(frozen=True)
class Layer:
    """What one COPY of the last stage brings into the image."""

    target: str
    size: int
    """Bytes of its files."""


@dataclass(frozen=True)
class Image:
    """What the last stage is: its directory, how it is run, and what its layers hold."""

    root: Path
    stage: Stage
    layers: list[Layer]

    @property
    def volumes(self) -> list[str]:
        """Return the paths that are writable when it runs."""
        return [path for text in self.stage.of("VOLUME") for path in strings(text)]


def built(context: Path, work: Path, python: Path, architecture: str) -> Image:
    """Carry out all stages of edge/Dockerfile; raises DockerfileProblemError.

    `python` is the directory of the environment's programs, `architecture` what BuildKit calls
    TARGETARCH: amd64 or arm64.
    """
    builder = _Builder(context, work, python, {"TARGETARCH": architecture})
    found = stages((context / "edge" / "Dockerfile").read_text())
    for stage in found:
        layers = builder.carry_out(stage)
    return Image(builder.root_of(found[-1].name), found[-1], layers)


class _Builder:
    def __init__(self, context: Path, work: Path, python: Path, platform: dict[str, str]) -> None:
        self._context, self._work, self._python, self._platform = context, work, python, platform
        admitted = re.findall(r"^!(\S+)$", (context / ".dockerignore").read_text(), re.M)
        self._admitted = [Path(path) for path in admitted]

    def root_of(self, stage: str) -> Path:
        return self._work / stage

    def carry_out(self, stage: Stage) -> list[Layer]:
        self.root_of(stage.name).mkdir(parents=True)
        layers = []
        for instruction in stage.instructions:
            if instruction.keyword == "COPY":
                copy = copied(instruction.text)
                layers.append(Layer(copy.target, self._copy(stage, copy)))
            elif instruction.keyword == "RUN":
                self._run(stage, instruction.text)
        return layers

    def _copy(self, stage: Stage, copy: Copy) -> int:
        source = self._source(copy)
        target = self.root_of(stage.name) / copy.target.lstrip("/")
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=self._left_out(copy))
        else:
            target = target / source.name if copy.target.endswith("/") else target
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
        brought = [target, *target.rglob("*")]
        if _AS_ROOT:
            for path in brought:
                os.chown(path, *copy.owner, follow_symlinks=False)
        return sum(path.lstat().st_size for path in brought if path.is_file())

    def _source(self, copy: Copy) -> Path:
        if copy.stage is not None:
            return self.root_of(copy.stage) / copy.source.lstrip("/")
        if not any(Path(copy.source).is_relative_to(path) for path in self._admitted):
            raise DockerfileProblemError(f"COPY {copy.source}: .dockerignore keeps it out")
        return self._context / copy.source

    def _left_out(self, copy: Copy) -> Callable[[str, list[str]], set[str]] | None:
        # What .dockerignore says of directories that it lets in.
        return shutil.ignore_patterns("__pycache__") if copy.stage is None else None

    def _run(self, stage: Stage, text: str) -> None:
        given = {name: self._platform[name] for name in stage.of("ARG") if name in self._platform}
        root = self.root_of(stage.name)
        done = subprocess.run(
            ["sh", "-c", _ABSOLUTE.sub(f"{root}/", text)],
            env=os.environ | given | {"PATH": f"{self._python}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            raise DockerfileProblemError(f"RUN {text}\nended with {done.returncode}: {done.stdout}")
