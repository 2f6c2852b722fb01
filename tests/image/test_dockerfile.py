"""A Dockerfile is read whole: what nobody here can carry out is refused, not left out."""

import re
from pathlib import Path

import pytest

from scripts.base_image import base_of
from tests.image.build import built
from tests.image.dockerfile import Copy, DockerfileProblemError, copied, stages
from tests.image.rehearsal import DOCKERFILE
from tests.image.stand_in import version_of_base

TEXT = DOCKERFILE.read_text()


def test_both_stages_have_the_base_that_is_pinned() -> None:
    build, last = stages(TEXT)
    assert build.base == last.base == str(base_of(TEXT))
    # The build is made where it runs, whatever it is made for.
    assert (build.platform, last.platform) == ("$BUILDPLATFORM", None)


def test_the_wheels_are_for_the_python_of_the_base() -> None:
    (wanted,) = re.findall(r"--python-version (\S+)", TEXT)
    assert version_of_base(TEXT).rpartition(".")[0] == wanted


@pytest.mark.parametrize(
    "line",
    [
        "ADD edge /edge",
        "HEALTHCHECK CMD true",
        "RUN true\nFROM a",
        "FROM a b",
        "FROM ${MISSING}",
        "SHELL []",
    ],
)
def test_what_is_not_known_is_refused(line: str) -> None:
    with pytest.raises(DockerfileProblemError):
        stages(line)


@pytest.mark.parametrize("text", ["one two /three", "--link one /two", "--chown=nobody:users a /b"])
def test_forms_of_copy_that_are_not_known_are_refused(text: str) -> None:
    with pytest.raises(DockerfileProblemError):
        copied(text)


def test_a_copy_is_from_a_stage_for_an_owner() -> None:
    assert copied("--from=build --chown=7:8 /a /b") == Copy("/a", "/b", "build", (7, 8))
    assert copied("edge /b") == Copy("edge", "/b", None, (0, 0))


def test_lines_are_continued_and_comments_left_out() -> None:
    (stage,) = stages("# one\nARG A=b:1\nFROM $A\nRUN one \\\n# why\n    two\nUSER 5:6\n")
    assert stage.base == "b:1" and stage.only("RUN").split() == ["one", "two"]
    assert stage.user() == (5, 6) and stage.environment() == {}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "context" / "edge").mkdir(parents=True)
    (tmp_path / "context" / ".dockerignore").write_text("*\n!edge\n")
    return tmp_path / "context"


def made(context: Path, dockerfile: str) -> Path:
    (context / "edge" / "Dockerfile").write_text(dockerfile)
    work = context.parent / "work"
    return built(context, work, Path("/nowhere"), "arm64").root


def test_commands_see_the_stage_as_their_root(context: Path) -> None:
    root = made(
        context,
        "FROM a AS first\nARG TARGETARCH\nCOPY edge /src/edge\n"
        "RUN echo $TARGETARCH > /src/made 2>/dev/null\n"
        'FROM a\nCOPY --from=first /src /opt/it\nENTRYPOINT ["python"]\n',
    )
    assert (root / "opt/it/made").read_text() == "arm64\n"
    assert (root / "opt/it/edge/Dockerfile").exists()


def test_a_command_that_fails_is_shown_with_what_it_printed(context: Path) -> None:
    with pytest.raises(DockerfileProblemError, match=r"ended with 3: no wheels"):
        made(context, "FROM a\nRUN echo no wheels; exit 3\n")


def test_what_the_context_does_not_hold_cannot_be_copied(context: Path) -> None:
    (context / "model").mkdir()
    with pytest.raises(DockerfileProblemError, match=r"model: \.dockerignore keeps it out"):
        made(context, "FROM a\nCOPY model /model\n")
