"""The retrieval study through its rules: what it leaves, and what a change runs again."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.retrieval.scores import read_retrieval_scores
from tests.workflow.study import Study

SETS = {"scenes_vg_relation": 2, "scenes_coco_order": 5}
METHODS = ["i_o", "i_s", "neg_nll", "diffitm", "clip", "hardneg_diffitm", "text_only"]
FIGURES = {"plot_retrieval": 1, "retrieval": 1}
TABLES = {"tabulate_retrieval": 1, **FIGURES}
SCORES = {"score_retrieval": 4, **TABLES}
STATEMENT = "\n\nANOTHER_CONSTANT = 1\n"


def planned(study: Study, config: dict[str, object] | None = None) -> dict[str, int]:
    """The plan for the retrieval part, without the target that only gathers others."""
    run = study.snakemake("retrieval", "--dry-run", config=config)
    assert run.status == 0, run.output
    return without_targets(run.jobs)


def without_targets(jobs: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in jobs.items() if rule != "retrieval"}


def test_every_line_of_the_tables_is_there(finished_retrieval: Study) -> None:
    tables = finished_retrieval.results / "tables"
    table = pd.read_csv(tables / "retrieval.csv")
    assert {name: tuple(rows["method"]) for name, rows in table.groupby("dataset")} == dict.fromkeys(
        SETS, tuple(METHODS)
    )
    assert (table["n"] + table["n_failed"] == 4).all() and (table["n_failed"] == 0).all()
    assert table["micro"].between(0, 1).all() and (table["micro_low"] <= table["micro"]).all()
    assert set(table.loc[table["dataset"] == "scenes_vg_relation", "chance"]) == {0.5}
    free = table["method"].isin(["clip", "text_only"])  # they run no denoiser
    assert (table.loc[free, "evaluations_per_case"] == 0).all()
    assert (table.loc[~free, "evaluations_per_case"] > 0).all()
    groups = pd.read_csv(tables / "retrieval_by_group.csv")
    assert set(groups["dataset"]) == {"scenes_vg_relation"} and set(groups["method"]) == set(METHODS)
    pairs = pd.read_csv(tables / "retrieval_paired.csv")
    assert len(pairs) == len(SETS) * len(METHODS) * (len(METHODS) - 1) / 2
    assert (pairs["p"].between(0, 1) | (pairs["n"] == 0)).all()
    assert "| scenes_coco_order" in (tables / "retrieval.md").read_text(encoding="utf-8")
    for name in ("accuracy", "relations", "budget"):
        assert (finished_retrieval.results / "figures" / "retrieval" / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize(("name", "options"), SETS.items())
def test_every_case_has_every_score(finished_retrieval: Study, name: str, options: int) -> None:
    folder = finished_retrieval.results / name
    cases = read_retrieval_cases(folder / "cases.parquet")
    assert len(cases) == 4 and {len(one) for one in cases["options"]} == {options}
    files = [*folder.glob("score_*/shard-*.parquet"), *folder.glob("score_*/scores.parquet")]
    scores = read_retrieval_scores(files, cases)
    assert len(scores) == 4 * options * len(METHODS) and scores["value"].notna().all()


def test_a_finished_study_has_nothing_to_do(finished_retrieval: Study) -> None:
    assert planned(finished_retrieval) == {}


@pytest.mark.parametrize(
    ("config", "jobs"),
    [
        ({"retrieval": {"table": {"ties": "wrong"}}}, TABLES),
        ({"retrieval": {"scoring": {"steps": [8]}}}, SCORES),
        ({"information": {"range": {"clip": 2.5}}}, SCORES),
        ({"information": {"budget": {"steps": [6]}}}, {}),
        ({"figures": {"format": "svg"}}, FIGURES),
        ({"machine": {"batch_size": 3, "threads": 2}}, {}),
    ],
    ids=["ties", "draws", "range", "other draws", "figures", "machine"],
)
def test_configuration_runs_again_what_it_decides(
    retrieval_study: Study, config: dict[str, object], jobs: dict[str, int]
) -> None:
    assert planned(retrieval_study, config) == without_targets(jobs)


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("pipeline/infodecomp/figures/retrieval_budget.py", FIGURES),
        ("pipeline/infodecomp/metrics/retrieval.py", TABLES),
        (
            "pipeline/infodecomp/estimator/racing.py",
            {"score_second_model": 4, **SCORES},
        ),  # one stage scores with both models
        ("pipeline/infodecomp/words/ngram.py", {"score_text": 2, **TABLES}),
    ],
    ids=["figures", "metrics", "racing", "n-gram"],
)
def test_code_runs_again_what_uses_it(retrieval_study: Study, file: str, jobs: dict[str, int]) -> None:
    retrieval_study.edit(file, STATEMENT)
    assert planned(retrieval_study) == without_targets(jobs)


def test_another_second_model_joins_without_running_the_first_again(retrieval_study: Study) -> None:
    """The same model as its own rival: its norms are those of diffitm."""
    shutil.copytree(retrieval_study.folder / "data/models/scenes", retrieval_study.folder / "second")
    config = {"models": {"hardneg_diffitm": {"id": "second", "lora": None}}}
    run = retrieval_study.snakemake("retrieval", config=config)
    assert run.status == 0, run.output
    assert without_targets(run.jobs) == without_targets({"score_second_model": 4, **TABLES})
    table = pd.read_csv(retrieval_study.results / "tables" / "retrieval.csv").set_index(["dataset", "method"])
    for name in SETS:
        assert table.loc[(name, "hardneg_diffitm"), "micro"] == table.loc[(name, "diffitm"), "micro"]
