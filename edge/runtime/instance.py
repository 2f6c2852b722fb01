"""The EC2 instance that a node runs on, as the instance's own metadata tell it.

A node of which ECS's metadata know no address of its own, because it shares the network of its
host, finds out by this what to ask EC2 about (A11). Version 2 of the service alone: a session's
token first, then the question.
"""

from collections.abc import Mapping
from urllib.request import Request, urlopen

ENDPOINT_VARIABLE = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
"""The SDKs' own variable for another place of the service."""
ENDPOINT = "http://169.254.169.254"
TIMEOUT_S = 2.0
TOKEN_LIFE_S = 60
"""One question is asked with it."""
_LONGEST_ANSWER = 4_096


def instance_id(environ: Mapping[str, str]) -> str:
    """Return the id of this instance.

    Raises OSError when the service does not answer, which is so everywhere but on an instance;
    ValueError when the answer is no id.
    """
    endpoint = (environ.get(ENDPOINT_VARIABLE) or ENDPOINT).rstrip("/")
    life = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_LIFE_S)}
    token = _answer(Request(f"{endpoint}/latest/api/token", method="PUT", headers=life))
    asked = {"X-aws-ec2-metadata-token": token}
    found = _answer(Request(f"{endpoint}/latest/meta-data/instance-id", headers=asked))
    if not found.startswith("i-"):
        raise ValueError(f"the instance metadata name {found!r} as the instance")
    return found


def _answer(request: Request) -> str:
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        return str(answer.read(_LONGEST_ANSWER).decode("ascii"))
