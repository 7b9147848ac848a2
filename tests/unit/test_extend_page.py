"""The worked examples of docs/extend.md do what the page says, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import load_config, section_json
from infodecomp.config.loading import default_config
from infodecomp.datasets.cases import read_cases
from infodecomp.runs.storage import write_arrays


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "extend.md").read_text(encoding="utf-8")


def blocks(page: str, heading: str, language: str) -> list[str]:
    """The blocks of code in one language below a heading."""
    (part,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def study(overlay: str) -> Any:
    """The configuration of the embedded study with an overlay, merged as Snakemake merges."""
    config = default_config().model_dump(mode="json")
    for key, value in yaml.safe_load(overlay).items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    return load_config(config)


def test_a_new_dataset(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (rows,), (overlay,) = blocks(page, "A new dataset", "csv"), blocks(page, "A new dataset", "yaml")
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/cases.csv").write_text(rows, encoding="utf-8")
    Image.new("RGB", (12, 8), "white").save("photos/cup.png")
    Image.fromarray(np.eye(8, 12, dtype=np.uint8) * 255).save("photos/cup_mask.png")
    config = study(overlay)
    assert config.study == "mine" and list(config.datasets) == ["photos"] and not config.retrieval_datasets
    section = section_json(config.datasets["photos"])
    assert main(["build_cases", "--dataset", "photos", "--section", section, "--output", "cases.parquet"]) == 0
    cases = read_cases(Path("cases.parquet"))
    assert cases["status"].tolist() == ["ok", "ok"]
    assert cases["prompt_context"].tolist() == ["a red on a table", "a cup on a table"]
    assert cases["mask"].tolist() == ["file:cup_mask.png", ""]


def test_a_new_method(page: str, tmp_path: Path) -> None:
    (code,) = blocks(page, "A new method", "python")
    names: dict[str, Any] = {}
    exec(compile(code, "extend.md", "exec"), names)
    cmi, mi = np.zeros((8, 8)), np.zeros((8, 8))
    cmi[2:6, 2:6], mi[0, 0] = 1.0, 3.0
    write_arrays(tmp_path / "case.npz", {"cmi/orthogonal/100": cmi, "mi/orthogonal/100": mi})
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:6, 2:6] = True
    heat = names["synergy"](tmp_path / "case.npz")
    assert heat[0, 0] == 0.0
    assert names["best_iou"](heat, mask) == 1.0
    assert names["best_iou"](heat, ~mask) < 0.5


def test_a_new_model(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(page, "A new model", "python")
    names: dict[str, Any] = {}
    exec(compile(code, "extend.md", "exec"), names)
    found, exact = names["found"], names["exact"]
    assert abs(found.total - exact) < 4 * found.total_error < abs(exact)
    assert f"exact: {exact:.2f}" in capsys.readouterr().out
    (overlay,) = blocks(page, "A new model", "yaml")
    assert study(overlay).model.id == "stable-diffusion-v1-5/stable-diffusion-v1-5"
