"""The cold start's own part: how long a fresh process takes to import the handler.

Out of the zip as Lambda unpacks it: nothing beside it, and no bytecode is written, since the
directory on Lambda cannot be. Measured twice: without bytecode, and with that which the zip holds
when Lambda's own Python makes it (infra/management_asset.py).
"""

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import NamedTuple

from infra.management_asset import management_asset
from model.settings import Settings

HANDLER = "lambdas.management.handler"
_SCRIPT = f"""
import sys
from time import perf_counter
sys.path.insert(0, sys.argv[1])
start = perf_counter()
import {HANDLER}
print(perf_counter() - start)
"""
_ENVIRONMENT = {
    "OVC_TABLE_PREFIX": "ovc",
    "OVC_ACCESS_KEYS_SECRET": "ovc/access-keys",
    "OVC_SETTINGS": Settings().to_json(),
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


class Size(NamedTuple):
    """What the package weighs, in bytes."""

    zipped: int
    unzipped: int


class Imports(NamedTuple):
    """Seconds of each import."""

    of_sources: list[float]
    of_bytecode: list[float]


def measure(rounds: int) -> tuple[Imports, Size]:
    """Return how long imports take, and the package's size."""
    asset = management_asset()
    with tempfile.TemporaryDirectory() as directory, zipfile.ZipFile(asset.path) as archive:
        archive.extractall(directory)
        size = Size(asset.path.stat().st_size, sum(entry.file_size for entry in archive.infolist()))
        for bytecode in list(Path(directory).rglob("__pycache__")):
            shutil.rmtree(bytecode)
        of_sources = _rounds(directory, rounds)
        mode = PycInvalidationMode.UNCHECKED_HASH
        assert compileall.compile_dir(directory, quiet=1, invalidation_mode=mode)
        return Imports(of_sources, _rounds(directory, rounds)), size


def _rounds(directory: str, rounds: int) -> list[float]:
    _import_seconds(directory)  # brings the files into the page cache
    return [_import_seconds(directory) for _ in range(rounds)]


def _import_seconds(directory: str) -> float:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _SCRIPT, directory],
        env={**_ENVIRONMENT, "PATH": os.environ["PATH"]},
        cwd=Path("/"),
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)
