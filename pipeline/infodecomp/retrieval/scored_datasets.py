"""Read the cases and the scores of all retrieval sets, and check that every score is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from infodecomp.config import RetrievalDatasetSection
from infodecomp.config.settings import TabulateRetrieval
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.retrieval.scores import missing_scores, read_retrieval_scores
from infodecomp.runs.errors import InputError


@dataclass(frozen=True)
class ScoredDataset:
    """One retrieval set: its name and section, its cases table, and a score of every option by every method."""

    name: str
    section: RetrievalDatasetSection
    cases: pd.DataFrame
    scores: pd.DataFrame


def read_scored_datasets(
    cases: Mapping[str, Path],
    scores: Mapping[str, Sequence[Path]],
    datasets: Mapping[str, RetrievalDatasetSection],
    section: TabulateRetrieval,
) -> list[ScoredDataset]:
    """Cases and scores of every dataset, in the order of `cases`.

    Args:
        cases: dataset → its cases table.
        scores: dataset → its tables of scores, shards of one method and files of several.
        datasets: dataset → its section.
        section: the methods that need a score.

    Raises:
        InputError: every fault of all datasets: names that do not match, rows that are wrong, scores that are missing.
    """
    _check_names(datasets, cases, scores)
    read, problems = [], list[str]()
    for name, path in cases.items():
        try:
            frame = read_retrieval_cases(path)
            table = read_retrieval_scores(scores[name], frame)
        except InputError as error:
            problems.append(str(error))
            continue
        problems += missing_scores(name, table, frame, section.methods)
        read.append(ScoredDataset(name, datasets[name], frame, table))
    if problems:
        raise InputError("\n".join(problems))
    return read


def _check_names(
    datasets: Mapping[str, RetrievalDatasetSection],
    cases: Mapping[str, Path],
    scores: Mapping[str, Sequence[Path]],
) -> None:
    """InputError unless the three name the same datasets; a section may be left over."""
    problems = [f"--settings lacks {name}, which --cases names." for name in cases if name not in datasets]
    problems += [f"--scores lacks {name}, which --cases names." for name in cases if name not in scores]
    problems += [f"--cases lacks {name}, which --scores names." for name in scores if name not in cases]
    if problems:
        raise InputError("\n".join(problems))
