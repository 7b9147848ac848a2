"""The pilot that fits the density of a dataset's draws, and estimates that follow it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import BudgetSection, DrawsSection, InformationSection, ModelSection, PilotSection, section_json
from infodecomp.datasets.cases import read_cases, write_cases
from infodecomp.estimator.adaptive_density import BINS
from infodecomp.information.pilot_file import read_density
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays
from tests.stage_settings import settings
from tests.workflow.shard_runs import MODEL
from tests.workflow.study import Study

SECTION = InformationSection(
    draws=DrawsSection(density="adaptive"), pilot=PilotSection(images=2, draws=24), budget=BudgetSection(steps=(6, 12))
)


def arguments(stage: str, cases: Path, images: Path, output: Path, *others: str, seed: int = 0) -> list[str]:
    return [
        stage,
        *("--cases", str(cases), "--images", str(images), "--shard", "0", "--shards", "1", "--seed", str(seed)),
        *("--settings", settings(stage, information=SECTION), "--model", section_json(ModelSection(id=str(MODEL)))),
        *("--maps", str(output.parent / "maps"), "--output", str(output), "--max-failed-fraction", "0"),
        *("--device", "cpu", "--batch-size", "16", "--threads", "1", *others),
    ]


@pytest.fixture(scope="module")
def pilot(scene_cases: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The density of the embedded scenes."""
    output = tmp_path_factory.mktemp("pilot") / "density.json"
    assert main(arguments("pilot_density", *scene_cases, output)) == 0
    return output


def record(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_what_a_pilot_tells(pilot: Path, scene_cases: tuple[Path, Path]) -> None:
    found = record(pilot)
    assert len(set(found["images"])) == 2 and set(found["images"]) <= set(read_cases(scene_cases[0])["image_id"])
    assert 2 * 24 * 3 <= found["evaluations"] <= 2 * 24 * 4
    rows = found["profile"]
    assert len(rows) == BINS and rows[0]["low"] == found["interval"]["low"]
    assert {"mi_standard_total", "cmi_orthogonal_pixel"} <= rows[0].keys()
    for density in ("logistic", "adaptive"):
        assert sum(row[density] for row in rows) == pytest.approx(1)
    assert read_density(pilot).root.tolist() == found["root"]
    assert (pilot.parent / "density.provenance.json").is_file()


def test_a_pilot_depends_on_the_seed_and_not_on_the_order(
    pilot: Path, scene_cases: tuple[Path, Path], tmp_path: Path
) -> None:
    cases, images = scene_cases
    write_cases(tmp_path / "cases.parquet", read_cases(cases).iloc[::-1].reset_index(drop=True))
    assert main(arguments("pilot_density", tmp_path / "cases.parquet", images, tmp_path / "same.json")) == 0
    assert record(tmp_path / "same.json") == record(pilot)
    assert main(arguments("pilot_density", cases, images, tmp_path / "other.json", seed=1)) == 0
    assert record(tmp_path / "other.json")["root"] != record(pilot)["root"]


def test_estimates_follow_the_pilot(pilot: Path, scene_cases: tuple[Path, Path], tmp_path: Path) -> None:
    cases, images = scene_cases
    write_cases(tmp_path / "cases.parquet", read_cases(cases).head(1))
    output = tmp_path / "shard.parquet"
    few = arguments("estimate_information", tmp_path / "cases.parquet", images, output, "--pilot", str(pilot))
    assert main(few) == 0
    (path,) = (tmp_path / "maps").glob("*.npz")
    arrays, density = read_arrays(path), read_density(pilot)
    # Six pairs, one log-SNR in each sixth of the density.
    edges, _ = density.draws(np.linspace(0, 1, 7), density.interval)
    assert np.histogram(arrays["curve_logsnr"], edges)[0].tolist() == [2] * 6


def test_without_a_pilot_there_is_one_sentence(
    scene_cases: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments("estimate_information", *scene_cases, tmp_path / "shard.parquet")) == 1
    assert "--pilot is missing; with information → draws → density: adaptive" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"interval": {"low": 0}, "root": []}',
        '{"interval": {"low": 0, "high": 1, "loc": 0, "scale": 1}, "root": [1]}',
    ],
)
def test_another_file_is_no_density(tmp_path: Path, content: str) -> None:
    (tmp_path / "density.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"density\.json: .*(not a density|allowed are 24 numbers)"):
        read_density(tmp_path / "density.json")


def test_the_workflow_runs_a_pilot_where_it_is_asked_for(fresh: Study) -> None:
    run = fresh.snakemake("-n", "localisation", config={"information": {"draws": {"density": "adaptive"}}})
    assert run.status == 0, run.output
    assert run.jobs["pilot_density"] == 1
