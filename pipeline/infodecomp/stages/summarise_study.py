"""Sum up what a study did: for each dataset and stage the cases, those that failed and why, evaluations and time."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_columns, write_text
from infodecomp.study.summary_markdown import summary_markdown
from infodecomp.tables.text import csv_text

STAGE = "summarise_study"

_STATUS = {"case_id": "string", "status": "string"}
_EVALUATIONS = {"evaluations": "int64"}
_SCORE = {"score": "string"}
# Scores of captions that share their evaluations.
_SHARED = "i_o", "i_s", "neg_nll"

COLUMNS = ("dataset", "stage", "jobs", "cases", "failed", "reasons", "evaluations", "hours")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the results are, and which of them there should be."""
    parser.add_argument("--results", required=True, type=Path, help="folder of the study")
    parser.add_argument("--cases", nargs="*", default=[], metavar="DATASET", help="datasets")
    parser.add_argument(
        "--stages",
        nargs="*",
        default=[],
        metavar="DATASET/STAGE=SHARDS",
        help="stages with a table of cases: number of its shards, 0 for one table of all cases",
    )
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the tables of all stages, write the summary."""
    done = [Done.of(args.results, text) for text in args.stages]
    rows = [_cases_row(args.results, name) for name in args.cases] + [_row(one) for one in done]
    order = {name: number for number, name in enumerate(args.cases)}
    rows.sort(key=lambda row: order[row["dataset"]])
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    write_text(args.output_dir / "summary.csv", csv_text(table))
    write_text(args.output_dir / "summary.md", summary_markdown(table))
    write_provenance(
        args.output_dir / "summary.provenance.json",
        stage=STAGE,
        section={"stages": list(args.stages)},
        inputs=[args.results / name / "cases.parquet" for name in args.cases],
    )


@dataclass(frozen=True)
class Done:
    """A stage on a dataset: its tables, and the benchmark file of each job."""

    dataset: str
    stage: str
    tables: tuple[Path, ...]
    benchmarks: tuple[Path, ...]

    @classmethod
    def of(cls, results: Path, text: str) -> Done:
        """From DATASET/STAGE=SHARDS; InputError for a text of another form."""
        name, _, count = text.partition("=")
        dataset, _, stage = name.partition("/")
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


def _row(done: Done) -> dict[str, Any]:
    columns = {**_STATUS, **_EVALUATIONS, **(_SCORE if done.stage.startswith("score_") else {})}
    frame = pd.concat([read_columns(path, columns) for path in done.tables], ignore_index=True)
    return {
        "dataset": done.dataset,
        "stage": done.stage,
        "jobs": len(done.tables),
        **_counts(frame),
        "evaluations": _evaluations(frame),
        "hours": _hours(done.benchmarks),
    }


def _counts(frame: pd.DataFrame) -> dict[str, Any]:
    """Cases, failed cases, and how often each reason stands."""
    cases = frame.drop_duplicates("case_id")
    failed = cases.loc[cases["status"] != "ok", "status"]
    reasons = ", ".join(f"{status} {count}" for status, count in failed.value_counts().items())
    return {"cases": len(cases), "failed": len(failed), "reasons": reasons}


def _evaluations(frame: pd.DataFrame) -> int:
    """Evaluations of all cases, each by itself; scores that share theirs count once."""
    if "score" not in frame:
        return int(frame["evaluations"].sum())
    shared = frame["score"].where(~frame["score"].isin(_SHARED), "information")
    return int(frame.groupby(["case_id", shared])["evaluations"].max().sum())


def _hours(benchmarks: Sequence[Path]) -> float:
    """Time of the last run of each job, from the files that Snakemake writes; NaN when one is missing."""
    seconds = list(_seconds(benchmarks))
    return sum(seconds) / 3600 if len(seconds) == len(benchmarks) else math.nan


def _seconds(benchmarks: Sequence[Path]) -> Iterator[float]:
    for path in benchmarks:
        if path.is_file():
            yield float(pd.read_csv(path, sep="\t")["s"].sum())
