from __future__ import annotations

import hashlib
import json
import platform
import tomllib
from datetime import datetime
from importlib import metadata
from pathlib import Path

import pytest

from infodecomp.runs import provenance
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.errors import InputError


def test_record_names_code_section_inputs_and_versions(tmp_path: Path, repository: Path) -> None:
    source = tmp_path / "cases.parquet"
    source.write_bytes(b"cases")
    path = tmp_path / "results" / "provenance.json"
    provenance.write_provenance(
        path, stage="write_config", section={"steps": [50]}, inputs=[source], extra={"device": "cpu"}
    )
    record = json.loads(path.read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert record["infodecomp"] == project["project"]["version"]
    assert record["stage"] == "write_config"
    assert record["code_digest"] == code_digest("infodecomp.stages.write_config")
    assert record["section"] == {"steps": [50]} and record["extra"] == {"device": "cpu"}
    assert record["inputs"] == [{"path": str(source), "bytes": 5, "sha256": hashlib.sha256(b"cases").hexdigest()}]
    assert record["python"] == platform.python_version()
    assert record["packages"]["numpy"] == metadata.version("numpy")
    assert datetime.fromisoformat(record["date"]).utcoffset().total_seconds() == 0
    assert "git_commit" in record


def test_large_inputs_are_named_but_not_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_LARGEST_HASHED", 4)
    source = tmp_path / "archive.zip"
    source.write_bytes(b"large")
    provenance.write_provenance(tmp_path / "p.json", stage="write_config", section={}, inputs=[source])
    assert json.loads((tmp_path / "p.json").read_text())["inputs"][0] == {
        "path": str(source),
        "bytes": 5,
        "sha256": None,
    }


def test_a_missing_input_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: no such file"):
        provenance.write_provenance(
            tmp_path / "p.json", stage="write_config", section={}, inputs=[tmp_path / "gone.csv"]
        )
    assert not (tmp_path / "p.json").exists()


def test_commit_is_null_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    provenance.write_provenance(tmp_path / "p.json", stage="write_config", section={}, inputs=[])
    assert json.loads((tmp_path / "p.json").read_text())["git_commit"] is None


def test_folder_hash_follows_names_and_contents_only(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, order in zip(folders, (("x", "y"), ("y", "x")), strict=True):
        (folder / "unet").mkdir(parents=True)
        for name in order:
            (folder / "unet" / name).write_text(f"content of {name}")
    (folders[1] / ".cache").mkdir()
    (folders[1] / ".cache" / "note").write_text("hidden")
    first = provenance.folder_sha256(folders[0])
    assert first == provenance.folder_sha256(folders[1])
    (folders[1] / "unet" / "x").rename(folders[1] / "unet" / "z")
    assert provenance.folder_sha256(folders[1]) != first
    (folders[0] / "unet" / "x").write_text("other")
    assert provenance.folder_sha256(folders[0]) != first


def test_hash_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        provenance.folder_sha256(tmp_path / "none")
    with pytest.raises(InputError, match="no such file"):
        provenance.file_sha256(tmp_path)
