"""Every file of a study is read through `runs.ledger.checked`, so that records name it and damage is seen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pipeline" / "infodecomp"

# Functions of libraries that read the file of their first argument, and methods of a path that read it.
FUNCTIONS = {
    *("load", "load_file", "open", "ParquetFile", "ZipFile", "copyfile"),
    *("read_csv", "read_parquet", "read_table", "read_metadata", "read_schema"),
}
LIBRARIES = {"np", "pd", "pq", "Image", "zipfile", "shutil", "safetensors"}
METHODS = {"open", "read_text", "read_bytes"}

# Rooms that read other things than files of a study: the mechanism itself, downloads, checkpoints of training, weights
# (whose hash a job takes first), the configuration, commands outside of studies.
EXEMPT = ("runs/", "fetching/", "training/", "config/", "models/", "commands/", "cli.py")
# Files that are no result and no input of one: what the card of a model says, the page of keys, logs and tables at the end.
EXEMPT_FILES = {
    "explaining/archive.py": "explanations that a user keeps outside studies",
    "explaining/familiarity.py": "what the card of a model says",
    "scenes/model.py": "settings of a tokenizer that is being made",
    "stages/write_config.py": "the page of keys",
    "report/closing.py": "tables shown at the end of a run, after which nothing is made",
    "report/killed_jobs.py": "the log of a run that failed",
    "report/records.py": "times of jobs, in logs",
    "study/summary.py": "times of jobs, in logs",
    "datasets/aro_mirrors.py": "the content of an image that is compared with its table",
}


def unchecked(path: Path) -> Iterator[str]:
    """Calls in a module that read a file whose path has not gone through `checked`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id in ("open", "load_file") and node.args:
            read = node.args[0]
        elif not isinstance(function, ast.Attribute):
            continue
        elif isinstance(function.value, ast.Name) and function.value.id in LIBRARIES:
            if function.attr not in FUNCTIONS or not node.args:
                continue
            read = node.args[0]
        elif function.attr in METHODS:
            read = function.value
        else:
            continue
        if not _is_checked(read):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _is_checked(read: ast.expr) -> bool:
    """Whether the path is checked here, or what is read is a handle or bytes and no path."""
    if isinstance(read, ast.Call):
        name = ast.unparse(read.func)
        return name in ("checked", "io.BytesIO", "BytesIO")
    return isinstance(read, ast.Name) and (read.id == "handle" or read.id[0].isupper())


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_read_through_checked(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    if name.startswith(EXEMPT) or name in EXEMPT_FILES:
        return
    assert list(unchecked(path)) == []


def test_a_bare_reading_would_be_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    lines = ["pd.read_csv(path)", "path.read_text()", "np.load(path)", "Image.open(path)", "open(path)"]
    module.write_text("\n".join(["pd.read_csv(checked(path))", "Shard.open(path)", *lines]))
    assert [line.partition(": ")[2] for line in unchecked(module)] == lines
