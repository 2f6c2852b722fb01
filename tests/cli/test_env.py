"""`ovc env`: exports for a shell."""

import subprocess

import pytest

from cli.env import MISLEADING, exports
from emulator.stand_file import StandFacts

FACTS = StandFacts(
    pid=1,
    api_url="http://127.0.0.1:4080",
    aws_url="http://127.0.0.1:4081",
    access_key_id="test",
    secret_access_key="a 'quoted' $ecret",
    region="us-east-1",
    cdr_bucket="ovc-cdr-000000000000-us-east-1",
    sip_address="127.0.0.1:5060",
    tls_address="127.0.0.1:5061",
    ca_file="/home/me/.cache/ovc/ca/ca.crt",
    connector_id="demo000000000000000000",
    connector_host="demo000000000000000000.voiceconnector.localhost",
    numbers=("+12065552001", "+12065552038"),
    control_address="127.0.0.1:5070",
)


def test_the_variables_are_those_that_the_readme_names() -> None:
    assert FACTS.environment() == {
        "AWS_ENDPOINT_URL_CHIME_SDK_VOICE": "http://127.0.0.1:4080",
        "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:4080",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4081",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:4081",
        "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://127.0.0.1:4081",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "a 'quoted' $ecret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "OVC_CDR_BUCKET": "ovc-cdr-000000000000-us-east-1",
        "OVC_SIP_ADDRESS": "127.0.0.1:5060",
        "OVC_TLS_ADDRESS": "127.0.0.1:5061",
        "OVC_CA_FILE": "/home/me/.cache/ovc/ca/ca.crt",
        "OVC_CONNECTOR_ID": "demo000000000000000000",
        "OVC_CONNECTOR_HOST": "demo000000000000000000.voiceconnector.localhost",
        "OVC_NUMBERS": "+12065552001,+12065552038",
    }


@pytest.mark.sockets
def test_a_shell_reads_every_value_as_it_is() -> None:
    wanted = FACTS.environment()
    script = exports(wanted, {}) + "\n" + "\n".join(f'printf "%s\\n" "${it}"' for it in wanted)
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, env={}, check=True)
    assert run.stdout.splitlines() == list(wanted.values())


def test_what_would_mislead_a_client_is_unset_if_it_is_there() -> None:
    present = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "x", "HOME": "/home/me"}
    lines = exports(FACTS.environment(), present).splitlines()
    assert lines[0] == "unset AWS_PROFILE AWS_SESSION_TOKEN"
    assert all(line.startswith("export ") for line in lines[1:])


def test_nothing_that_is_exported_is_unset() -> None:
    assert not set(MISLEADING) & set(FACTS.environment())
