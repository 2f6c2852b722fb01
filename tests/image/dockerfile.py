"""edge/Dockerfile as data: its stages and their instructions, so that they can be carried out.

It knows the instructions and forms that the file has. Any other is refused, so that nothing in it
goes by unseen.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

KNOWN = {"ARG", "COPY", "ENV", "ENTRYPOINT", "RUN", "USER", "VOLUME", "WORKDIR"}
_FROM = re.compile(r"(?:--platform=(?P<platform>\S+) )?(?P<base>\S+)(?: AS (?P<name>\S+))?")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_COPY_OPTION = re.compile(r"--(from|chown)=(\S+)")
_ENV = re.compile(r"(\w+)=(\S*)")


class DockerfileProblemError(Exception):
    """The file has something that nobody here knows how to carry out."""


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    keyword: str
    text: str


@dataclass(frozen=True)
class Copy:
    """What a COPY says."""

    source: str
    target: str
    stage: str | None
    """Where from; None is the context."""
    owner: tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """One FROM and what follows it."""

    name: str
    base: str
    platform: str | None
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, keyword: str) -> list[str]:
        """Return the texts of all instructions of a kind."""
        return [it.text for it in self.instructions if it.keyword == keyword]

    def only(self, keyword: str) -> str:
        """Return the text of the one instruction of a kind."""
        (text,) = self.of(keyword)
        return text

    def environment(self) -> dict[str, str]:
        """Return what ENV sets."""
        return {name: value for text in self.of("ENV") for name, value in _ENV.findall(text)}

    def user(self) -> tuple[int, int]:
        """Return the ids that USER names, root's without one."""
        return _ids((self.of("USER") or ["0:0"])[-1])

    def entrypoint(self) -> list[str]:
        """Return the program and its arguments."""
        return strings(self.only("ENTRYPOINT"))


def stages(text: str) -> list[Stage]:
    """Read a Dockerfile; raises DockerfileProblemError."""
    found: list[Stage] = []
    arguments: dict[str, str] = {}
    for instruction in _instructions(text):
        if instruction.keyword == "FROM":
            parts = _FROM.fullmatch(instruction.text)
            if parts is None:
                raise DockerfileProblemError(f"FROM {instruction.text}")
            base = filled_in(parts["base"], arguments)
            found.append(Stage(parts["name"] or str(len(found)), base, parts["platform"]))
        elif instruction.keyword not in KNOWN:
            raise DockerfileProblemError(f"{instruction.keyword} is not known here")
        elif found:
            found[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            name, _, value = instruction.text.partition("=")
            arguments[name] = value
        else:
            raise DockerfileProblemError(f"{instruction.keyword} stands before the first FROM")
    return found


def copied(text: str) -> Copy:
    """Read a COPY of one source; raises DockerfileProblemError."""
    options = dict(_COPY_OPTION.findall(text))
    paths = _COPY_OPTION.sub("", text).split()
    if len(paths) != 2 or any(path.startswith("--") for path in paths):
        raise DockerfileProblemError(f"COPY {text}")
    source, target = paths
    return Copy(source, target, options.get("from"), _ids(options.get("chown", "0:0")))


def strings(text: str) -> list[str]:
    """Read the JSON form of ENTRYPOINT and VOLUME; the shell's form is refused."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DockerfileProblemError(f"{text} is no JSON list of strings") from error
    return [str(it) for it in found]


def filled_in(text: str, arguments: Mapping[str, str]) -> str:
    """Return the text with build arguments in it; raises DockerfileProblemError."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in arguments:
            raise DockerfileProblemError(f"{text} wants {name}, which no ARG gives")
        return arguments[name]

    return _VARIABLE.sub(value, text)


def _instructions(text: str) -> list[Instruction]:
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", "", "\n".join(kept))
    lines = [line.strip() for line in joined.splitlines() if line.strip()]
    return [Instruction(*line.split(maxsplit=1)) for line in lines]


def _ids(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    if not (user.isdecimal() and group.isdecimal()):
        raise DockerfileProblemError(f"{text} are no two numbers: names mean other users elsewhere")
    return int(user), int(group)
