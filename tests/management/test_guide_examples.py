"""The connector that docs/deploy.md makes is made by just that program."""

import re
from typing import Any

import pytest

from tests.infra.synthesis import ROOT
from tests.management.stand import Stand

GUIDE = (ROOT / "docs" / "deploy.md").read_text()
PBX = "203.0.113.7"
"""Of a network for documentation, which the API refuses as it must."""
PUBLIC = "8.8.4.4"


def test_the_program_makes_a_connector_with_its_number(
    stand: Stand, voice: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = re.findall(r"```python\n(connector = .*?)```", GUIDE, re.S)
    found = voice.search_available_phone_numbers(AreaCode="206", MaxResults=1)
    number = found["E164PhoneNumbers"][0]
    assert "+12065550142" in program and PBX in program
    program = program.replace("+12065550142", number).replace(PBX, PUBLIC)
    exec(compile(program, "deploy.md", "exec"), {"voice": voice})
    host = capsys.readouterr().out.strip()
    connectors = voice.list_voice_connectors(MaxResults=99)["VoiceConnectors"]
    (made,) = [it for it in connectors if it["OutboundHostName"] == host]
    assert voice.get_phone_number(PhoneNumberId=number)["PhoneNumber"]["Associations"]
    voice.disassociate_phone_numbers_from_voice_connector(
        VoiceConnectorId=made["VoiceConnectorId"], E164PhoneNumbers=[number]
    )
    voice.delete_voice_connector(VoiceConnectorId=made["VoiceConnectorId"])
