"""The plan of the house: which folder of the package may import which, and what stays out of the light ones."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pipeline" / "infodecomp"

# Folder → the folders that it may import. A name without a folder is a module at the package's root.
BASE = {"runs"}
SETTINGS = {"config", "methods", *BASE}
NUMBERS = {"metrics", "tables", *SETTINGS}
MODEL = {"estimator", "models", "flows", "words", "datasets", "pictures", "scenes", *NUMBERS}
JOB = {"jobs", "maps", *MODEL}
DRAWING = {"figures"}
ALLOWED: dict[str, set[str]] = {
    "runs": set(),
    "methods": set(),
    "tables": {"runs"},
    "metrics": set(),
    "estimator": {"runs"},
    "config": {"methods", "runs"},
    "words": {"estimator", "runs"},
    "pictures": {"runs"},
    "maps": {"metrics", "methods", "config", "runs"},
    "models": {"estimator", "pictures", "runs"},
    "flows": {"estimator", "models", "runs"},
    "datasets": {"config", "words", "pictures", "runs"},
    "scenes": {"config", "datasets", "words", "pictures", "runs", "estimator", "models", "metrics"},
    "fetching": {"config", "models", "runs"},
    "training": {"scenes", "estimator", "models", "config", "runs", "words", "pictures", "metrics", "representation"},
    "figures": {"methods", "metrics", "words", "maps", "config", "runs", "tables"},
    # Reads what wings wrote, by their own readers of tables.
    "report": {
        "editing",
        "pairs",
        "retrieval",
        "representation",
        "datasets",
        "maps",
        "words",
        "pictures",
        *DRAWING,
        *NUMBERS,
    },
    "jobs": MODEL,
    "information": JOB | DRAWING,
    "attribution": JOB | DRAWING | {"information"},
    "localisation": JOB | DRAWING | {"information"},
    "retrieval": JOB | DRAWING | {"information"},
    "editing": JOB | DRAWING | {"information", "localisation"},
    "pairs": JOB | DRAWING | {"information", "editing"},
    "faithfulness": JOB | DRAWING | {"information", "localisation", "editing", "pairs"},
    "validation": {"estimator", "metrics", "tables", "config", "runs", "figures"},
    "representation": JOB | DRAWING,
    "explaining": JOB | DRAWING | {"information", "editing", "pairs"},
    # The library's face, a module at the root.
    "explain": JOB | {"information", "explaining"},
    "commands": {"explain", "explaining", "models", "runs"},
    "study": JOB
    | {"information", "attribution", "localisation", "retrieval", "editing", "pairs", "faithfulness", "representation"},
}
# Whole rooms, and the modules of wings that turn tables into numbers, text or pictures: they start in a moment.
LIGHT = ["metrics", "maps", "tables", "figures", "report", "config", "methods", "runs"]
LONGEST_STAGE = 80


def room_of(module: str) -> str:
    """The folder of a module of the package, or the module itself at its root."""
    return module.split(".")[1] if "." in module else ""


def modules() -> dict[str, Path]:
    """Dotted name → file, of every module of the package."""
    files = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")}
    return {".".join(parts).removesuffix(".__init__"): path for path, parts in files.items()}


def imported(path: Path) -> Iterator[str]:
    """Every module of the package that a file imports, at any depth; names in modules count as their modules."""
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("infodecomp."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("infodecomp"):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else str(node.module) for name in inner)


def arrows() -> dict[str, dict[str, list[str]]]:
    """Room → room that it imports → the files that do."""
    found: dict[str, dict[str, list[str]]] = {}
    for module, path in modules().items():
        for other in imported(path):
            here, there = room_of(module), room_of(other)
            if here and there and here != there:
                found.setdefault(here, {}).setdefault(there, []).append(f"{module} → {other}")
    return found


def test_arrows_run_one_way() -> None:
    found = arrows()
    doors = {"stages", "cli", "__main__"}
    wrong = [
        arrow
        for here, others in found.items()
        if here not in doors
        for there, files in others.items()
        if there not in ALLOWED.get(here, set())
        for arrow in files
    ]
    assert wrong == []
    into_doors = [arrow for others in found.values() for arrow in others.get("stages", [])]
    assert into_doors == []


def test_the_plan_has_no_loop_and_names_every_room() -> None:
    assert list(TopologicalSorter(ALLOWED).static_order())
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders - {"stages"} == set(ALLOWED) - {"methods", "explain"}


def test_the_root_holds_the_face_of_the_package_alone() -> None:
    names = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert names <= {"__init__.py", "__main__.py", "cli.py", "methods.py", "explain.py", "py.typed"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_a_stage_is_a_door(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_STAGE
    assert not [name for name in imported(path) if room_of(name) == "stages"]


def test_light_rooms_import_no_torch() -> None:
    names = [name for name in modules() if room_of(name) in LIGHT]
    code = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
