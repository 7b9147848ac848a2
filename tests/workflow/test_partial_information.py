"""Pairs of words through their rules: what they leave, and what a change runs again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.datasets.word_pairs import read_pairs
from infodecomp.pairs.estimates import read_information, read_shards
from infodecomp.pairs.parts import PARTS_COLUMNS as WORD_COLUMNS
from infodecomp.runs.storage import read_table
from tests.workflow.study import TINY_PAIRS, Study, working_copy

FIGURES = {"plot_partial_information": 1}
TABLES = {"tabulate_partial_information": 1, **FIGURES}
PARTS = {"gather_parts": 1}
ESTIMATES = {"decompose_information": 1, **PARTS, **TABLES}


@pytest.fixture(scope="module")
def finished_pairs(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working copy in which the pairs of a tiny study have run to their end. Read only."""
    study = working_copy(repository, tmp_path_factory.mktemp("pairs"), TINY_PAIRS)
    run = study.snakemake("partial_information")
    assert run.status == 0, run.output
    return study


def planned(study: Study, config: dict[str, object] | None = None) -> dict[str, int]:
    """What `snakemake partial_information` would run, without the target that only gathers others."""
    run = study.snakemake("partial_information", "--dry-run", config=config)
    assert run.status == 0, run.output
    return {rule: count for rule, count in run.jobs.items() if rule != "partial_information"}


def test_every_pair_has_its_maps_tables_and_figures(finished_pairs: Study) -> None:
    folder, results = finished_pairs.results / "scenes", finished_pairs.results
    pairs = read_pairs(folder / "pair_words/pairs.parquet")
    found = read_shards([folder / "decompose_information/shard-0000.parquet"], pairs)
    assert len(found) == len(pairs) > 2 and set(found["status"]) == {"ok"} and set(found["draws"]) == {8}
    for case in found["case_id"]:
        maps = read_information(folder / "decompose_information/maps" / f"{case}.npz")
        assert maps["alone", "orthogonal"].both.shape == (2, 16, 16)
        assert (maps["given_rest", "orthogonal"].first >= 0).all()
    words = read_table(folder / "gather_parts/words.parquet", WORD_COLUMNS)
    cases = {*pairs["case_first"], *pairs["case_second"]} - {""}
    assert set(words.loc[words["status"] == "ok", "case_id"]) == cases
    assert {path.stem for path in (folder / "gather_parts/maps").glob("*.npz")} == cases
    table = pd.read_csv(results / "tables/partial_information.csv")
    assert len(table) == 8 * len(pairs)
    whole = table[["redundancy", "unique_first", "unique_second", "synergy"]].sum(axis=1)
    np.testing.assert_allclose(whole, table["information_both"], rtol=1e-4, atol=1e-4)
    words = pd.read_csv(results / "tables/partial_information_omitted.csv")
    assert len(words) > 0 and np.isfinite(words["change"]).all()
    for name in ("pair_maps-scenes", "pair_matrices-scenes", "omissions"):
        assert (results / "figures/partial_information" / f"{name}.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("config", "jobs"),
    [
        (None, {}),
        ({"pairs": {"redundancy": "ccs"}}, TABLES),
        ({"pairs": {"map_redundancy": "ccs"}}, PARTS),
        ({"pairs": {"word_prior": "uniform"}}, {**PARTS, **TABLES}),
        ({"pairs": {"sampling": {"replicates": 3}}}, ESTIMATES),
        ({"pairs": {"selection": {"join": "with"}}}, {"pair_words": 1, **ESTIMATES}),
        ({"figures": {"format": "svg"}}, FIGURES),
        ({"machine": {"batch_size": 3, "threads": 2}}, {}),
    ],
)
def test_what_runs_again(finished_pairs: Study, config: dict[str, object] | None, jobs: dict[str, int]) -> None:
    assert planned(finished_pairs, config) == jobs
