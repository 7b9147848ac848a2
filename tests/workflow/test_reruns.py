"""Canaries: a change runs again what it invalidates, and nothing else."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from infodecomp.datasets.cases import read_cases
from infodecomp.scenes.dataset import draw
from tests.workflow.study import Study

TABLES = {"tabulate_localisation": 1, "plot_localisation_curves": 1, "tabulate_paper": 1, "write_report": 1, "all": 1}
SCORES = {"score_localisation": 1, "plot_localisation_panels": 1, **TABLES}
SUMMARY = {"summarise_study": 1}
DRAWN_CAPTION = {"plot_teaser": 1, "plot_denoising_strip": 1}
CAPTION = {"dissect_caption": 1, **DRAWN_CAPTION}
INFORMATION = {"plot_integrand_curves": 1, "plot_information_scatter": 1}
ESTIMATES = {"estimate_information": 2, **INFORMATION, **CAPTION, **SUMMARY, **SCORES}
GRADIENTS = {"record_gradients": 2}
VALIDATION = {"validate_estimator": 1, "tabulate_validation": 1, "plot_validation": 1}
FIGURES = {"plot_localisation_curves": 1, "plot_localisation_panels": 1, "write_report": 1, "all": 1}
PANELS = {"plot_localisation_panels": 1, "write_report": 1, "all": 1}
STATEMENT = "\n\nANOTHER_CONSTANT = 1\n"


def test_a_finished_study_has_nothing_to_do(finished: Study) -> None:
    assert finished.planned() == {}


def test_machine_comments_and_docstrings_run_nothing(study: Study) -> None:
    machine = {"device": "cpu", "batch_size": 3, "threads": 2}
    for module in ("estimator/information", "figures/threshold_curves", "stages/build_cases", "runs/storage"):
        path = study.folder / f"pipeline/infodecomp/{module}.py"
        source = path.read_text(encoding="utf-8")
        assert source.startswith('"""')
        path.write_text(source.replace('"""', '"""In other words: ', 1) + "\n# Another comment.\n", encoding="utf-8")
    assert study.planned({"machine": machine}) == {}


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("pipeline/infodecomp/figures/threshold_curves.py", FIGURES),
        ("pipeline/infodecomp/figures/teaser.py", {"plot_teaser": 1, "write_report": 1, "all": 1}),
        ("pipeline/infodecomp/metrics/localisation.py", {**SUMMARY, **SCORES}),
        ("pipeline/infodecomp/estimator/information.py", {**GRADIENTS, **ESTIMATES, **VALIDATION}),
        ("pipeline/infodecomp/models/gradients.py", {**GRADIENTS, **SUMMARY, **SCORES}),
        ("pipeline/infodecomp/flows/ddim.py", {"record_attention": 2, **SUMMARY, **SCORES}),
    ],
    ids=["figures", "one figure", "metrics", "information", "gradients", "ddim"],
)
def test_code_runs_again_what_uses_it(study: Study, file: str, jobs: dict[str, int]) -> None:
    study.edit(file, STATEMENT)
    assert study.planned() == jobs


@pytest.mark.parametrize(
    ("config", "jobs"),
    [
        ({"seed": 1}, {"record_attention": 2, **GRADIENTS, **ESTIMATES, **VALIDATION}),
        ({"information": {"range": {"clip": 2.5}}}, {**GRADIENTS, **ESTIMATES, **VALIDATION}),
        ({"information": {"prompts": {"missing": "underscore"}}}, {**GRADIENTS, **ESTIMATES}),
        ({"gradients": {"steps": [8]}}, {**GRADIENTS, **SUMMARY, **SCORES}),
        ({"validation": {"grid": {"runs": 3}}}, {**VALIDATION, "write_report": 1, "all": 1}),
        ({"attention": {"steps": [3]}}, {"record_attention": 2, **SUMMARY, **SCORES}),
        ({"statistics": {"bootstrap": 101}}, {"plot_information_scatter": 1, **TABLES}),
        ({"figures": {"palette": "magma"}}, {**DRAWN_CAPTION, **PANELS}),
    ],
    ids=["seed", "clip", "missing word", "gradients", "validation", "attention", "bootstrap", "palette"],
)
def test_configuration_runs_again_what_it_decides(
    study: Study, config: dict[str, object], jobs: dict[str, int]
) -> None:
    assert study.planned(config) == jobs


def test_the_style_file_runs_again_every_figure(study: Study) -> None:
    study.edit("pipeline/infodecomp/figures/style.mplstyle", "\naxes.titlesize: 9\n")
    figures = {**DRAWN_CAPTION, **INFORMATION, "plot_validation": 1, **FIGURES}
    assert study.planned() == figures


def test_another_model_runs_again_what_runs_it(study: Study) -> None:
    study.edit("data/models/scenes/model_index.json", "\n")
    assert study.planned() == {"record_attention": 2, **GRADIENTS, **ESTIMATES}


def test_rows_added_to_a_csv_are_the_only_ones_computed(study: Study) -> None:
    """Two rows join six: the maps of the six stay as they are."""
    rows = _own_pictures(study.folder / "mine", 8)
    config = {
        "shards": 1,
        "datasets": {"scenes": None, "mine": {"kind": "custom", "list": "mine/cases.csv", "localisation": False}},
        "information": {"budget": {"steps": [6]}},
    }
    folder = study.results / "mine" / "estimate_information"
    target = "results/tiny/mine/estimate_information/shard-0000.parquet"

    _write_rows(study.folder / "mine" / "cases.csv", rows[:6])
    run = study.snakemake(target, config=config)
    assert run.status == 0, run.output
    before = _dates(folder / "maps")
    assert len(before) == 6

    _write_rows(study.folder / "mine" / "cases.csv", rows)
    run = study.snakemake(target, config=config)
    assert run.status == 0, run.output
    after = _dates(folder / "maps")
    assert {name: after.get(name) for name in before} == before
    cases = read_cases(study.results / "mine" / "cases.parquet")
    assert {f"{case}.npz" for case in cases["case_id"]} == set(after)
    assert len(after) == 8


def _own_pictures(folder: Path, count: int) -> list[tuple[str, str, str]]:
    """Save scenes as if they were anybody's own pictures; rows of (image, caption, word)."""
    folder.mkdir()
    rows = []
    for number in range(1, count + 1):
        drawn = draw(0, number)
        Image.fromarray(drawn.picture).save(folder / f"{number}.png")
        rows.append((f"{number}.png", drawn.captions[0], drawn.scene.things[0].category))
    return rows


def _write_rows(path: Path, rows: list[tuple[str, str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "caption", "word"), *rows])


def _dates(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
