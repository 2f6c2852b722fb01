"""The Lambdas' code: one zip, made by pip without Docker, the same for the same inputs.

It holds the handlers of all functions, which share most of their code. The locked botocore goes
along, because the one in Lambda's runtime changes on a day of its own and is not what the tests ran
with. Every dependency is a wheel for any platform, so that the zip can be made on any machine and
run on any architecture (A3): pip is not shown any other.

Made with the Python that Lambda runs, the zip holds bytecode beside the sources: Lambda cannot
write any, and compiling is more than half of a cold start (`python -m bench.api`). Another Python's
bytecode would be of no use there, so with another one there is none; the zip does the same.
"""

import compileall
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from py_compile import PycInvalidationMode
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "requirements" / "lambda.txt"
SOURCES = ("model", "lambdas")
CACHE = ROOT / "build" / "lambda"

PYTHON = "3.13"
AWS_SERVICES = ("dynamodb", "ecs", "s3", "secretsmanager")
"""What the functions make clients of; botocore describes 400 more, which are left out."""
LEFT_OUT = ("bin", "phonenumbers/carrierdata", "phonenumbers/geodata", "phonenumbers/tzdata")
"""Scripts, and tables of names of carriers, places and time zones, which nobody asks for."""
_SERVICE_MODELS = PurePosixPath("botocore/data")
_OLDEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_ON_LAMBDA = "/var/task"


class AssetProblemError(Exception):
    """The zip could not be made; the message has what pip said."""


class Asset(NamedTuple):
    """A zip and the hash of all that went into it."""

    path: Path
    digest: str


def management_asset() -> Asset:
    """Return the zip, made anew only if something that goes into it has changed."""
    digest = digest_of_inputs()
    path = CACHE / f"management-{digest[:32]}.zip"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            content, unfinished = Path(work, "content"), Path(work, "unfinished.zip")
            _install(content)
            _leave_out(content)
            _add_own(content)
            if _is_compiled():
                _compile(content)
            _write_zip(unfinished, content)
            # At once, so that another synthesis never sees half of it.
            os.replace(unfinished, path)
    return Asset(path, digest)


def digest_of_inputs() -> str:
    """Return a hash of the inputs: this recipe, the locked dependencies, our own sources."""
    digest = hashlib.sha256(sys.version.encode() if _is_compiled() else b"")
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


def _leave_out(content: Path) -> None:
    for file in content.rglob("*"):
        if file.is_file() and not _is_needed(PurePosixPath(file.relative_to(content).as_posix())):
            file.unlink()


def _add_own(content: Path) -> None:
    for name, file in _own_files():
        target = content / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())


def _is_compiled() -> bool:
    """Tell whether this Python makes the bytecode that Lambda's reads."""
    return PYTHON == f"{sys.version_info[0]}.{sys.version_info[1]}"


def _compile(content: Path) -> None:
    done = compileall.compile_dir(
        str(content),
        quiet=1,
        maxlevels=20,
        stripdir=str(content),
        prependdir=_ON_LAMBDA,
        # The sources beside it never change: Lambda need not look at them.
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise AssetProblemError("the Lambda's code cannot be compiled; what stands above says why")


def _write_zip(path: Path, content: Path) -> None:
    found = {file.relative_to(content).as_posix(): file for file in content.rglob("*")}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(found.items()):
            if file.is_file():
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
