"""The commands and links of the docs' pages, and whether there are such commands and places."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jmespath
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.session import Session
from typer.main import get_command

from cli.main import app

OF_THE_CLI = {
    ("logs", "tail"): {"since", "format", "filter-pattern", "follow"},
    ("s3", "sync"): set(),
    ("s3", "cp"): set(),
    ("ecr", "get-login-password"): set(),
}
"""Commands that the AWS CLI has beside the services' operations: command -> its options."""
CALLED = {"s3api": "s3"}
"""Services that the AWS CLI calls otherwise."""
EVERYWHERE = {"query", "output", "region", "profile"}
INVOKED = ("lambda", "invoke")
PROMPTS = r"(?:\.venv/bin/|tasks=\$\()?"
"""What may stand before a command in a block."""


def commands(text: str, name: str) -> Iterator[list[str]]:
    """Yield the words of every command of a name: those in blocks, and those within a sentence."""
    joined = re.sub(r" \\\n +", " ", text)
    for line in re.findall(rf"^    {PROMPTS}({name} .+)$", joined, re.M):
        for part in line.partition(" > ")[0].split(" | "):
            typed = part.removeprefix("xargs ").strip()
            if typed.startswith(f"{name} "):
                yield _words(typed)
    for told in re.findall(rf"`({name} [^` ]+ [^`]+)`", joined.replace("\n", " ")):
        yield _words(told)


def _words(line: str) -> list[str]:
    words = shlex.split(line.rstrip(")"), comments=True)
    return [it.rstrip(",") for it in words]


def options(words: list[str]) -> set[str]:
    """Return the names of the options among some words."""
    return {it.removeprefix("--").partition("=")[0] for it in words if it.startswith("--")}


def check_aws(told: list[list[str]]) -> None:
    """Fail for a command of the AWS CLI that has no such operation, or no such options."""
    session = Session()
    for _, service, operation, *rest in told:
        known = OF_THE_CLI.get((service, operation))
        if known is None:
            known = _of_the_service(session, service, operation, rest)
        assert options(rest) - EVERYWHERE <= known, (service, operation, options(rest) - known)
        asked = [rest[at + 1] for at, it in enumerate(rest) if it == "--query"]
        for expression in asked:
            jmespath.compile(expression)


def _of_the_service(session: Session, service: str, operation: str, rest: list[str]) -> set[str]:
    """Return the options of an operation; a service or an operation that is none is a failure."""
    try:
        model = session.get_service_model(CALLED.get(service, service))
    except UnknownServiceError:
        pytest.fail(f"there is no service {service}")
    if operation == "wait":
        waiters = session.create_client(service, region_name="us-east-1").waiter_names
        assert rest[0].replace("-", "_") in waiters, rest[0]
        return {"table-name"}
    names = {xform_name(it, "-"): it for it in model.operation_names}
    assert operation in names, f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    known: set[str] = set()
    for name, member in (shape.members if shape is not None else {}).items():
        option = xform_name(name, "-")
        known |= {option, f"no-{option}"} if member.type_name == "boolean" else {option}
    given = options(rest)
    required = {xform_name(it, "-") for it in (shape.required_members if shape else ())}
    if given:
        missing = {it for it in required if it not in given and f"no-{it}" not in given}
        assert not missing or (service, operation) == INVOKED, (service, operation, missing)
    return known


def check_ours(told: list[list[str]]) -> None:
    """Fail for a command of `ovc` that does not exist, or has no such option."""
    for _, *words in told:
        command: Any = get_command(app)
        while getattr(command, "commands", None) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        is_more = not getattr(command, "commands", None) or command.invoke_without_command
        assert is_more, words
        known = {it for each in command.params for it in each.opts}
        known |= {it for each in command.params for it in each.secondary_opts} | {"--help"}
        assert {f"--{it}" for it in options(words)} <= known, (command.name, words)


def anchors(path: Path) -> list[str]:
    """Return the anchors of a page's headings, as they are made of them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return [re.sub(r"[^\w\- ]", "", it.lower()).replace(" ", "-") for it in headings]


def check_links(page: Path) -> None:
    """Fail for a link to a file or heading of this repository that is not there."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = page.parent / file if file else page
        assert place.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(place), f"{page.name}: {target}"
