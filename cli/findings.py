"""What was looked at, and what is wrong with it: a line of a report each."""

import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.management.errors import ApiError


class Finding(NamedTuple):
    """One line of the report."""

    subject: str
    problem: str | None
    """What is wrong and what to do; None: all is well."""
    detail: str = ""

    def __str__(self) -> str:
        """Return the line."""
        mark = "ok     " if self.problem is None else "PROBLEM"
        return f"{mark}  {self.subject}: {self.problem or self.detail}"


def told(findings: Iterable[Finding]) -> bool:
    """Print findings, each as soon as it is there; tell whether one of them is a problem."""
    sick = False
    for finding in findings:
        sick = sick or finding.problem is not None
        sys.stdout.write(f"{finding}\n")
        sys.stdout.flush()
    return sick


def checked(subject: str, look: Callable[[], str], remedy: str) -> Finding:
    """Return what a look shows; what it raises is a problem."""
    try:
        return Finding(subject, None, look())
    except (OSError, ApiError, BotoCoreError, ClientError, ValueError) as error:
        return Finding(subject, f"{error}; {remedy}")
