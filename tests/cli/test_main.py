"""What can be typed, and how problems are told."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.errors import CommandError, ExitCode
from cli.up import check_addresses, command_here, settings_from
from model.settings import CallSettings, Settings
from tests.cli.records.conftest import ovc

HEAVY = ("boto3", "botocore", "moto", "uvicorn", "starlette", "asyncio", "phonenumbers")


@pytest.mark.sockets
def test_help_waits_for_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "before = set(sys.modules)\n"
        "from cli.main import app\n"
        "done = CliRunner().invoke(app, ['--help'])\n"
        "assert done.exit_code == 0, done.output\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "cli.main" in loaded
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]


@pytest.mark.parametrize(
    "command",
    [
        *([], ["up"], ["env"], ["call"], ["call", "record"], ["cdr", "tail"], ["doctor"]),
        *(["keys", name] for name in ("create", "list", "rotate", "revoke")),
        *(["cdr", name] for name in ("list", "get", "export", "check-bucket")),
        *(["numbers", "import"], ["numbers", "port-in"], ["numbers", "release"]),
        *(["bill"], ["cost", "compare"]),
    ],
    ids=" ".join,
)
def test_every_command_has_help(command: list[str]) -> None:
    done = ovc("--help", command=tuple(command))
    assert done.code == 0
    assert "Usage: " in done.out and done.err == ""
    assert " ." not in done.out, "a default in square brackets is taken for markup"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--listen", "0.0.0.0"], "ovc: --listen is 0.0.0.0; phones need to know"),
        (["up", "--listen", "::1"], "ovc: --listen is '::1'; an IPv4 address"),
        (["up", "--allow", "10.0.0.1/8"], "ovc: --allow is '10.0.0.1/8': "),
        (["up", "--settings", "/nonexistent"], "ovc: --settings /nonexistent: No such file"),
        (["up", "--sip-port", "70000"], "--sip-port"),
        (["call", "--to", "alice"], "ovc: --to is 'alice'; an E.164 number is wanted"),
        (["call"], "ovc: --to is missing"),
        (["call", "record"], "ovc: name one call, or say --last"),
        (["call", "record", "x", "--last"], "ovc: name one call, or say --last"),
        (["call", "record", "x", "--seconds", "0"], "--seconds"),
        (["cdr", "tail", "-n", "0"], "'-n'"),
        (["keys", "create", "--description", "a\nb"], "ovc: --description is 'a"),
        (["keys", "rotate", "A", "--overlap", "-1"], "--overlap"),
        (["numbers", "release", "alice"], "ovc: 'alice' is no number in E.164"),
        (["bill"], "--month"),
        (["bill", "--month", "2026-13"], "ovc: --month is '2026-13'; a month such as 2026-11"),
        (["bill", "--month", "2999-01"], "ovc: --month is 2999-01, which has not begun: it is "),
        (["bill", "--month", "2024-10", "--by", "colour"], "'colour' is not one of"),
        (["bill", "--month", "2024-10", "--connector", "a/b"], "ovc: --connector: it is 'a/b'"),
        (["bill", "--month", "2024-10", "--rates", "/nonexistent"], "ovc: /nonexistent: No such"),
        (["cost", "compare", "/nonexistent"], "ovc: /nonexistent: No such file"),
        (["cost", "compare", "--inbound", "351"], "ovc: --inbound is 351; at most the minutes"),
        (["cost", "compare", "--country", "UK"], "ovc: --country is 'UK'; an ISO 3166 code"),
        (
            ["cost", "compare", "--minutes", "1", "--month", "2024-10"],
            "ovc: --month reads everything",
        ),
        (["cost", "compare", "--minutes", "1", "--vcpu", "0"], "ovc: --vcpu is '0'; a number such"),
        (["cost", "compare", "--minutes", "1", "--prices", "/x"], "ovc: /x: No such file"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_an_option_that_cannot_be_used_is_named(arguments: list[str], said: str) -> None:
    done = ovc(*arguments, command=())
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.sockets
def test_an_exit_code_is_that_of_the_process() -> None:
    command = [sys.executable, "-m", "cli.main", "call"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("ovc: --to is missing")


def test_addresses_of_this_and_other_networks_are_taken() -> None:
    check_addresses("192.0.2.10", ("192.0.2.0/24", "198.51.100.7/32"))


def test_a_settings_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text('{"call": {"no_answer_s": 20}}')
    assert settings_from(file) == Settings(call=CallSettings(no_answer_s=20.0))
    assert settings_from(None) == Settings()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "the settings are not JSON"),
        (b'{"cal": {}}', "settings has no member 'cal'"),
        (b"\xff", "can't decode byte 0xff"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "settings.json"
    file.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        settings_from(file)
    assert str(refused.value).startswith(f"--settings {file}: ")
    assert reason in str(refused.value)
    assert refused.value.exit_code == ExitCode.USAGE


def test_the_page_names_the_command_as_it_is_typed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / ".venv" / "bin" / "ovc"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert command_here(str(program), tmp_path) == ".venv/bin/ovc"
    assert command_here(str(program), Path("/")) == str(program).removeprefix("/")
    assert command_here(str(program), tmp_path / "elsewhere") == str(program)
    monkeypatch.setenv("PATH", str(program.parent))
    assert command_here(str(program), tmp_path) == "ovc"
