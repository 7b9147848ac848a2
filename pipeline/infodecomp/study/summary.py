"""What a study did: for each dataset and stage the cases, those that failed and why, evaluations and time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_columns

_STATUS = {"case_id": "string", "status": "string"}
_EVALUATIONS = {"evaluations": "int64"}
_SCORE = {"score": "string"}
# Scores of maps, of every method; they evaluate nothing.
_OF_MAPS = "score_localisation"
# Scores of captions that are made from the same evaluations.
_SHARED = "i_o", "i_s", "neg_nll"

SUMMARY_COLUMNS = ("dataset", "stage", "jobs", "cases", "failed", "reasons", "evaluations", "hours")


def summary_table(results: Path, datasets: Sequence[str], stages: Sequence[FinishedStage]) -> pd.DataFrame:
    """One row of `SUMMARY_COLUMNS` per dataset and stage, in the order of the datasets; their cases first.

    Args:
        results: folder of the study.
        datasets: every dataset with a table of cases.
        stages: what ran on them, and on what has no table of cases, such as representation/factors; these come last.
    """
    rows = [_cases_row(results, name) for name in datasets] + [_row(one) for one in stages]
    order = {name: number for number, name in enumerate(dict.fromkeys([*datasets, *(one.dataset for one in stages)]))}
    rows.sort(key=lambda row: order[row["dataset"]])
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


@dataclass(frozen=True)
class FinishedStage:
    """A stage on a dataset: its tables, and the benchmark file of each job."""

    dataset: str
    stage: str
    tables: tuple[Path, ...]
    benchmarks: tuple[Path, ...]

    @classmethod
    def of(cls, results: Path, text: str) -> FinishedStage:
        """Parse DATASET/STAGE=SHARDS; 0 shards mean one table of all cases. InputError for any other text."""
        name, _, count = text.partition("=")
        dataset, _, stage = name.rpartition("/")
        if not (dataset and stage and count.isdecimal()):
            raise InputError(f"--stages {text}: expected DATASET/STAGE=SHARDS, such as scenes/estimate_information=2.")
        shards = [f"{number:04d}" for number in range(int(count))]
        names = [f"shard-{shard}.parquet" for shard in shards] or ["scores.parquet"]
        times = [f"{stage}-{shard}.tsv" for shard in shards] or [f"{stage}.tsv"]
        folder = results / dataset
        return cls(
            dataset,
            stage,
            tuple(folder / stage / file for file in names),
            tuple(folder / "logs" / file for file in times),
        )


def _cases_row(results: Path, dataset: str) -> dict[str, Any]:
    frame = read_columns(results / dataset / "cases.parquet", _STATUS)
    return {"dataset": dataset, "stage": "cases", "jobs": 1, **_counts(frame), "evaluations": 0, "hours": math.nan}


def _row(done: FinishedStage) -> dict[str, Any]:
    columns = dict(_STATUS)
    if done.stage != _OF_MAPS:
        columns |= {**_EVALUATIONS, **(_SCORE if done.stage.startswith("score_") else {})}
    frame = pd.concat([read_columns(path, columns) for path in done.tables], ignore_index=True)
    if done.stage == _OF_MAPS:
        # A case fails if no method has a score of it; a missing map of one method is a failure of the stage that makes it.
        frame = frame.assign(evaluations=0).sort_values("status", key=lambda status: status != "ok", kind="stable")
    return {
        "dataset": done.dataset,
        "stage": done.stage,
        "jobs": len(done.tables),
        **_counts(frame),
        "evaluations": _evaluations(frame),
        "hours": _hours(done.benchmarks),
    }


def _counts(frame: pd.DataFrame) -> dict[str, Any]:
    """Cases, failed cases, and the count of each reason."""
    cases = frame.drop_duplicates("case_id")
    failed = cases.loc[cases["status"] != "ok", "status"]
    reasons = ", ".join(f"{status} {count}" for status, count in failed.value_counts().items())
    return {"cases": len(cases), "failed": len(failed), "reasons": reasons}


def _evaluations(frame: pd.DataFrame) -> int:
    """Sum over the cases; scores that share their evaluations count once."""
    if "score" not in frame:
        return int(frame["evaluations"].sum())
    shared = frame["score"].where(~frame["score"].isin(_SHARED), "information")
    return int(frame.groupby(["case_id", shared])["evaluations"].max().sum())


def _hours(benchmarks: Sequence[Path]) -> float:
    """Time of the last run of each job, from Snakemake's benchmark files; NaN if one is missing."""
    seconds = list(_seconds(benchmarks))
    return sum(seconds) / 3600 if len(seconds) == len(benchmarks) else math.nan


def _seconds(benchmarks: Sequence[Path]) -> Iterator[float]:
    for path in benchmarks:
        if path.is_file():
            yield float(pd.read_csv(path, sep="\t")["s"].sum())
