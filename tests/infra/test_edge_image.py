"""The image's context and Dockerfile; no test builds the image, because that takes Docker."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest

from tests.infra.synthesis import ROOT, Assembly

DOCKERFILE = (ROOT / "edge" / "Dockerfile").read_text()


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_the_context_is_what_the_dockerfile_copies(assembly: Assembly) -> None:
    assets = json.loads((assembly.directory / "ovc-edge.assets.json").read_text())
    (image,) = assets["dockerImages"].values()
    assert image["source"]["dockerFile"] == "edge/Dockerfile"
    assert image["source"]["platform"] == "linux/amd64"
    context = assembly.directory / image["source"]["directory"]
    held = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in ("edge", "model")
        for path in (ROOT / package).rglob("*.py")
    }
    assert held == ours | {"edge/Dockerfile", "requirements/edge.txt", ".dockerignore"}


@pytest.mark.node
@pytest.mark.xdist_group("cdk")
def test_the_image_is_built_for_the_chosen_processors(large_assembly: Assembly) -> None:
    assets = json.loads((large_assembly.directory / "ovc-edge.assets.json").read_text())
    (image,) = assets["dockerImages"].values()
    assert image["source"]["platform"] == "linux/arm64"


def test_what_is_copied_exists() -> None:
    copied = re.findall(r"^COPY ([a-z]\S+) ", DOCKERFILE, re.M)
    assert copied == ["requirements/edge.txt", "model", "edge"]
    assert all((ROOT / path).exists() for path in copied)


def test_the_image_runs_the_edge_without_rights() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER (\d+):(\d+)$", last, re.M)
    assert 'ENTRYPOINT ["python", "-m", "edge"]' in last
    assert "\nRUN " not in last


def test_dependencies_are_locked_and_were_tested() -> None:
    assert "--require-hashes" in DOCKERFILE
    tested = (ROOT / "requirements/runtime.txt").read_text()
    locked = locked_versions()
    assert locked
    assert all(f"\n{name}=={version}" in tested for name, version in locked.items())


DISTRIBUTIONS = {"dns": "dnspython"}
"""Where a package has another name than what it is installed by."""


def test_everything_imported_is_locked() -> None:
    imported = {
        name.split(".")[0]
        for package in ("edge", "model")
        for path in (ROOT / package).rglob("*.py")
        for name in imports_of(path)
    }
    foreign = imported - set(sys.stdlib_module_names) - {"edge", "model"}
    srtp = {"cryptography", "pylibsrtp"}
    assert foreign == {"boto3", "botocore", "dns", "obstore", "phonenumbers", "uvloop"} | srtp
    assert {DISTRIBUTIONS.get(name, name) for name in foreign} <= set(locked_versions())


def locked_versions() -> dict[str, str]:
    text = (ROOT / "requirements/edge.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.M))


def imports_of(path: Path) -> set[str]:
    """Return what a module imports when it runs, not what only its types need."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found
