"""`ovc doctor`: what is wrong with the set-up here or in AWS, and what to do about it."""

import sys

from cli import doctor_aws, doctor_stand
from cli.findings import told


def run(*, api_port: int | None, prefix: str | None, region: str | None) -> None:
    """Print the findings; exit code 1 when one of them is a problem."""
    is_in_aws = prefix is not None or region is not None
    found = doctor_aws.findings(prefix, region) if is_in_aws else doctor_stand.findings(api_port)
    if told(found):
        sys.exit(1)
