from __future__ import annotations

import hashlib
import json
import platform
import tomllib
from datetime import datetime
from importlib import metadata
from pathlib import Path

import pytest

from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.contents import file_sha256, folder_sha256
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked, job_ledger
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_record_names_code_section_files_and_versions(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("results/demo/scenes").mkdir(parents=True)
    Path("results/demo/cases.csv").write_text("cases")
    Path("words.csv").write_text("words")
    path = Path("results/demo/scenes/scores.provenance.json")
    with job_ledger({"seed": "5"}):
        for source in ("results/demo/cases.csv", "words.csv"):
            checked(Path(source))
        for name in ("scores.csv", "stale.csv"):
            write_text(Path("results/demo/scenes") / name, name)
        Path("results/demo/scenes/stale.csv").unlink()
        write_provenance(path, stage="write_config", section={"steps": [50]}, extra={"device": "cpu"})
    record = json.loads(path.read_text(encoding="utf-8"))
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert record["infodecomp"] == project["project"]["version"]
    assert record["stage"] == "write_config"
    assert record["code_digest"] == code_digest("infodecomp.stages.write_config")
    assert record["section"] == {"steps": [50]} and record["extra"] == {"device": "cpu"}
    assert record["arguments"] == {"seed": "5"}
    assert record["inputs"] == {"../cases.csv": sha256("cases"), "words.csv": sha256("words")}
    assert record["outputs"] == {"./scores.csv": sha256("scores.csv")}
    assert record["python"] == platform.python_version()
    assert record["packages"]["numpy"] == metadata.version("numpy")
    assert datetime.fromisoformat(record["date"]).utcoffset().total_seconds() == 0
    assert "git_commit" in record


def test_outside_a_job_no_files_are_named(tmp_path: Path) -> None:
    write_provenance(tmp_path / "p.json", stage="write_config", section={})
    record = json.loads((tmp_path / "p.json").read_text())
    assert record["inputs"] == record["outputs"] == record["arguments"] == {}


def test_commit_is_null_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_provenance(tmp_path / "p.json", stage="write_config", section={})
    assert json.loads((tmp_path / "p.json").read_text())["git_commit"] is None


def test_folder_hash_follows_names_and_contents_only(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, order in zip(folders, (("x", "y"), ("y", "x")), strict=True):
        (folder / "unet").mkdir(parents=True)
        for name in order:
            (folder / "unet" / name).write_text(f"content of {name}")
    (folders[1] / ".cache").mkdir()
    (folders[1] / ".cache" / "note").write_text("hidden")
    first = folder_sha256(folders[0])
    assert first == folder_sha256(folders[1])
    (folders[1] / "unet" / "x").rename(folders[1] / "unet" / "z")
    assert folder_sha256(folders[1]) != first
    (folders[0] / "unet" / "x").write_text("other")
    assert folder_sha256(folders[0]) != first


def test_hash_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        folder_sha256(tmp_path / "none")
    with pytest.raises(InputError, match="no such file"):
        file_sha256(tmp_path)
