"""`ovc up` and the commands beside it, as a newcomer types them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model.tables import TABLES
from tests.e2e.running import OVC, PATIENCE_S, RunningStand, free_port
from tests.runtime.processes import is_running
from tests.support.extensions import ext

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("up")]

READY_WITHIN_S = 5.0
ENDS_WITHIN_S = 2.0
ATTEMPTS = 6
"""A promise of time is about the product and not about what else this machine does: best of."""


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStand]:
    with RunningStand(tmp_path_factory.mktemp("runtime")) as running:
        yield running


@pytest.fixture(scope="module")
def offered(stand: RunningStand) -> dict[str, str]:
    return stand.offered()


def best_of(measure: Callable[[], float], promise: float) -> float:
    """Return the smallest measure, or the first one that keeps the promise."""
    smallest = measure()
    for _ in range(ATTEMPTS - 1):
        if smallest <= promise:
            break
        smallest = min(smallest, measure())
    return smallest


def test_it_is_ready_within_five_seconds_and_ends_in_two(tmp_path: Path) -> None:
    # ARCHITECTURE A14
    def share_of_promise() -> float:
        with RunningStand(tmp_path) as running:
            code, took_s = running.end(signal.SIGINT)
            assert code == 0
            assert running.survivors() == []
            assert len(running.processes) >= 7, "moto, edge and its workers, PSTN and PBX"
            return max(running.ready_after_s / READY_WITHIN_S, took_s / ENDS_WITHIN_S)

    assert best_of(share_of_promise, 1.0) <= 1.0
    assert not list(tmp_path.rglob("stand-*.json"))


def test_a_call_that_is_up_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    def end_a_busy_stand() -> float:
        with RunningStand(tmp_path) as running:
            number = running.offered()["OVC_NUMBERS"].split(",")[0]
            order = [*OVC, "call", "--to", number, "--duration", "60", "--json"]
            with subprocess.Popen(
                order, stdout=subprocess.PIPE, text=True, env=running.environment
            ) as caller:
                assert caller.stdout is not None
                _await_call(running)
                code, took_s = running.end(signal.SIGTERM)
                report = json.loads(caller.stdout.read())
            assert code == 0
            assert running.survivors() == []
            assert (report["answered"], report["ended_by"]) == (True, "them")
            return took_s

    assert best_of(end_a_busy_stand, ENDS_WITHIN_S) <= ENDS_WITHIN_S


def _await_call(running: RunningStand) -> None:
    """Wait until the edge has an answered call."""
    deadline = time.monotonic() + PATIENCE_S
    while not ext(f"http://127.0.0.1:{running.ports['api']}", "/ext/calls")["Calls"]:
        assert time.monotonic() < deadline, "the call was never answered"
        time.sleep(0.02)


def test_env_offers_exactly_what_the_readme_names(offered: dict[str, str]) -> None:
    assert list(offered) == [
        "AWS_ENDPOINT_URL_CHIME_SDK_VOICE",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "OVC_CDR_BUCKET",
        "OVC_SIP_ADDRESS",
        "OVC_TLS_ADDRESS",
        "OVC_CA_FILE",
        "OVC_CONNECTOR_ID",
        "OVC_CONNECTOR_HOST",
        "OVC_NUMBERS",
    ]
    assert all(isinstance(value, str) and value for value in offered.values())
    assert offered["OVC_CONNECTOR_HOST"].endswith(".voiceconnector.localhost")
    numbers = offered["OVC_NUMBERS"].split(",")
    assert len(numbers) == 2
    assert not any(100 <= int(number[-4:]) <= 110 for number in numbers)


def test_boto3_needs_nothing_but_these_variables(
    stand: RunningStand, offered: dict[str, str]
) -> None:
    script = (
        "import boto3\n"
        "voice = boto3.client('chime-sdk-voice')\n"
        "made = voice.create_voice_connector(Name='mine', RequireEncryption=False)\n"
        "print(made['VoiceConnector']['VoiceConnectorId'])\n"
        "print(boto3.client('sts').get_caller_identity()['Account'])\n"
        "print(sorted(boto3.client('dynamodb').list_tables()['TableNames']))\n"
        "names = [it['Name'] for it in boto3.client('s3').list_buckets()['Buckets']]\n"
        "print(names)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**offered, "PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        timeout=PATIENCE_S,
    )
    assert run.returncode == 0, run.stderr
    connector_id, account, tables, buckets = run.stdout.splitlines()
    assert len(connector_id) == 22
    assert account == "000000000000"
    assert tables == str(sorted(table.physical_name("ovc") for table in TABLES))
    assert buckets == f"['{offered['OVC_CDR_BUCKET']}']"


def test_an_inbound_call_is_heard_recorded_and_shown(
    stand: RunningStand, offered: dict[str, str]
) -> None:
    number = offered["OVC_NUMBERS"].split(",")[1]
    report = stand.call(number, duration_s=1.0)
    assert (report["exit_code"], report["answered"], report["status"]) == (0, True, 200)
    assert report["ended_by"] == "us"
    assert 900 <= report["duration_ms"] <= 1_500
    assert 0 < report["packets_received"] <= report["packets_sent"]
    line = stand.await_line(f"-> {number}")
    assert "  in   " in line and "Completed  1." in line
    record = json.loads(stand.run("cdr", "tail", "-n", "1", "--json").stdout)
    assert record["VoiceConnectorId"] == offered["OVC_CONNECTOR_ID"]
    assert (record["ToNumber"], record["Disposition"]) == (number, "Origination")
    assert (record["Status"], record["BillableDuration"]) == ("Completed", 6)
    shown = stand.run("cdr", "tail", "--once").stdout
    assert f"-> {number}  Completed, billed 6 s" in shown


def test_a_refused_call_shows_what_would_admit_it(stand: RunningStand) -> None:
    report = stand.call("+12065552999")
    assert (report["exit_code"], report["answered"], report["status"]) == (4, False, 404)
    line = stand.await_line("404 Number not assigned")
    assert "associate_phone_numbers_with_voice_connector" in line
    pasted = line.partition("ovc ")[2].split()
    for command in (pasted, ["explain", "--last"]):
        story = stand.run(*command)
        assert story.returncode == 0, story.stderr
        assert "Number not assigned (number-not-assigned, EDGE I4, I6)" in story.stdout
    unknown = stand.run("explain", "no-such-call")
    assert unknown.returncode == 1
    assert "Nothing is known of a call no-such-call" in unknown.stdout


def test_the_story_of_an_answered_call_ends_with_its_record(
    stand: RunningStand, offered: dict[str, str]
) -> None:
    number = offered["OVC_NUMBERS"].split(",")[0]
    assert stand.call(number)["answered"]
    stand.await_line(f"-> {number}")
    deadline = time.monotonic() + PATIENCE_S
    while "Record:      Completed" not in (story := stand.run("explain", "--last").stdout):
        assert time.monotonic() < deadline, story
    assert "admitted: no check objected" in story
    assert "Normal Call Clearing" in story and "s3://" in story


def test_doctor_finds_a_running_stand_sound(stand: RunningStand) -> None:
    done = stand.run("doctor")
    assert done.returncode == 0, done.stdout
    assert "PROBLEM" not in done.stdout
    assert len(done.stdout.splitlines()) == 7


@pytest.mark.parametrize("name", ["api", "sip", "tls", "aws", "pstn", "pbx"])
def test_a_port_in_use_is_named_with_the_option_that_moves_it(
    stand: RunningStand, name: str
) -> None:
    ports = {other: free_port() for other in stand.ports} | {name: stand.ports[name]}
    options = [part for it, port in ports.items() for part in (f"--{it}-port", str(port))]
    done = stand.run("up", "--plain", *options)
    assert done.returncode == 3
    assert f"port {stand.ports[name]} on 127.0.0.1 is in use" in done.stderr
    assert f"--{name}-port N" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_stand_the_commands_say_how_to_start_one(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    for command in (
        ["env"],
        ["env", "--json"],
        ["call", "--to", "+12065552001"],
        ["cdr", "tail"],
        ["bill", "--month", "2024-10"],
    ):
        done = subprocess.run(
            [*OVC, *command, "--api-port", str(free_port())],
            capture_output=True,
            text=True,
            env=environment,
            timeout=PATIENCE_S,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "is running; start one with: ovc up" in done.stderr


def test_no_pbx_leaves_its_port_to_the_user(tmp_path: Path) -> None:
    with (
        RunningStand(tmp_path, "--no-pbx") as running,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx,
    ):
        pbx.settimeout(PATIENCE_S)
        pbx.bind(("127.0.0.1", running.ports["pbx"]))
        number = running.offered()["OVC_NUMBERS"].split(",")[0]
        order = [*OVC, "call", "--to", number, "--json"]
        with subprocess.Popen(
            order, stdout=subprocess.PIPE, text=True, env=running.environment
        ) as caller:
            invite, edge = pbx.recvfrom(65_536)
            assert invite.startswith(f"INVITE sip:{number}@".encode())
            assert edge == ("127.0.0.1", running.ports["sip"])
            pbx.sendto(_busy(invite), edge)
            assert caller.stdout is not None
            report = json.loads(caller.stdout.read())
        assert (report["answered"], report["status"]) == (False, 486)


def _busy(invite: bytes) -> bytes:
    """Answer an INVITE with 486 (RFC 3261 §8.2.6)."""
    head = invite.partition(b"\r\n\r\n")[0].split(b"\r\n")
    copied = [
        line + (b";tag=busy" if line.startswith(b"To:") else b"")
        for line in head
        if line.startswith((b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:"))
    ]
    return b"\r\n".join([b"SIP/2.0 486 Busy Here", *copied, b"Content-Length: 0", b"", b""])


def test_a_stand_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    with RunningStand(tmp_path) as running:
        code, _ = running.end(signal.SIGKILL)
        assert code == -signal.SIGKILL
        assert running.survivors() == []
        done = running.run("env", "--api-port", str(running.ports["api"]))
        assert done.returncode == 1, "a dead stand's file is taken for a running one"


def test_a_part_that_dies_ends_the_stand_with_its_name(tmp_path: Path) -> None:
    with RunningStand(tmp_path) as running:
        (pbx,) = [
            pid
            for pid in running.processes
            if b"emulator.pbx" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(pbx, signal.SIGKILL)
        assert running.process.wait(PATIENCE_S) == 1
        assert running.process.stderr is not None
        assert "demo PBX has ended by itself with signal 9" in running.process.stderr.read()
        assert not any(map(is_running, running.processes))
