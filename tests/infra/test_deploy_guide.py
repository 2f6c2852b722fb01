"""What docs/deploy.md tells to type is true of the code."""

import json
import re
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from cli.main import app, keys
from cli.pool_file import read
from infra.profiles import PROFILES
from infra.setting_checks import CONTEXT_PREFIX
from infra.settings import DeploymentSettings
from model.access_keys import read_keys
from model.tables import access_keys_secret_name
from tests.infra.guides import commands
from tests.infra.synthesis import ROOT

GUIDE = (ROOT / "docs" / "deploy.md").read_text()
KEYS = (ROOT / "docs" / "keys.md").read_text()
LONGEST = 400
"""Lines of the guide; what is for looking up has pages of its own."""


def test_every_key_is_told_with_its_default() -> None:
    told = {
        key: default
        for keys, defaults in re.findall(r"^\| (`ovc:.*?) \| (.*?) \|", GUIDE, re.M)
        for key, default in zip(
            re.findall(r"ovc:(\w+)", keys), defaults.replace("`", "").split(", "), strict=True
        )
    }
    default = DeploymentSettings()
    assert set(told) == {member.name for member in fields(DeploymentSettings)}
    assert told.pop("settings") == "only domain"
    assert told == {name: str(getattr(default, name)) for name in told}


def test_every_profile_is_told_with_its_sizes() -> None:
    rows = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", GUIDE, re.M)
    told = {name: tuple(map(int, sizes)) for name, *sizes in rows}
    assert told == {
        name: (it.nodes, it.cpu, it.memory_mib, it.media_workers, it.zones)
        for name, it in PROFILES.items()
    }


def test_the_example_of_carriers_is_valid() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", GUIDE, re.S)
    document = json.loads("{" + example + "}")
    settings = DeploymentSettings.from_context(document)
    assert list(document) == [f"{CONTEXT_PREFIX}settings"]
    assert [carrier.name for carrier in settings.operator.carriers] == ["first", "second"]


def test_the_example_of_a_pool_can_be_imported() -> None:
    (example,) = re.findall(r"```csv\n(.*?)```", GUIDE, re.S)
    entries, problems = read(example.splitlines(keepends=True))
    assert [entry.number.number_type for entry in entries] == ["Local", "TollFree"]
    assert problems == []


def test_the_example_of_a_key_is_what_the_api_reads() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", KEYS, re.S)
    (secret,) = set(re.findall(r"secret `(\S+)`", KEYS))
    assert secret == access_keys_secret_name("ovc")
    (key,) = read_keys(example).values()
    assert (key.access_key_id, key.secret, key.active) == ("OVC...", "...", True)


def test_every_command_about_keys_is_told() -> None:
    told = {words[2] for words in commands(GUIDE + KEYS, "ovc") if words[1] == "keys"}
    assert told == {command.name for command in keys.registered_commands}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_price_of_a_profile_is_what_the_plan_says(profile: str) -> None:
    told = re.search(rf"^\| `?{profile}`? \| (\d+) USD \|", GUIDE, re.M)
    assert told is not None, profile
    order = ["deploy", "plan", "--directory", str(ROOT), "--no-resources", "--json"]
    order += ["-c", f"ovc:profile={profile}", "--minutes", "100000"]
    planned = CliRunner().invoke(app, order)
    assert planned.exit_code == 0, planned.output
    total = float(json.loads(planned.stdout)["Amount"])
    assert abs(int(told[1]) / total - 1) < 0.05


def test_the_steps_of_the_smoke_test_are_those_that_it_takes() -> None:
    told = re.findall(r"^(?:ok|FAILED|skipped) +([^:]+): ", GUIDE, re.M)
    steps = [re.sub(r" \d+\.\d+\.\d+\.\d+ .*| of the (connector|access) .*", "", it) for it in told]
    source = "".join(path.read_text() for path in (ROOT / "cli").rglob("*.py"))
    assert len(steps) > 12
    for step in steps:
        assert f'"{step}' in source, step


def test_the_guide_is_no_longer_than_one_reads() -> None:
    assert len(GUIDE.splitlines()) <= LONGEST
