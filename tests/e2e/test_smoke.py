"""`ovc smoke` against a running stand: what it tries, what it says, what it leaves behind."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.trial.course import NAME
from tests.e2e.lab import UNHURRIED
from tests.e2e.running import OVC, PATIENCE_S, RunningStand
from tests.support.extensions import ext

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("smoke")]

ECHO = "+12125550100"
"""The simulated network answers and echoes."""
BUSY = "+12125550102"
LISTED_ELSEWHERE = "10.9.9.9/32"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStand]:
    folder = tmp_path_factory.mktemp("runtime")
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"admission": UNHURRIED}))
    with RunningStand(folder, "--settings", str(settings)) as running:
        yield running


@pytest.fixture(scope="module")
def voice(stand: RunningStand) -> Any:
    offered = stand.offered()
    return boto3.client(
        "chime-sdk-voice",
        endpoint_url=offered["AWS_ENDPOINT_URL_CHIME_SDK_VOICE"],
        region_name=offered["AWS_DEFAULT_REGION"],
        aws_access_key_id=offered["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=offered["AWS_SECRET_ACCESS_KEY"],
    )


def smoke(stand: RunningStand, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run it; return the exit code and the steps by name."""
    done = stand.run("smoke", "--json", *options)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] is (done.returncode == 0)
    return done.returncode, {step["name"]: step for step in told["steps"]}


def left_behind(voice: Any) -> list[str]:
    found = voice.list_voice_connectors(MaxResults=99)["VoiceConnectors"]
    return [it["VoiceConnectorId"] for it in found if it["Name"].startswith(NAME)]


def test_a_sound_stand_passes_every_step(stand: RunningStand, voice: Any) -> None:
    code, steps = smoke(stand)
    verdicts = {name.split(" of the connector")[0]: it["verdict"] for name, it in steps.items()}
    assert "FAILED" not in verdicts.values(), steps
    assert verdicts == {
        "management API": "ok",
        "nodes": "ok",
        "connector": "ok",
        "DNS": "skipped",
        "own address": "ok",
        "termination": "ok",
        "node 127.0.0.1 UDP": "ok",
        "node 127.0.0.1 TCP": "ok",
        "node 127.0.0.1 TLS": "ok",
        "node 127.0.0.1 refusal": "ok",
        "record of a refused call": "ok",
        "call": "skipped",
        "removal": "ok",
    }
    assert code == 0
    assert "127.0.0.1 over UDP, 127.0.0.1 over TCP" in steps["own address"]["detail"]
    assert "Dialed number not valid" in steps["node 127.0.0.1 refusal"]["detail"]
    assert left_behind(voice) == []


def test_a_call_is_placed_heard_and_found_in_the_bucket(stand: RunningStand) -> None:
    code, steps = smoke(stand, "--number", ECHO, "--duration", "1")
    call = steps[f"call to {ECHO}"]
    assert (code, call["verdict"]) == (0, "ok")
    told = re.match(r"answered, (\d+\.\d) s, .* 0 lost", call["detail"])
    assert told is not None and 1.0 <= float(told[1]) < 10.0, call
    assert steps["record of the call"]["verdict"] == "ok"


def test_a_call_that_fails_fails_the_test(stand: RunningStand, voice: Any) -> None:
    code, steps = smoke(stand, "--number", BUSY)
    call = steps[f"call to {BUSY}"]
    assert (code, call["verdict"], call["detail"]) == (1, "FAILED", "not answered: 486 Busy Here")
    assert "ovc explain" in call["remedy"]
    assert "record of the call" not in steps
    assert left_behind(voice) == []


def test_lines_for_people_say_what_to_do(stand: RunningStand) -> None:
    done = stand.run("smoke", "--number", BUSY)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       management API: http://127.0.0.1:")
    (failed,) = [line for line in lines if line.startswith("FAILED")]
    assert failed.startswith(f"FAILED   call to {BUSY}: not answered: 486 Busy Here; ovc explain")
    assert lines[-1].startswith("ok       removal of the connector ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--number", "+10000000000"), "--number is '+10000000000'"),
        (("--from", "+442071838750"), "--from is '+442071838750'"),
        (("--source", "203.0.113.7/24"), "--source is '203.0.113.7/24'"),
        (("--profile", "voice"), "--profile and --api-url are of a deployment in AWS"),
        (("--ca", "missing.pem"), "'missing.pem' does not exist"),
    ],
)
def test_options_are_judged_before_anything_is_made(
    stand: RunningStand, options: tuple[str, str], complaint: str
) -> None:
    done = stand.run("smoke", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_from_an_address_that_no_connector_lists(stand: RunningStand, voice: Any) -> None:
    # EDGE R7: the refusal of a stranger tells the address that the edge has seen
    demo = stand.offered()["OVC_CONNECTOR_ID"]
    before = voice.get_voice_connector_termination(VoiceConnectorId=demo)["Termination"]
    elsewhere = {**before, "CidrAllowedList": [LISTED_ELSEWHERE]}
    voice.put_voice_connector_termination(VoiceConnectorId=demo, Termination=elsewhere)
    try:
        code, steps = smoke(stand)
    finally:
        voice.put_voice_connector_termination(VoiceConnectorId=demo, Termination=before)
    assert (code, steps["own address"]["verdict"]) == (0, "ok")
    assert "127.0.0.1 over UDP" in steps["own address"]["detail"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_interrupted_hangs_up_and_leaves_nothing(
    stand: RunningStand, voice: Any, number: signal.Signals
) -> None:
    order = [*OVC, "smoke", "--number", ECHO, "--duration", "60"]
    with subprocess.Popen(
        order, stdout=subprocess.PIPE, text=True, env=stand.environment
    ) as running:
        deadline = time.monotonic() + PATIENCE_S
        while not _has_call(stand):
            assert time.monotonic() < deadline, "the call was never answered"
            time.sleep(0.05)
        running.send_signal(number)
        told, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 130
    assert "ok       removal of the connector" in told
    assert left_behind(voice) == []
    while _has_call(stand):
        assert time.monotonic() < deadline, "the call was never hung up"
        time.sleep(0.05)


def _has_call(stand: RunningStand) -> bool:
    return bool(ext(f"http://127.0.0.1:{stand.ports['api']}", "/ext/calls")["Calls"])


def test_what_an_earlier_run_has_left_is_told(stand: RunningStand, voice: Any) -> None:
    made = voice.create_voice_connector(Name=f"{NAME}-old", RequireEncryption=False)
    connector_id = made["VoiceConnector"]["VoiceConnectorId"]
    try:
        _, steps = smoke(stand)
    finally:
        voice.delete_voice_connector(VoiceConnectorId=connector_id)
    assert connector_id in steps["management API"]["detail"]


def test_without_a_stand_it_says_how_to_start_one(tmp_path: Path) -> None:
    places = dict.fromkeys(("XDG_RUNTIME_DIR", "HOME", "TMPDIR"), str(tmp_path))
    done = subprocess.run([*OVC, "smoke"], capture_output=True, text=True, env=places)
    assert done.returncode == 1
    assert "start one in another terminal with: ovc up" in done.stderr
    done = subprocess.run([*OVC, "smoke", "--json"], capture_output=True, text=True, env=places)
    assert not json.loads(done.stdout)["ok"]
