"""Values of CDK's context, from cdk.json or as text from the command line."""

import json
from collections.abc import Callable, Mapping

from infra.setting_checks import DeploymentProblemError


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is text")
    return value


def _whole(key: str, value: object) -> int:
    """Return a whole number; the command line hands every value over as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    # JSON's numbers may come out of jsii as floats; True is no number here.
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return int(value)
    raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is a whole number")


def _yes_or_no(key: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is true or false")


def _texts(key: str, value: object) -> tuple[str, ...]:
    """Return several texts; the command line hands them over with commas between them."""
    if isinstance(value, str):
        return tuple(text for text in value.replace(",", " ").split())
    if not isinstance(value, list | tuple):
        raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is a list of texts")
    return tuple(_text(key, entry) for entry in value)


def _document(key: str, value: object) -> Mapping[str, object]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise DeploymentProblemError(f"{key} is not JSON: {error}") from error
    if not isinstance(value, Mapping):
        raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is an object")
    return value


READERS: dict[object, Callable[[str, object], object]] = {
    str: _text,
    int: _whole,
    bool: _yes_or_no,
    tuple[str, ...]: _texts,
    Mapping[str, object]: _document,
}
"""What reads a member of DeploymentSettings, by the member's type."""
