"""examples/terraform, run by Terraform itself; collected where terraform.py finds it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.examples import EXAMPLES, client_environment
from tests.clients.terraform import Terraform
from tests.management.stand import Stand

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("terraform")]

BUCKET = "terraform-example-records"
CHANGE = ("-var", "calls_per_second=2", "-var", "name=renamed")
RESOURCES = ("", "_origination", "_termination", "_logging", "_streaming")
"""Those whose id is the connector's."""


@pytest.fixture
def terraform(stand: Stand, tmp_path: Path) -> Terraform:
    shutil.copy(EXAMPLES / "terraform/main.tf", tmp_path)
    variables = {
        "TF_VAR_endpoint": stand.url,
        "TF_VAR_cdr_bucket": BUCKET,
        "TF_VAR_sip_password": "not a secret",
    }
    made = Terraform(tmp_path, client_environment(stand) | variables)
    made.run("init", "-no-color")
    return made


def write_imports(folder: Path, connector_id: str, group_id: str, account_id: str) -> list[str]:
    """Write import blocks for all but the credentials, which can't be read; return addresses."""
    ids = {f"aws_chime_voice_connector{it}.trunk": connector_id for it in RESOURCES}
    ids["aws_chime_voice_connector_group.trunks"] = group_id
    ids["aws_chimesdkvoice_global_settings.account"] = account_id
    blocks = [f'import {{\n  to = {it}\n  id = "{ids[it]}"\n}}\n' for it in ids]
    (folder / "imports.tf").write_text("".join(blocks))
    return list(ids)


def assert_applied(voice: Any, connector_id: str, *, name: str, calls_per_second: int) -> None:
    connector = voice.get_voice_connector(VoiceConnectorId=connector_id)["VoiceConnector"]
    termination = voice.get_voice_connector_termination(VoiceConnectorId=connector_id)
    assert connector["Name"] == name
    assert termination["Termination"]["CpsLimit"] == calls_per_second
    assert voice.get_global_settings()["VoiceConnector"] == {"CdrBucket": BUCKET}


def test_apply_plan_change_import_destroy(
    stand: Stand, terraform: Terraform, tmp_path: Path
) -> None:
    # API section 10; V5 S7 S8
    voice = stand.client()
    assert "8 added, 0 changed, 0 destroyed" in terraform.apply()
    connector_id, group_id = terraform.output("connector_id"), terraform.output("group_id")
    assert_applied(voice, connector_id, name="terraform example", calls_per_second=1)
    terraform.assert_nothing_to_do()

    assert "0 added, 2 changed, 0 destroyed" in terraform.apply(*CHANGE)
    assert_applied(voice, connector_id, name="renamed", calls_per_second=2)
    terraform.assert_nothing_to_do(*CHANGE)

    addresses = write_imports(tmp_path, connector_id, group_id, stand.settings.account_id)
    terraform.run("state", "rm", *addresses)
    imported = terraform.apply(*CHANGE)
    assert "7 imported, 0 added, 0 changed, 0 destroyed" in imported

    terraform.run("destroy", "-auto-approve", "-no-color", *CHANGE)
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.get_voice_connector(VoiceConnectorId=connector_id)
    with pytest.raises(voice.exceptions.NotFoundException):
        voice.get_voice_connector_group(VoiceConnectorGroupId=group_id)
    assert voice.get_global_settings()["VoiceConnector"] == {}
