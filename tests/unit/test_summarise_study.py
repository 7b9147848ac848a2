"""The summary of a study: what was done, what failed, and how long it took."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.storage import write_table

SHARD = {"case_id": "string", "status": "string", "evaluations": "int64", "total": "float64"}


def shard(path: Path, rows: list[tuple[str, str, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["case_id", "status", "evaluations"])
    write_table(path, frame.assign(total=0.0), SHARD)


def benchmark(path: Path, seconds: float) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t5\n", encoding="utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A dataset in two shards with two failures, and captions scored two ways that share their evaluations."""
    folder = tmp_path / "scenes"
    cases = [
        make_case(dataset="d", image_id=str(n), image_path=f"{n}.png", caption="a dog", word="dog", label="dog")
        for n in range(4)
    ]
    write_cases(folder / "cases.parquet", cases_table(cases))
    shard(folder / "estimate_information" / "shard-0000.parquet", [("a", "ok", 400), ("b", "non_finite", 0)])
    shard(folder / "estimate_information" / "shard-0001.parquet", [("c", "ok", 400), ("d", "image_unreadable", 0)])
    benchmark(folder / "logs" / "estimate_information-0000.tsv", 3600)
    benchmark(folder / "logs" / "estimate_information-0001.tsv", 90)

    write_cases(tmp_path / "pairs" / "cases.parquet", cases_table(cases[:1]))
    scores = [("i_s", 30), ("i_o", 30), ("neg_nll", 20), ("diffitm", 6)]
    rows = [("a", option, score, 0.5, 0.1, evaluations, "ok", "") for score, evaluations in scores for option in (0, 1)]
    frame = pd.DataFrame(rows, columns=list(RETRIEVAL_SCORE_COLUMNS))
    write_table(tmp_path / "pairs" / "score_retrieval" / "shard-0000.parquet", frame, RETRIEVAL_SCORE_COLUMNS)
    write_table(tmp_path / "pairs" / "score_clip" / "scores.parquet", frame[:2], RETRIEVAL_SCORE_COLUMNS)
    benchmark(tmp_path / "pairs" / "logs" / "score_clip.tsv", 12)

    described = tmp_path / "representation" / "factors"
    shard(described / "estimate_representation" / "shard-0000.parquet", [("x", "ok", 84), ("y", "non_finite", 0)])
    benchmark(described / "logs" / "estimate_representation-0000.tsv", 36)

    of_maps = [
        ("a", "cmi", "ok"),
        ("a", "unique", "no_pair"),
        ("b", "cmi", "empty_mask"),
        ("b", "unique", "empty_mask"),
    ]
    blank = {
        "draws": 0,
        "reason": "",
        "average_precision": 0.5,
        "pointing_game": 1.0,
        "named_hotter": 1.0,
        "boxed": False,
    }
    scored = [
        {
            **{"case_id": case, "dataset": "scenes", "image_id": case, "label": "dog", "method": method},
            **{"estimator": "-", "steps": 4, "status": status, "iou": [0.5], **blank},
        }
        for case, method, status in reversed(of_maps)
    ]
    path = tmp_path / "scenes" / "score_localisation" / "scores.parquet"
    write_table(path, pd.DataFrame(scored, columns=list(SCORE_COLUMNS)), SCORE_COLUMNS)
    return tmp_path


def summarise(results: Path) -> int:
    stages = [
        "scenes/estimate_information=2",
        "scenes/score_localisation=0",
        "pairs/score_retrieval=1",
        "pairs/score_clip=0",
        "representation/factors/estimate_representation=1",
    ]
    arguments = ["--results", str(results), "--cases", "scenes", "pairs", "--stages", *stages]
    return main(["summarise_study", *arguments, "--output-dir", str(results / "tables")])


def test_each_stage_has_its_row(results: Path) -> None:
    assert summarise(results) == 0
    table = pd.read_csv(results / "tables" / "summary.csv").set_index(["dataset", "stage"])
    assert [stage for _, stage in table.index] == [
        "cases",
        "estimate_information",
        "score_localisation",
        "cases",
        "score_retrieval",
        "score_clip",
        "estimate_representation",
    ]
    estimates = table.loc[("scenes", "estimate_information")]
    assert estimates[["jobs", "cases", "failed", "evaluations"]].tolist() == [2, 4, 2, 800]
    assert set(estimates["reasons"].split(", ")) == {"non_finite 1", "image_unreadable 1"}
    assert estimates["hours"] == pytest.approx(3690 / 3600, rel=1e-5)
    of_maps = table.loc[("scenes", "score_localisation")]  # a case fails if no method has a score of it
    assert of_maps[["jobs", "cases", "failed", "reasons", "evaluations"]].tolist() == [1, 2, 1, "empty_mask 1", 0]
    scores = table.loc[("pairs", "score_retrieval")]
    assert scores[["jobs", "cases", "failed", "evaluations"]].tolist() == [1, 1, 0, 36]
    assert pd.isna(scores["hours"])  # its benchmark file is not there
    assert table.loc[("pairs", "score_clip"), "hours"] == pytest.approx(12 / 3600, rel=1e-5)
    images = table.loc[("representation/factors", "estimate_representation")]
    assert images[["jobs", "cases", "failed", "evaluations"]].tolist() == [1, 2, 1, 84]
    assert images["hours"] == pytest.approx(36 / 3600, rel=1e-5)


def test_the_summary_for_people(results: Path) -> None:
    assert summarise(results) == 0
    text = (results / "tables" / "summary.md").read_text(encoding="utf-8")
    assert "non_finite 1" in text and "| 2 | 4 | 2 | 800 | 1:01:30 |" in text
    assert "| pairs | score_retrieval | – | 1 | 1 | 0 | 36 | – |" in text


def test_a_missing_table_is_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "pairs" / "score_clip" / "scores.parquet").unlink()
    assert summarise(results) == 1
    assert "score_clip/scores.parquet: no such file" in capsys.readouterr().err


def test_it_does_not_wait_for_torch(repository: Path) -> None:
    code = "import sys, infodecomp.stages.summarise_study; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, check=False).returncode == 0
