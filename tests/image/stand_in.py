"""What stands in for the base image: a Python of its version that this machine has.

The build gets a clean virtual environment of it. To run in, the last stage's directory gets the
interpreter, its standard library and the shared libraries that these need, and nothing else: no
shell, no package of this machine.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from scripts.base_image import base_of

CHOICE = "OVC_IMAGE_PYTHON"
_PREFIX = "usr/local"
"""Where the official images have theirs."""
_LEFT_OUT = (
    "test",
    "idlelib",
    "turtledemo",
    "tkinter",
    "config-*",
    "_tkinter*",
    "site-packages",
    "__pycache__",
)
_C_LIBRARY = (
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
)
"""What Debian's libc6 holds and depends on: every image of Debian has them."""
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_OF_THE_HOST = ("etc/resolv.conf", "etc/hosts")
_DEVICES = {"null": (1, 3), "urandom": (1, 9)}
"""What whoever runs containers puts into them, as far as the edge looks at it; mem(4)."""


class NoPythonError(Exception):
    """This machine has no Python that could stand in; the message says which is wanted."""


def version_of_base(dockerfile: str) -> str:
    """Return the full version of Python in the base of a Dockerfile's text."""
    return base_of(dockerfile).tag.partition("-")[0]


def interpreter(version: str) -> Path:
    """Return an interpreter of the same minor version; raises NoPythonError."""
    minor = version.rpartition(".")[0]
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [
        os.environ.get(CHOICE),
        sys.executable,
        shutil.which(f"python{minor}"),
        *sorted(map(str, pyenv.glob(f"{minor}.*/bin/python{minor}")), reverse=True),
    ]
    for candidate in candidates:
        if candidate and _says(candidate, "print(*sys.version_info[:2], sep='.')") == minor:
            return Path(candidate)
    raise NoPythonError(
        f"the image has Python {version}, and none of {minor} is on this machine: install one, "
        f"e.g. with pyenv, or name it in {CHOICE}"
    )


def version_of(python: Path) -> str:
    """Return an interpreter's full version."""
    return _says(str(python), "print(sys.version.split()[0])")


def clean_environment(python: Path, directory: Path) -> Path:
    """Make a virtual environment with pip alone in it; return where its programs are."""
    subprocess.run([str(python), "-m", "venv", str(directory)], check=True)
    return directory / "bin"


def furnish(root: Path, python: Path) -> None:
    """Put the interpreter and what it needs into a directory that is to be a root."""
    said = _says(
        str(python), "print(os.path.realpath(sys.executable), sysconfig.get_path('stdlib'))"
    )
    program, library = map(Path, said.split())
    name = library.name
    target = root / _PREFIX / "lib" / name
    shutil.copytree(library, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    programs = root / _PREFIX / "bin"
    programs.mkdir(parents=True)
    shutil.copy2(program, programs / name)
    (programs / "python").symlink_to(name)
    modules = (target / "lib-dynload").glob("*.so")
    native = [program, *(library / "lib-dynload" / path.name for path in modules)]
    libraries = _shared_libraries(native)
    (libc,) = [path for path in libraries if path.name == _C_LIBRARY[0]]
    for path in libraries | {libc.with_name(name) for name in _C_LIBRARY}:
        ours = path.is_relative_to(library.parent)
        place = root / (f"{_PREFIX}/lib/{path.name}" if ours else str(path).lstrip("/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    for file in _OF_THE_HOST:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(f"/{file}", root / file)
    (root / "dev").mkdir()
    for name, (major, minor) in _DEVICES.items():
        os.mknod(root / "dev" / name, stat.S_IFCHR, os.makedev(major, minor))
        os.chmod(root / "dev" / name, 0o666)


def environment() -> dict[str, str]:
    """Return the variables that the base sets, and the one for libraries that no cache knows."""
    paths = ("/usr/local/bin", "/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
    return {"PATH": ":".join(paths), "LD_LIBRARY_PATH": f"/{_PREFIX}/lib", "HOME": "/"}


def _shared_libraries(programs: list[Path]) -> set[Path]:
    listed = subprocess.run(
        ["ldd", *map(str, programs)], capture_output=True, text=True, check=True
    )
    return {Path(path) for path in _LIBRARY.findall(listed.stdout)}


def _says(python: str, expression: str) -> str:
    code = f"import os, sys, sysconfig; {expression}"
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
