"""Turn the retrieval scores of all datasets into the accuracy table, the table by group and the paired comparisons."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import RetrievalDatasetSection, RetrievalSection, parse_section, parse_sections
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.datasets.symmetric_relations import read_symmetric_relations
from infodecomp.maps.one_model import check_one_model
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.retrieval import (
    Decisions,
    GroupCredits,
    Pairing,
    credits_by_group,
    decide,
    large_groups,
    macro_accuracy,
    pair_decisions,
    wilson_interval,
)
from infodecomp.retrieval.markdown import retrieval_markdown
from infodecomp.retrieval.scores import missing_scores, option_counts, read_retrieval_scores, scores_by_case
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.shipped import shipped
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_retrieval"

# Accuracies and chance are fractions. `ties` counts the cases that the policy for ties is for; dropped ones are not in n.
TABLE_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "method": "string",
    "n": "int64",
    "n_failed": "int64",
    "ties": "int64",
    "micro": "float64",
    "micro_low": "float64",
    "micro_high": "float64",
    "macro": "float64",
    "macro_low": "float64",
    "macro_high": "float64",
    "macro_asymmetric": "float64",
    "chance": "float64",
    "evaluations_per_case": "float64",
}

# One row a dataset, group and method; `change` is the accuracy less that of clip.
GROUP_COLUMNS = [
    *("dataset", "group", "symmetric", "method"),
    *("n", "n_failed", "accuracy", "low", "high", "change", "mark"),
]

# One row a dataset and two methods; the counts and accuracies are of the cases that both decided.
PAIR_COLUMNS = ["dataset", "method_a", "method_b", *(field.name for field in fields(Pairing))]

BASELINE = "clip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases and the scores of each dataset, which may lie in several files."""
    parser.add_argument("--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet a dataset")
    parser.add_argument("--scores", nargs="+", required=True, metavar="DATASET=PATH", help="score files, names repeat")
    parser.add_argument("--datasets", required=True, help="the retrieval_datasets section of the configuration, JSON")
    parser.add_argument("--section", required=True, help="the retrieval section of the configuration, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read cases and scores, summarise them, write the tables."""
    section = parse_section(RetrievalSection, args.section)
    datasets = parse_sections(RetrievalDatasetSection, "--datasets", args.datasets)
    cases, scores = named_path("--cases", args.cases), named_paths("--scores", args.scores)
    _check_names(datasets, cases, scores)
    check_one_model(path for paths in scores.values() for path in paths)
    symmetric_file = shipped(section.symmetric_relations)
    symmetric = read_symmetric_relations(symmetric_file)
    data = _read_datasets(cases, scores, datasets, section)
    summaries = [summarise(dataset, section, symmetric, args.seed) for dataset in data]
    table = pd.DataFrame([row for summary in summaries for row in summary.rows], columns=list(TABLE_COLUMNS))
    folder = args.output_dir
    text = retrieval_markdown(table, section, datasets)
    write_table(folder / "retrieval.parquet", table, TABLE_COLUMNS)
    write_text(folder / "retrieval.csv", csv_text(table))
    write_text(folder / "retrieval.md", text)
    write_text(folder / "retrieval_by_group.csv", csv_text(pd.concat([s.by_group for s in summaries])))
    write_text(folder / "retrieval_paired.csv", csv_text(pd.concat([s.paired for s in summaries])))
    write_provenance(
        folder / "retrieval.provenance.json",
        stage=STAGE,
        section={
            "retrieval": section.model_dump(mode="json", exclude_unset=True),
            "retrieval_datasets": {name: datasets[name].model_dump(mode="json") for name in cases},
        },
        inputs=[*cases.values(), *(path for paths in scores.values() for path in paths), symmetric_file],
        extra={"seed": args.seed},
    )
    print(text)


@dataclass(frozen=True)
class DatasetScores:
    """One dataset: its name and section, cases (rows of the cases table) and complete scores."""

    name: str
    section: RetrievalDatasetSection
    cases: pd.DataFrame
    scores: pd.DataFrame


@dataclass(frozen=True)
class Summary:
    """What the tables say of one dataset.

    rows: of `TABLE_COLUMNS`. by_group, paired: of `GROUP_COLUMNS` and `PAIR_COLUMNS`.
    """

    rows: list[dict[str, Any]]
    by_group: pd.DataFrame
    paired: pd.DataFrame


@dataclass(frozen=True)
class _Groups:
    """The groups of a dataset: names (G,), the group of each case (n,), −1 for none, and which count where, (G,)."""

    names: list[str]
    of_case: np.ndarray
    symmetric: np.ndarray
    large: np.ndarray

    @classmethod
    def of(cls, dataset: DatasetScores, symmetric: Set[str]) -> _Groups:
        names = sorted(set(dataset.cases["group"]) - {""})
        index = {name: number for number, name in enumerate(names)}
        of_case = np.array([index.get(group, -1) for group in dataset.cases["group"]], dtype=np.int64)
        relations = dataset.section.kind == "vg_relation"
        reads_the_same = np.array([relations and name in symmetric for name in names], dtype=bool)
        return cls(names, of_case, reads_the_same, large_groups(of_case, len(names), dataset.section.minimum_group))


def summarise(dataset: DatasetScores, section: RetrievalSection, symmetric: Set[str], seed: int) -> Summary:
    """Summary of one dataset, in the order of the configured methods; all share the resamples of the groups.

    Args:
        dataset: its cases and scores.
        section: methods, policy for ties, resamples, confidence and the change that is marked.
        symmetric: relations that read the same both ways.
        seed: of the resamples.
    """
    groups = _Groups.of(dataset, symmetric)
    weights = resample_weights(
        int(groups.large.sum()), section.bootstrap, generator(seed, dataset.name, "bootstrap over groups")
    )
    counts = option_counts(dataset.cases)
    truth, same_text = _true_options(dataset.cases, counts)
    chance = float((1.0 / counts[counts > 0]).mean()) if (counts > 0).any() else float("nan")
    rows, decisions, credits = [], dict[str, Decisions](), dict[str, GroupCredits]()
    for method in section.methods:
        scores = scores_by_case(dataset.scores, dataset.cases, method)
        made = decide(scores.values, truth, same_text, section.ties)
        by_group = credits_by_group(made.credit, groups.of_case, len(groups.names))
        decisions[method], credits[method] = made, by_group
        rows.append(
            {
                "dataset": dataset.name,
                "method": method,
                **_micro(made, section.confidence),
                **_macro(by_group, groups, weights, section.confidence, dataset.section.kind),
                "chance": chance,
                "evaluations_per_case": _mean(scores.evaluations[made.scored]),
            }
        )
    return Summary(
        rows,
        _by_group(dataset.name, decisions, credits, groups, section),
        _paired(dataset.name, decisions),
    )


def _true_options(cases: pd.DataFrame, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the true option, (n,), and which options read like it, (n, M); option 0 alone where there is none."""
    truth = np.where(counts > 0, cases["truth"], 0).astype(np.int64)
    same_text = np.zeros((len(cases), max(1, counts.max(initial=0))), dtype=bool)
    same_text[np.arange(len(cases)), truth] = True
    for row, options in enumerate(cases["options"]):
        for option in range(counts[row]):
            same_text[row, option] = options[option] == options[truth[row]]
    return truth, same_text


def _micro(decisions: Decisions, confidence: float) -> dict[str, Any]:
    counted = decisions.credit[np.isfinite(decisions.credit)]
    low, high = wilson_interval(counted.sum(), np.array(len(counted)), confidence)
    return {
        "n": len(counted),
        "n_failed": int((~decisions.scored).sum()),
        "ties": int(decisions.tied.sum()),
        "micro": _mean(counted),
        "micro_low": float(low),
        "micro_high": float(high),
    }


def _macro(
    credits: GroupCredits, groups: _Groups, weights: np.ndarray, confidence: float, kind: str
) -> dict[str, float]:
    """Means over the large groups; without symmetric relations only where groups are relations."""
    macro = macro_accuracy(credits.accuracy[groups.large], weights, confidence)
    asymmetric = credits.accuracy[groups.large & ~groups.symmetric]
    return {
        "macro": macro.value,
        "macro_low": macro.low,
        "macro_high": macro.high,
        "macro_asymmetric": _mean(asymmetric[np.isfinite(asymmetric)]) if kind == "vg_relation" else float("nan"),
    }


def _by_group(
    dataset: str,
    decisions: Mapping[str, Decisions],
    credits: Mapping[str, GroupCredits],
    groups: _Groups,
    section: RetrievalSection,
) -> pd.DataFrame:
    """Accuracy of each group, small ones too, with its change against the baseline; sorted by group, then method."""
    tables = []
    for method, by_group in credits.items():
        low, high = wilson_interval(by_group.credit, by_group.count, section.confidence)
        unscored = groups.of_case[~decisions[method].scored & (groups.of_case >= 0)]
        change = np.full(len(groups.names), np.nan)
        if method != BASELINE and BASELINE in credits:
            change = by_group.accuracy - credits[BASELINE].accuracy
        tables.append(
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "group": groups.names,
                    "symmetric": groups.symmetric,
                    "method": method,
                    "n": by_group.count,
                    "n_failed": np.bincount(unscored, minlength=len(groups.names)),
                    "accuracy": by_group.accuracy,
                    "low": low,
                    "high": high,
                    "change": change,
                    "mark": [_mark(value, section.mark_change) for value in change],
                },
                columns=GROUP_COLUMNS,
            )
        )
    return pd.concat(tables).sort_values("group", kind="stable")


def _mark(change: float, beyond: float) -> str:
    """▲ or ▼ beyond the limit; a change of exactly the limit, up to rounding, is not beyond it."""
    if not abs(change) > beyond + 1e-9:
        return ""
    return "▲" if change > 0 else "▼"


def _paired(dataset: str, decisions: Mapping[str, Decisions]) -> pd.DataFrame:
    rows = [
        {"dataset": dataset, "method_a": a, "method_b": b, **asdict(pair_decisions(decisions[a], decisions[b]))}
        for a, b in combinations(decisions, 2)
    ]
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _check_names(
    datasets: Mapping[str, RetrievalDatasetSection],
    cases: Mapping[str, Path],
    scores: Mapping[str, Sequence[Path]],
) -> None:
    """InputError unless every dataset has a cases table, a section and at least one score file, and no others do."""
    problems = [f"--datasets lacks {name}, which --cases names." for name in cases if name not in datasets]
    problems += [f"--scores lacks {name}, which --cases names." for name in cases if name not in scores]
    problems += [f"--cases lacks {name}, which --scores names." for name in scores if name not in cases]
    if problems:
        raise InputError("\n".join(problems))


def _read_datasets(
    cases: Mapping[str, Path],
    scores: Mapping[str, Sequence[Path]],
    datasets: Mapping[str, RetrievalDatasetSection],
    section: RetrievalSection,
) -> list[DatasetScores]:
    """Cases and scores of every dataset, in the order of the cases; InputError with every fault of all datasets."""
    read, problems = [], list[str]()
    for name, path in cases.items():
        try:
            frame = read_retrieval_cases(path)
            table = read_retrieval_scores(scores[name], frame)
        except InputError as error:
            problems.append(str(error))
            continue
        problems += missing_scores(name, table, frame, section.methods)
        read.append(DatasetScores(name, datasets[name], frame, table))
    if problems:
        raise InputError("\n".join(problems))
    return read
