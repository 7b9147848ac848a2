"""The worked examples of docs/extend.md do what the page says, as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from localisation_study import Study
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import default_config, load_config, render_yaml, section_json, settings_of
from infodecomp.datasets.cases import read_cases
from infodecomp.localisation.tables import TABLE_COLUMNS
from infodecomp.maps import made
from infodecomp.metrics.heatmaps import min_max
from infodecomp.metrics.localisation import SCORE_COLUMNS, score_map, threshold_grid
from infodecomp.runs.storage import read_arrays, read_table, write_arrays


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "extend.md").read_text(encoding="utf-8")


def blocks(page: str, heading: str, language: str) -> list[str]:
    """The blocks of code in one language below a heading."""
    (part,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def study(overlay: str) -> Any:
    """The configuration of the embedded study with an overlay, merged as Snakemake merges."""
    config = yaml.safe_load(render_yaml(default_config()))
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
    read = section_json(settings_of("build_cases", config, "photos"))
    assert main(["build_cases", "--dataset", "photos", "--settings", read, "--output", "cases.parquet"]) == 0
    cases = read_cases(Path("cases.parquet"))
    assert cases["status"].tolist() == ["ok", "ok"]
    assert cases["prompt_context"].tolist() == ["a red on a table", "a cup on a table"]
    assert cases["mask"].tolist() == ["file:cup_mask.png", ""]


@pytest.fixture
def extended(page: str, repository: Path, tmp_path: Path) -> Path:
    """The source root with the page's function and row added, as the page says."""
    function, row = blocks(page, "A new method", "python")
    root = tmp_path / "pipeline"
    ignored = shutil.ignore_patterns("__pycache__", "assets")
    shutil.copytree(repository / "pipeline" / "infodecomp", root / "infodecomp", ignore=ignored)
    made, table = root / "infodecomp" / "maps" / "made.py", root / "infodecomp" / "methods.py"
    made.write_text(f"{made.read_text(encoding='utf-8')}\n\n{function}", encoding="utf-8")
    head, end, rest = table.read_text(encoding="utf-8").partition("\n)\n\nMETHODS")
    table.write_text(f"{head}\n{textwrap.indent(row.rstrip(), '    ')},{end}{rest}", encoding="utf-8")
    return root


def test_a_new_method(page: str) -> None:
    """Its map, compared with the object's mask."""

    class Recorded:
        maps: ClassVar = {"cmi/orthogonal": np.zeros((8, 8)), "mi/orthogonal": np.zeros((8, 8))}

        def own(self, key: str) -> np.ndarray:
            return self.maps[key]

    def best_iou(heat: np.ndarray, mask: np.ndarray) -> float:
        return float(score_map(min_max(heat), mask, others=[], thresholds=threshold_grid(0.1, 0.5, 50)).iou.max())

    names = dict(vars(made))
    exec(compile(blocks(page, "A new method", "python")[0], "extend.md", "exec"), names)
    Recorded.maps["cmi/orthogonal"][2:6, 2:6], Recorded.maps["mi/orthogonal"][0, 0] = 1.0, 3.0
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:6, 2:6] = True
    heat = names["context_gain"](Recorded())
    assert heat[0, 0] == 0.0
    assert best_iou(heat, mask) == 1.0
    assert best_iou(heat, ~mask) < 0.5


def test_a_new_method_becomes_a_row_of_the_table(extended: Path, tmp_path: Path) -> None:
    study = Study(tmp_path)
    flat = study.maps["information"] / f"{study.cases['case_id'][0]}.npz"
    write_arrays(flat, {**read_arrays(flat), "mi/orthogonal/4": study.stored(0, "cmi/orthogonal/4") + 1})

    def run(stage: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "infodecomp", "run", stage, *arguments]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(extended)}, cwd=tmp_path)

    def chosen(stage: str) -> tuple[str, str]:
        read = json.loads(study.settings(stage))
        read["localisation"]["methods"] = ["cmi", "context_gain"]
        return "--settings", json.dumps(read)

    inputs = ("cases", "estimates", "attention", "maps-information", "maps-attention", "seed")
    run(
        "score_localisation",
        *study.arguments(*inputs),
        *chosen("score_localisation"),
        "--output",
        "scores.parquet",
    )
    scores = read_table(tmp_path / "scores.parquet", SCORE_COLUMNS)
    of_method = scores[scores["method"] == "context_gain"]
    assert set(of_method["steps"]) == {2, 4} and set(of_method["estimator"]) == {"orthogonal"}
    # Nowhere more CMI than MI: the map of zeros is counted as a failure, and nothing crashes.
    failed = of_method[of_method["status"] != "ok"]
    assert failed[["case_id", "steps", "status"]].to_numpy().tolist() == [
        [study.cases["case_id"][0], 4, "constant_map"]
    ]
    tables = ("--seed", "0", "--output-dir", "tables")
    run("tabulate_localisation", "--scores", "mine=scores.parquet", *chosen("tabulate_localisation"), *tables)
    table = read_table(tmp_path / "tables" / "localisation.parquet", TABLE_COLUMNS)
    row = table[(table["method"] == "context_gain") & (table["steps"] == 4)].iloc[0]
    assert (row["n"], row["n_failed"], row["evaluations_per_image"]) == (len(study.cases) - 1, 1, 16)
    assert 0 < row["miou_low"] <= row["miou"] <= row["miou_high"] < 1
    assert "| context_gain | orthogonal |" in (tmp_path / "tables" / "localisation.md").read_text(encoding="utf-8")


def test_a_new_model(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(page, "A new model", "python")
    names: dict[str, Any] = {}
    exec(compile(code, "extend.md", "exec"), names)
    found, exact = names["found"], names["exact"]
    assert abs(found.total - exact) < 4 * found.total_error < abs(exact)
    assert f"exact: {exact:.2f}" in capsys.readouterr().out
    (overlay,) = blocks(page, "A new model", "yaml")
    assert study(overlay).model.id == "stable-diffusion-v1-5/stable-diffusion-v1-5"
