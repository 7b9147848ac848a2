"""The editing study through its rules: what it leaves, and what a change runs again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import read_edit_maps, read_edits, read_judgements
from infodecomp.runs.storage import read_arrays
from infodecomp.scenes.world import IMPLIED
from tests.workflow.study import TINY_EDITING, Study, working_copy

STRIPS, CORRELATIONS = {"plot_edit_strips": 1}, {"plot_edit_correlations": 1}
FIGURES = {**STRIPS, **CORRELATIONS}
TABLES = {"tabulate_editing": 1}
EDITS = {"edit_images": 2, "judge_edits": 1, **TABLES, **FIGURES}
STATEMENT = "\n\nANOTHER_CONSTANT = 1\n"


def planned(study: Study, config: dict[str, object] | None = None) -> dict[str, int]:
    """What `snakemake editing` would run, without the target that only gathers others."""
    run = study.snakemake("editing", "--dry-run", config=config)
    assert run.status == 0, run.output
    return {rule: count for rule, count in run.jobs.items() if rule != "editing"}


def test_every_case_has_its_edits(finished_editing: Study) -> None:
    folder = finished_editing.results / "scenes"
    cases = read_cases(folder / "cases.parquet")
    edits = read_edits(sorted((folder / "edit_images").glob("shard-*.parquet")), cases)
    assert len(edits) == len(cases) == 4 and set(edits["status"]) == {"ok"}
    for row in edits.itertuples():
        maps = read_edit_maps(folder / "edit_images/edits" / f"{row.case_id}.npz", swapped=bool(row.prompt_swap))
        assert maps.grid == (16, 16) and np.isfinite(maps.predictor["cmi_o"]).all()
        known = read_arrays(folder / "estimate_information/maps" / f"{row.case_id}.npz")
        assert np.array_equal(maps.predictor["cmi_o"], known["cmi/orthogonal/8"])
    judgements = read_judgements(folder / "judge_edits/judgements.parquet", cases)
    assert len(judgements) == 3 * len(cases)


def test_tables_and_figures_are_there(finished_editing: Study) -> None:
    tables = finished_editing.results / "tables"
    table = pd.read_csv(tables / "editing.csv")
    assert set(table["predictor"]) == {"cmi_s", "cmi_o", "mi_o", "attention", "mask_area"}
    assert set(table["level"]) == {"image", "pixel"} and set(table["intervention"]) == {"omit", "swap"}
    assert (table["n"] + table["n_failed"] == 4).all()
    pixel = table[(table["level"] == "pixel") & (table["n"] > 0)]
    assert pixel["r"].between(-1, 1).all() and (pixel["r_low"] <= pixel["r_high"]).all()
    checks = pd.read_csv(tables / "editing_checks.csv").set_index("check")
    assert checks.loc["psnr_autoencoder_median", "value"] > 15
    assert 0 <= checks.loc["swap_flips_preference", "value"] <= checks.loc["swap_preferred", "value"] <= 1
    assert "| scenes" in (tables / "editing.md").read_text(encoding="utf-8")
    assert len(pd.read_csv(tables / "editing_paired.csv")) > 0
    by_context = pd.read_csv(tables / "editing_implied.csv").set_index(["context", "intervention"])["n"]
    assert by_context["all", "omit"] == by_context["implied", "omit"] + by_context["not_implied", "omit"] == 4
    by_word = pd.read_csv(tables / "editing_by_word.csv")
    assert by_word.loc[(by_word["context"] == "all") & (by_word["intervention"] == "omit"), "n"].sum() == 4
    flagged = pd.read_csv(tables / "editing_flagged.csv")
    assert len(flagged) == table.loc[(table["level"] == "image") & (table["intervention"] == "omit"), "n_flagged"].max()
    for name in ("strips", "sheet", "scatter", "correlations"):
        assert (finished_editing.results / "figures/editing" / f"{name}-scenes.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("config", "jobs"),
    [
        (None, {}),
        ({"editing": {"table": {"min_reconstruction_psnr": 30.0}}}, {**TABLES, **CORRELATIONS}),
        ({"statistics": {"confidence": 0.9}}, {**TABLES, **CORRELATIONS}),
        ({"editing": {"flow": {"steps": 4}}}, EDITS),
        ({"editing": {"animated": 2}}, EDITS),
        ({"editing": {"captions": {"omit": "underscore"}}}, EDITS),
        ({"editing": {"information": {"steps": [16]}}}, EDITS),
        ({"editing": {"information": {"steps": [8], "range": {"loc": 1.0}}}}, {}),
        ({"information": {"range": {"loc": 0.5}}}, {"estimate_information": 2, **EDITS}),
        ({"figures": {"format": "svg"}}, FIGURES),
        ({"attention": {"steps": [3]}}, {}),
        ({"machine": {"batch_size": 3, "threads": 2}}, {}),
    ],
    ids=[
        "nothing",
        "flags",
        "intervals",
        "flow",
        "moving pictures",
        "captions",
        "draws",
        "the same draws",
        "estimator",
        "figures",
        "attention of the localisation study",
        "machine",
    ],
)
def test_configuration_runs_again_what_it_decides(
    finished_editing: Study, config: dict[str, object] | None, jobs: dict[str, int]
) -> None:
    assert planned(finished_editing, config) == jobs


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("pipeline/infodecomp/flows/karras.py", EDITS),
        ("pipeline/infodecomp/metrics/correlation.py", {**TABLES, **FIGURES}),
        ("pipeline/infodecomp/figures/editing_sheet.py", STRIPS),
        ("pipeline/infodecomp/scenes/classifier.py", {"judge_edits": 1, **TABLES, **CORRELATIONS}),
    ],
    ids=["flow", "correlation", "figures", "judge"],
)
def test_code_runs_again_what_uses_it(editing_study: Study, file: str, jobs: dict[str, int]) -> None:
    editing_study.edit(file, STATEMENT)
    assert planned(editing_study) == jobs


def test_edits_with_draws_of_their_own_do_not_wait_for_the_localisation_study(fresh: Study) -> None:
    config = {"datasets": {"scenes": {"editing": True}}, "editing": {"information": {"steps": [16]}}}
    run = fresh.snakemake("editing", "--dry-run", config=config)
    assert run.status == 0, run.output
    assert "edit_images" in run.jobs and "estimate_information" not in run.jobs


@pytest.mark.slow
def test_the_embedded_model_edits_what_the_caption_says(repository: Path, tmp_path: Path) -> None:
    """With slack, for what the embedded study finds is in docs/editing.md."""
    config = {
        **TINY_EDITING,
        "scenes": {"count": 24},
        "datasets": {"scenes": {"kind": "coco_it", "first": 24}, "scenes_words": None, "generated": None},
        "information": {"budget": {"steps": [24]}},
        "editing": {},
        "statistics": {"bootstrap": 500},
        "machine": {"batch_size": 64},
    }
    study = working_copy(repository, tmp_path / "study", config)
    run = study.snakemake("editing")
    assert run.status == 0, run.output
    checks = pd.read_csv(study.results / "tables/editing_checks.csv").set_index("check")["value"]
    assert checks["psnr_decoded_median"] >= 40
    assert checks["psnr_unchanged_median"] >= checks["psnr_autoencoder_median"] - 1
    assert 0.9 < checks["noise_variance_median"] < 1.1
    assert checks["swap_changes_object_more"] >= 0.8 and checks["unchanged_recognised"] >= 0.8
    table = pd.read_csv(study.results / "tables/editing.csv")
    maps = table[(table["level"] == "pixel") & (table["predictor"] == "cmi_o") & (table["change"] == "latent_l2")]
    assert len(maps) == 2 and (maps["r_low"] > 0.2).all()
    assert_implied_words_are_told_by_their_captions(study)


def assert_implied_words_are_told_by_their_captions(study: Study) -> None:
    """CMI and MI set apart the nouns whose adjective implies them (in the embedded study, all 15 of 100 and no other)."""
    by_word = pd.read_csv(study.results / "tables/editing_by_word.csv")
    measured = by_word[(by_word["context"] == "implied") & (by_word["intervention"] == "omit")].set_index("label")["n"]
    cases = read_cases(study.results / "scenes/cases.parquet")
    written = [IMPLIED.get(case.label, "nothing") in case.prompt_full for case in cases.itertuples()]
    expected = cases.loc[written, "label"].value_counts()
    assert expected.sum() > 0
    assert measured.sub(expected, fill_value=0).abs().sum() <= 0.04 * len(cases)
    change = pd.read_csv(study.results / "tables/editing_implied.csv").set_index(["intervention", "context"])[
        "latent_l2"
    ]
    assert change["omit", "implied"] < 0.5 * change["omit", "not_implied"]
