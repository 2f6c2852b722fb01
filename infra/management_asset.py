"""The Lambdas' code: one zip, made by pip without Docker, the same for the same inputs.

It holds the handlers of all functions, which share most of their code. The locked botocore goes
along, because the one in Lambda's runtime changes on a day of its own and is not what the tests ran
with. Every dependency is a wheel for any platform, so that the zip can be
made on any machine and run on any architecture (A3): pip is not shown any other.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "requirements" / "lambda.txt"
SOURCES = ("model", "lambdas")
CACHE = ROOT / "build" / "lambda"

PYTHON = "3.13"
AWS_SERVICES = ("dynamodb", "secretsmanager")
"""What the function makes clients of; botocore describes 400 more, which are left out."""
LEFT_OUT = ("bin", "phonenumbers/carrierdata", "phonenumbers/geodata", "phonenumbers/tzdata")
"""Scripts, and tables of names of carriers, places and time zones, which nobody asks for."""
_SERVICE_MODELS = PurePosixPath("botocore/data")
_OLDEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class AssetProblemError(Exception):
    """The zip could not be made; the message has what pip said."""


class Asset(NamedTuple):
    """A zip and the hash of all that went into it."""

    path: Path
    digest: str


def management_asset() -> Asset:
    """Return the zip, made anew only if something that goes into it has changed."""
    digest = _digest()
    path = CACHE / f"management-{digest[:32]}.zip"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            packages, unfinished = Path(work, "packages"), Path(work, "unfinished.zip")
            _install(packages)
            _write_zip(unfinished, packages)
            # At once, so that another synthesis never sees half of it.
            os.replace(unfinished, path)
    return Asset(path, digest)


def _digest() -> str:
    """Return a hash of the inputs: this recipe, the locked dependencies, our own sources."""
    digest = hashlib.sha256()
    own = [(name, path) for name, path in _own_files()]
    for name, path in [("recipe", Path(__file__)), ("requirements", REQUIREMENTS), *own]:
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _own_files() -> Iterator[tuple[str, Path]]:
    for source in SOURCES:
        start = ROOT / source
        for path in sorted(start.rglob("*")) if start.is_dir() else [start]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path


def _install(target: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"),
        *("--implementation", "py", "--abi", "none", "--platform", "any"),
        *("--python-version", PYTHON, "--target", str(target), "-r", str(REQUIREMENTS)),
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssetProblemError(f"the Lambda's dependencies cannot be installed:\n{done.stdout}")


def _write_zip(path: Path, packages: Path) -> None:
    installed = [
        (found.relative_to(packages).as_posix(), found)
        for found in sorted(packages.rglob("*"))
        if found.is_file() and _is_needed(PurePosixPath(found.relative_to(packages).as_posix()))
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in [*_own_files(), *installed]:
            entry = zipfile.ZipInfo(name, _OLDEST_ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def _is_needed(name: PurePosixPath) -> bool:
    if any(name.is_relative_to(folder) for folder in LEFT_OUT):
        return False
    if name.parent.is_relative_to(_SERVICE_MODELS) and name.parent != _SERVICE_MODELS:
        return name.relative_to(_SERVICE_MODELS).parts[0] in AWS_SERVICES
    return True
