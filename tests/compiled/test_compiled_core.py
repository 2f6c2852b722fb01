"""The core as machine code does what its source does: the tests of the sources, run on it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER = Path(sysconfig.get_path("include")) / "Python.h"
SUITES = ("tests/sip", "tests/call", "tests/policy", "tests/routing", "tests/core")
LONGEST_S = 600

_RUN = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import edge.call.call, edge.policy.admission, edge.sip.message
for module in (edge.call.call, edge.policy.admission, edge.sip.message):
    assert module.__file__.endswith(".so"), module.__file__
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[3:]]))
"""


@pytest.mark.sockets
@pytest.mark.skipif(
    shutil.which("cc") is None or not HEADER.exists(),
    reason="needs a C compiler and Python's headers (gcc and python3-dev)",
)
def test_the_compiled_core_passes_the_tests_of_its_sources(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "scripts/compile_core.py"), str(tmp_path / "code")],
        check=True,
        timeout=LONGEST_S,
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", _RUN, str(tmp_path / "code"), str(ROOT), *SUITES],
        cwd=ROOT,
        env={name: it for name, it in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed.group(1)) > 1_000
