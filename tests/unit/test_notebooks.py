"""The notebooks: the first one runs and gives what it stores; that of Stable Diffusion runs with a tiny one in its place."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import infodecomp
from tests.unit.small_model import small_pipeline
from tests.unit.test_library_page import assert_same

LARGEST = 600_000  # bytes
LONGEST = 120  # seconds a cell may take on a busy core


@pytest.fixture(scope="module")
def folder(repository: Path) -> Path:
    return repository / "docs" / "notebooks"


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(notebook: Any) -> Iterator[str]:
    """What the cells print, without what libraries say on stderr."""
    for cell in code_cells(notebook):
        yield "".join(out.text for out in cell.outputs if out.output_type == "stream" and out.name == "stdout")


def kinds(notebook: Any) -> list[set[str]]:
    """The kinds of what each cell shows, such as a picture."""
    return [
        {kind for out in cell.outputs for kind in out.get("data", {}) if kind != "text/plain"}
        for cell in code_cells(notebook)
    ]


def test_the_first_look_gives_what_it_stores(
    folder: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a copy, since it writes a file beside itself."""
    here = tmp_path / "docs" / "notebooks"
    here.mkdir(parents=True)
    (tmp_path / "data").symlink_to(repository / "data")
    paths = [str(repository / "pipeline"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    stored = nbformat.read(folder / "first_look.ipynb", as_version=4)
    notebook = nbformat.read(folder / "first_look.ipynb", as_version=4)
    for cell in code_cells(notebook):
        cell.outputs = []
    client = NotebookClient(
        notebook, timeout=LONGEST, kernel_name="python3", resources={"metadata": {"path": str(here)}}
    )
    client.execute()
    assert sum(map(bool, printed(stored))) > 3
    for found, expected in zip(printed(notebook), printed(stored), strict=True):
        assert_same(found, expected)
    assert kinds(notebook) == kinds(stored) and {"image/png"} in kinds(stored) and {"text/html"} in kinds(stored)


def test_what_is_stored_is_small_and_says_nothing_of_a_machine(folder: Path) -> None:
    for path in folder.glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) <= LARGEST, f"{path.name}: store fewer or smaller pictures"
        assert not re.search(r"/(home|root|work|tmp|usr)/", text) and '"stderr"' not in text and '"error"' not in text
        nbformat.validate(nbformat.reads(text, as_version=4))


def test_a_notebook_that_was_not_run_says_so(folder: Path) -> None:
    for path in folder.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        was_run = all(cell.execution_count for cell in code_cells(notebook))
        assert was_run != ("has not been run" in notebook.cells[0].source), path.name


def test_stable_diffusion(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells in order, with a model of a few weights and few draws in the cell of choices."""
    small_pipeline().save_pretrained(tmp_path / "tiny")
    choices = {
        "MODEL": str(tmp_path / "tiny"),
        "PRECISION": "float32",
        "PHOTO": str(folder.parents[1] / "data" / "photos" / "cat.jpg"),
        "DRAWS": 4,
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    first, *others = code_cells(nbformat.read(folder / "stable_diffusion.ipynb", as_version=4))
    names: dict[str, Any] = {}
    exec(first.source, names)
    assert choices.keys() <= names.keys()
    names |= choices
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cell in others:
            exec(compile(cell.source, json.dumps(cell.source[:40]), "exec"), names)
    assert "cat" in names["e"] and names["e"].settings["draws"] == 4
    assert "bicycle" in infodecomp.Explanation.load("bicycle.zip")
