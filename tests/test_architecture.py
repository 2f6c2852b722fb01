"""Imports point down: every package has a floor and imports only from the floors it names."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

GROUND = {"model", "edge.ids", "edge.flow", "edge.clock", "edge.symbol"}

MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "billing": {"model"},
    "edge.ids": set(),
    "edge.flow": set(),
    "edge.clock": set(),
    "edge.symbol": set(),
    "edge.sip": set(GROUND),
    "edge.media": set(GROUND),
    "edge.directory": set(GROUND),
    "edge.config": GROUND | {"edge.directory"},
    "edge.config_change": GROUND | {"edge.directory", "edge.config"},
    "edge.policy": GROUND | {"edge.sip", "edge.media", "edge.directory", "edge.config"},
    "edge.routing": GROUND | {"edge.sip", "edge.media", "edge.directory", "edge.config"},
}
"""Package or module -> what it may import besides the standard library and itself."""
MAY_IMPORT["edge.call"] = MAY_IMPORT["edge.policy"] | {"edge.policy", "edge.routing"}
MAY_IMPORT["edge.meter"] = set(GROUND)
MAY_IMPORT["edge.records"] = MAY_IMPORT["edge.call"] | {"edge.call"}
MAY_IMPORT["edge.refusals"] = MAY_IMPORT["edge.records"] | {"edge.records", "edge.meter"}
MAY_IMPORT["edge.seam"] = MAY_IMPORT["edge.refusals"] | {"edge.refusals", "edge.config_change"}
MAY_IMPORT["edge.waiting"] = MAY_IMPORT["edge.seam"] | {"edge.seam"}
MAY_IMPORT["edge.sip_log"] = MAY_IMPORT["edge.waiting"]
MAY_IMPORT["edge.reception"] = MAY_IMPORT["edge.waiting"] | {"edge.waiting", "edge.sip_log"}
MAY_IMPORT["edge.load_watch"] = MAY_IMPORT["edge.waiting"]
MAY_IMPORT["edge.quality"] = MAY_IMPORT["edge.waiting"]
MAY_IMPORT["edge.recording"] = MAY_IMPORT["edge.waiting"]
MAY_IMPORT["edge.observers"] = MAY_IMPORT["edge.waiting"] | {
    *("edge.quality", "edge.recording", "edge.sip_log"),
}
MAY_IMPORT["edge.core"] = (
    MAY_IMPORT["edge.reception"]
    | MAY_IMPORT["edge.observers"]
    | {
        *("edge.reception", "edge.load_watch", "edge.observers"),
    }
)
MAY_IMPORT["edge.runtime"] = MAY_IMPORT["edge.core"] | {"edge.core"}
MAY_IMPORT["edge.settings"] = {"model"}
MAY_IMPORT["edge.__main__"] = MAY_IMPORT["edge.runtime"] | {"edge.runtime", "edge.settings"}
MAY_IMPORT["lambdas"] = {"model"}
MAY_IMPORT["infra"] = {"model"}
MAY_IMPORT["emulator"] = {"model", "edge", "lambdas"}
MAY_IMPORT["cli"] = {
    *("model", "billing", "edge", "lambdas", "emulator"),
    *("infra.settings", "infra.setting_checks"),
}

ROOMS = ("model", "billing", "edge", "lambdas", "infra", "emulator", "cli")
OURS = (*ROOMS, "tests", "bench")
IMPURE = {
    *("asyncio", "socket", "ssl", "selectors", "select", "threading", "multiprocessing"),
    *("subprocess", "time", "random", "secrets", "os", "logging"),
    *("boto3", "botocore", "uvloop", "obstore"),
}
WITH_IO = ("edge.ids", "edge.runtime", "edge.settings", "edge.__main__")
PURE = ["model", "billing", *(name for name in MAY_IMPORT if name.startswith("edge."))]
PURE = [name for name in PURE if name not in WITH_IO]


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in ROOMS:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found.append((name.removesuffix(".__init__"), path))
    return found


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def floor_of(name: str) -> str | None:
    fitting = [floor for floor in MAY_IMPORT if name == floor or name.startswith(floor + ".")]
    return max(fitting, key=len, default=None)


MODULES = modules()


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_imports_point_down(name: str, path: Path) -> None:
    floor = floor_of(name)
    if floor is None:
        assert name in OURS, f"{name} stands on no floor: add it to MAY_IMPORT"
        floor = name
    allowed = MAY_IMPORT.get(floor, set()) | {floor}
    for imported in imports_of(path):
        if imported.split(".")[0] in OURS:
            fits = any(imported == may or imported.startswith(may + ".") for may in allowed)
            assert fits, f"{name} imports {imported}, which is not below it"


@pytest.mark.parametrize("pure", PURE)
def test_what_decides_has_no_clock_chance_or_socket(pure: str) -> None:
    for name, path in MODULES:
        if floor_of(name) == pure:
            roots = {imported.split(".")[0] for imported in imports_of(path)}
            assert not roots & IMPURE, f"{name} imports {roots & IMPURE}"


def test_sip_core_depends_on_the_standard_library_only() -> None:
    for name, path in MODULES:
        if floor_of(name) == "edge.sip":
            roots = {imported.split(".")[0] for imported in imports_of(path)}
            assert not roots & {"phonenumbers", "cryptography", "pylibsrtp"}, name


def test_no_module_imports_inside_a_function() -> None:
    for name, path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [it for it in ast.walk(node) if isinstance(it, ast.Import | ast.ImportFrom)]
                assert not inner, f"{name}.{node.name} imports inside a function"


def test_no_source_file_is_longer_than_a_reader_bears() -> None:
    for name, path in MODULES:
        lines = len(path.read_text().splitlines())
        assert lines <= 420, f"{name} has {lines} lines; split it by idea"
