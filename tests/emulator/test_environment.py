"""What of the user's environment reaches the local run."""

import os

from emulator.environment import isolate, isolated

USERS = {
    "PATH": "/bin",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "AWS_PROFILE": "work",
    "AWS_SESSION_TOKEN": "x",
    "AWS_ENDPOINT_URL_DYNAMODB": "http://elsewhere",
    "OVC_SETTINGS": "{}",
    "HTTP_PROXY": "http://proxy:3128",
    "https_proxy": "http://proxy:3128",
}
ISOLATED = {
    "PATH": "/bin",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def test_nothing_leads_an_aws_client_elsewhere() -> None:
    assert isolated(USERS) == ISOLATED


def test_an_environment_is_changed_in_place() -> None:
    environ = dict(USERS)
    isolate(environ)
    assert environ == ISOLATED
