"""sipvicious against a running edge: strangers hear nothing, listed sources learn nothing.

svwar and svcrack send from 127.0.0.1 whatever they are told, so that address is the scanner's here.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.lab import Lab, Trunk
from tests.e2e.sipp import free_host

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("scanners")]

EXTENSIONS = range(100, 141)
SCANNER = "127.0.0.1"
USER, PASSWORD = "100", "s3cret"
NUMBER = "+12125550100"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a stand that challenges with MD5 alone: svcrack knows nothing else (EDGE G2)."""
    settings = {"admission": {"digest_algorithms": "md5"}}
    with Lab(tmp_path_factory.mktemp("scanners"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def trunk(lab: Lab) -> Trunk:
    """Return a trunk on a stand where the scanner is a stranger."""
    lab.voice.put_voice_connector_termination(
        VoiceConnectorId=lab.stand.offered()["OVC_CONNECTOR_ID"],
        Termination={"CallingRegions": ["US"], "CidrAllowedList": [f"{free_host()}/32"]},
    )
    trunk = lab.new_trunk()
    trunk.permit()
    trunk.await_effect()
    return trunk


def environment(folder: Path) -> dict[str, str]:
    """Return one in which the tools keep their sessions to themselves."""
    return {**os.environ, "HOME": str(folder)}


def scan(lab: Lab, tool: str, *options: str) -> str:
    """Run a tool against the edge to its end; return the table of what it has found."""
    done = subprocess.run(
        [tool, "-p", str(lab.edge[1]), *options, lab.edge[0]],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment(lab.folder),
        timeout=30.0,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def extensions_in(table: str) -> list[int]:
    return [number for number in EXTENSIONS if f"| {number} " in table]


def svwar(lab: Lab, method: str, *options: str) -> str:
    range_ = f"{EXTENSIONS[0]}-{EXTENSIONS[-1]}"
    return scan(lab, "svwar", "-e", range_, "-m", method, "--maximumtime", "1", *options)


def test_a_stranger_finds_nothing(lab: Lab, trunk: Trunk) -> None:  # EDGE S4, R36, S5
    assert scan(lab, "svmap").strip() == ""
    assert scan(lab, "svmap", "-m", "INVITE").strip() == ""
    assert svwar(lab, "REGISTER").strip() == ""
    line = lab.stand.await_line("not answered: 127.0.0.1 is in no allow list")
    assert "add 127.0.0.1/32 to that connector's CidrAllowedList" in line


def test_a_stranger_who_knows_a_connector_finds_no_user(lab: Lab, trunk: Trunk) -> None:
    # EDGE R7: the same bare 403 for whatever is dialed.
    assert extensions_in(svwar(lab, "INVITE", "--force", "--domain", trunk.host)) == []
    assert trunk.records() == []


def test_a_listed_source_finds_no_user(lab: Lab, trunk: Trunk) -> None:  # EDGE S4
    trunk.permit(CidrAllowedList=[f"{SCANNER}/32", f"{trunk.pbx}/32"], CpsLimit=100)
    lab.await_status(200, trunk.host, SCANNER)
    answers = {"REGISTER": "405 Method not supported", "INVITE": "403 Dialed number not valid"}
    for method, answer in answers.items():
        table = svwar(lab, method, "--force", "--domain", trunk.host)
        assert extensions_in(table) == [], f"{method}: users are told apart"
        lab.stand.await_line(answer)


@contextmanager
def svcrack(lab: Lab, trunk: Trunk, words: list[str]) -> Iterator["subprocess.Popen[str]"]:
    dictionary = lab.folder / "dictionary"
    dictionary.write_text("\n".join(words) + "\n")
    with subprocess.Popen(
        [
            *("svcrack", "-p", str(lab.edge[1]), "-u", USER, "-e", NUMBER, "-m", "INVITE"),
            *("--domain", trunk.host, "--requesturi", f"sip:{NUMBER}@{trunk.host}"),
            *("-d", str(dictionary), "--maximumtime", "1", lab.edge[0]),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment(lab.folder),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_cracker_is_locked_out_before_it_finds_the_password(lab: Lab, trunk: Trunk) -> None:
    # EDGE G7, S7: five wrong guesses, and the right one comes too late.
    trunk.protect(USER, PASSWORD)
    lab.await_status(200, trunk.host, SCANNER)
    time.sleep(1.0)  # an edge reads its configuration every half second
    words = [f"guess{number}" for number in range(6)] + [PASSWORD] * 3
    with svcrack(lab, trunk, words) as process:
        lab.stand.await_line("User or password wrong")
        line = lab.stand.await_line("Too many failed authentications")
        time.sleep(1.0)
        process.kill()
        said = process.stdout.read() if process.stdout is not None else ""
    assert PASSWORD not in said
    assert "is locked out for 300 s" in line
    explained = lab.stand.run("explain", "--last").stdout
    assert "Too many failed authentications (digest-locked, EDGE G7, S7)" in explained
    assert PASSWORD not in explained
