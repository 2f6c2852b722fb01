"""What docs/deploy.md tells to type is true of the code."""

import json
import re
from dataclasses import fields

from cli.main import keys
from cli.pool_file import read
from infra.profiles import PROFILES
from infra.setting_checks import CONTEXT_PREFIX
from infra.settings import DeploymentSettings
from model.access_keys import read_keys
from model.tables import access_keys_secret_name
from tests.infra.synthesis import ROOT

GUIDE = (ROOT / "docs" / "deploy.md").read_text()


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
    example, _ = re.findall(r"```json\n(.*?)```", GUIDE, re.S)
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
    examples = re.findall(r"```json\n(.*?)```", GUIDE, re.S)
    (secret,) = set(re.findall(r"secret `(\S+)`", GUIDE))
    assert secret == access_keys_secret_name("ovc")
    (key,) = read_keys(examples[-1]).values()
    assert (key.access_key_id, key.secret, key.active) == ("OVC...", "...", True)


def test_the_commands_of_the_guide_exist() -> None:
    told = set(re.findall(r"ovc keys (\w+) ?(?:ID|--)", GUIDE)) | {"list"}
    assert told == {command.name for command in keys.registered_commands}
    options = set(re.findall(r"--(\w+)", " ".join(re.findall(r"ovc keys [^`\n]+", GUIDE))))
    for command in keys.registered_commands:
        assert command.callback is not None
        options -= set(command.callback.__annotations__)
    assert not options
