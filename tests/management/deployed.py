"""An API that somebody has deployed, for tests that otherwise start one (tests/localstack)."""

import json
import os
from functools import cache
from pathlib import Path

from emulator import aws
from tests.management.stand import ROOMY, Key, Stand

VARIABLE = "OVC_TEST_DEPLOYMENT"
"""Names a file that describes it."""


@cache
def deployed_stand() -> Stand | None:
    """Return the deployed API, None when the environment names none."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return None
    told = json.loads(Path(named).read_text())
    return Stand(
        url=told["url"],
        prefix=told["prefix"],
        aws=aws.clients(told["aws_url"], ROOMY.region),
        settings=ROOMY,
        key=Key(*told["key"]),
        gateway=told["gateway"],
    )


def environment_of(stand: Stand, file: Path) -> dict[str, str]:
    """Describe a deployed API in a file; return what leads another run of tests to it."""
    assert stand.gateway is not None, "a deployed API is reached through a gateway"
    told = {
        "url": stand.url,
        "prefix": stand.prefix,
        "aws_url": stand.aws.endpoint_url,
        "key": stand.key,
        "gateway": stand.gateway,
    }
    file.write_text(json.dumps(told))
    return {
        VARIABLE: str(file),
        "http_proxy": f"http://{stand.gateway}",
        "no_proxy": "127.0.0.1",
    }
