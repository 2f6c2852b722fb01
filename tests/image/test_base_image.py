"""The base of the edge's image is pinned to what a registry says, or nothing is changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.base_image import DOCKERFILE, base_of, main
from scripts.registry import Reference, RegistryProblemError
from tests.image.registry import SINGLE, StandIn, digest_of, index, serving

TAG = "3.13.1-slim"
BOTH = index("linux/amd64", "linux/arm64", "linux/s390x")
AGAIN = index("linux/arm64", "linux/amd64")


@pytest.fixture
def registry() -> Iterator[StandIn]:
    with serving(StandIn(tags={TAG: BOTH})) as stand_in:
        yield stand_in


@pytest.fixture
def dockerfile(registry: StandIn, tmp_path: Path) -> Path:
    file = tmp_path / "Dockerfile"
    file.write_text(f"# why\nARG BASE={registry.repository}:{TAG}\nFROM ${{BASE}}\n")
    return file


@pytest.mark.sockets
@pytest.mark.parametrize("token_name", ["token", "access_token"])
def test_the_tag_is_pinned_to_its_index_and_stays_readable(
    registry: StandIn, dockerfile: Path, token_name: str
) -> None:
    registry.token_name = token_name
    assert main([], dockerfile) == 0
    pinned = f"{registry.repository}:{TAG}@{digest_of(BOTH)}"
    assert dockerfile.read_text() == f"# why\nARG BASE={pinned}\nFROM ${{BASE}}\n"
    assert registry.scopes == ["repository:library/python:pull"]


@pytest.mark.sockets
def test_another_tag_takes_the_place_of_the_one_that_is_pinned(
    registry: StandIn, dockerfile: Path
) -> None:
    main([], dockerfile)
    registry.tags["3.13.2-slim"] = AGAIN
    assert main(["3.13.2-slim"], dockerfile) == 0
    there = base_of(dockerfile.read_text())
    assert (there.tag, there.digest) == ("3.13.2-slim", digest_of(AGAIN))


@pytest.mark.sockets
def test_a_check_says_whether_the_pin_is_current_and_writes_nothing(
    registry: StandIn, dockerfile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], dockerfile) == 1
    assert f"is not pinned; today it is {digest_of(BOTH)}" in capsys.readouterr().out
    main([], dockerfile)
    assert main(["--check"], dockerfile) == 0
    assert "the pin is what its tag is now" in capsys.readouterr().out
    registry.tags[TAG] = AGAIN
    before = dockerfile.read_text()
    assert main(["--check"], dockerfile) == 1
    said = capsys.readouterr().out
    assert f"pinned is {digest_of(BOTH)}, today's is {digest_of(AGAIN)}" in said
    assert dockerfile.read_text() == before


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (StandIn(), "has no library/python:3.13.1-slim"),
        (StandIn(tags={TAG: index("linux/amd64")}), "has nothing for linux/arm64"),
        (StandIn(tags={TAG: index("windows/amd64")}), "nothing for linux/amd64 and linux/arm64"),
        (StandIn(tags={TAG: b'{"mediaType": "' + SINGLE.encode() + b'"}'}), "not an index"),
        (StandIn(tags={TAG: b'{"schemaVersion": 2}'}, kind=SINGLE), "not an index of several"),
        (StandIn(tags={TAG: b"<html>"}), "is no JSON object"),
        (StandIn(tags={TAG: b'{"manifests": [7, {}]}'}), "has nothing for linux/amd64"),
        (StandIn(tags={TAG: BOTH}, named_digest=digest_of(AGAIN)), "something on the way"),
        (StandIn(refusal=(429, {"Retry-After": "60"})), "too many requests"),
        (StandIn(refusal=(429, {"Retry-After": "60"})), "wait 60 s"),
        (StandIn(refusal=(429, {})), "wait some hours"),
        (StandIn(refusal=(403, {})), "to nobody unknown (HTTP 403)"),
        (StandIn(refusal=(401, {})), "to nobody unknown (HTTP 401)"),
        (StandIn(refusal=(503, {})), "answers HTTP 503"),
        (StandIn(realm="http://registry.example.com/token"), "no https"),
        (StandIn(token_name="nothing"), "gave no token"),
        (StandIn(tags={TAG: b" " * (4 << 20) + BOTH}), "more than 4 MiB"),
    ],
)
def test_what_cannot_be_the_base_changes_nothing_and_is_explained(
    wrong: StandIn, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Dockerfile"
    with serving(wrong):
        file.write_text(f"ARG BASE={wrong.repository}:{TAG}\n")
        assert main([], file) == 2
        assert said in capsys.readouterr().err
        assert file.read_text() == f"ARG BASE={wrong.repository}:{TAG}\n"
        assert main(["--check"], file) == 2


@pytest.mark.sockets
def test_a_registry_that_cannot_be_reached_is_named(
    dockerfile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dockerfile.write_text("ARG BASE=127.0.0.1:1/library/python:3.13.1\n")
    assert main([], dockerfile) == 2
    assert "127.0.0.1:1 cannot be reached (" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "host", "repository"),
    [
        ("python:3", "docker.io", "library/python"),
        ("bitnami/python:3", "docker.io", "bitnami/python"),
        ("docker.io/library/python:3", "docker.io", "library/python"),
        ("public.ecr.aws/docker/library/python:3", "public.ecr.aws", "docker/library/python"),
        ("ghcr.io/some-one/python:3", "ghcr.io", "some-one/python"),
        ("localhost:5000/python:3", "localhost:5000", "python"),
    ],
)
def test_references_are_read_as_docker_reads_them(text: str, host: str, repository: str) -> None:
    assert Reference.parse(text) == Reference(host, repository, "3")
    digest = "sha256:" + "a" * 64
    pinned = Reference.parse(f"{text}@{digest}")
    assert pinned.digest == digest and Reference.parse(str(pinned)) == pinned


@pytest.mark.parametrize("text", ["python", "python@sha256:00", "Python:3", "a:b c", ""])
def test_what_is_no_reference_with_a_tag_is_refused(text: str) -> None:
    with pytest.raises(RegistryProblemError, match="is no image with its tag"):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["FROM python:3\n", "ARG BASE=a:1\nARG BASE=b:1\n"])
def test_there_is_one_base(text: str) -> None:
    with pytest.raises(RegistryProblemError, match="one is wanted"):
        base_of(text)


def test_a_tag_to_check_is_the_one_that_is_there(dockerfile: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--check", "3.13.2-slim"], dockerfile)


def test_the_edge_names_its_base_by_a_full_version() -> None:
    there = base_of(DOCKERFILE.read_text())
    version, *rest = there.tag.split("-")
    assert [part.isdecimal() for part in version.split(".")] == [True, True, True]
    assert rest[0] == "slim" and len(rest) == 2, "with the release of Debian"
