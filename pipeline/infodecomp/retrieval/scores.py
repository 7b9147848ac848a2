"""The table of retrieval scores that every method writes: one row per case, caption option and score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_table

# The higher the value, the better the caption fits. A failed case keeps its rows, with value NaN and its status.
RETRIEVAL_SCORE_COLUMNS: dict[str, str] = {
    "case_id": "string",
    "option": "int64",  # index in the option list of the case
    "score": "string",  # i_o, i_s, neg_nll, diffitm, clip, hardneg_diffitm or text_only
    "value": "float64",
    "error": "float64",  # standard error of the value, NaN if there is none
    "evaluations": "int64",  # denoiser evaluations for this score of the whole case
    "status": "string",  # "ok" or a failure code
    "reason": "string",  # "" or one sentence
}


def read_retrieval_scores(paths: Sequence[Path], cases: pd.DataFrame) -> pd.DataFrame:
    """Read all score files of one dataset into one frame, in the order of the files.

    Args:
        paths: tables of `RETRIEVAL_SCORE_COLUMNS`: shards of one method and files of several.
        cases: the cases table of the dataset.

    Raises:
        InputError: rows of unknown cases, of unknown options, duplicate rows (within or across files), or rows with
            status "ok" whose value is not finite; one sentence per kind of fault and file.
    """
    tables = [read_table(path, RETRIEVAL_SCORE_COLUMNS) for path in paths]
    if not tables:
        return pd.DataFrame(columns=list(RETRIEVAL_SCORE_COLUMNS))
    scores = pd.concat(tables, ignore_index=True)
    file = np.repeat(np.arange(len(tables)), [len(table) for table in tables])  # (rows,)
    line = np.concatenate([np.arange(len(table)) for table in tables])  # (rows,) number of a row in its file
    faults = _faults(scores, cases)
    problems = [
        f"{path}, row {line[rows[0]]}{_more(len(rows) - 1)}: {fault.sentence(scores.loc[rows[0]])}"
        for number, path in enumerate(paths)
        for fault in faults
        if len(rows := np.flatnonzero(fault.rows & (file == number)))
    ]
    if problems:
        raise InputError("\n".join(problems))
    return scores


@dataclass(frozen=True)
class CaseScores:
    """Scores of one method, one row per case of the cases table.

    values: (n, M) float64, higher is better; NaN throughout for a failed case; −inf beyond the last option of a case.
    evaluations: (n,) int64, denoiser evaluations of the case for this score.
    """

    values: np.ndarray
    evaluations: np.ndarray


def scores_by_case(scores: pd.DataFrame, cases: pd.DataFrame, method: str) -> CaseScores:
    """Arrange the scores of one method by case and option.

    A case has failed if its own status or that of one of its rows is not "ok", or if a row is missing
    (`missing_scores` reports those).

    Args:
        scores: rows of `RETRIEVAL_SCORE_COLUMNS` without duplicates.
        cases: the cases table of the dataset.
        method: the score.
    """
    counts = option_counts(cases)  # (n,)
    width = max(1, counts.max(initial=0))
    rows = _usable_rows(scores, cases, method)
    case, option = (rows[name].to_numpy(dtype=np.int64) for name in ("case", "option"))
    values = np.where(np.arange(width) < counts[:, None], np.nan, -np.inf)  # (n, M)
    values[case, option] = np.where(rows["status"] == "ok", rows["value"], np.nan)
    values[(counts == 0) | np.isnan(values).any(axis=1)] = np.nan
    evaluations = np.zeros(len(cases), dtype=np.int64)
    np.maximum.at(evaluations, case, rows["evaluations"].to_numpy(dtype=np.int64))
    return CaseScores(values, evaluations)


def missing_scores(dataset: str, scores: pd.DataFrame, cases: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """One sentence for each method with missing rows; every option of every case with status "ok" needs one.

    Args:
        dataset: its name, for the sentences.
        scores: rows of `RETRIEVAL_SCORE_COLUMNS` without duplicates.
        cases: the cases table of the dataset.
        methods: the scores that are needed.
    """
    counts, problems = option_counts(cases), []
    for method in methods:
        rows = _usable_rows(scores, cases, method)
        found = np.bincount(rows["case"].to_numpy(), minlength=len(cases))
        lacking = np.flatnonzero(found < counts)
        if len(lacking):
            first = lacking[0]
            present = set(rows.loc[rows["case"] == first, "option"])
            option = min(set(range(counts[first])) - present)
            problems.append(
                f"{dataset}: {method} has no score for option {option} of case {cases['case_id'].iloc[first]}"
                f"{_more(len(lacking) - 1, 'case')}; expected one for every option of every case with status ok."
            )
    return problems


def option_counts(cases: pd.DataFrame) -> np.ndarray:
    """Number of options of each case, (n,) int64; 0 for a case whose status is not "ok": it cannot be scored."""
    counts = np.array([len(options) for options in cases["options"]], dtype=np.int64)
    return np.where(cases["status"] == "ok", counts, 0)


def _usable_rows(scores: pd.DataFrame, cases: pd.DataFrame, method: str) -> pd.DataFrame:
    """Rows of a method for cases with status "ok", with the position of the case as column `case`."""
    rows = scores[scores["score"] == method]
    position = dict(zip(cases["case_id"], range(len(cases)), strict=True))
    rows = rows.assign(case=rows["case_id"].map(position).astype(np.int64))
    return rows[option_counts(cases)[rows["case"].to_numpy(dtype=np.int64)] > 0]


class _Fault(NamedTuple):
    """A kind of fault: the rows that have it, (rows,) bool, and a sentence about one of them."""

    rows: np.ndarray
    sentence: Callable[[Any], str]


def _faults(scores: pd.DataFrame, cases: pd.DataFrame) -> list[_Fault]:
    counts = dict(zip(cases["case_id"], option_counts(cases), strict=True))
    allowed = scores["case_id"].map(counts)  # NaN for an unknown case
    option = scores["option"]
    return [
        _Fault(
            allowed.isna().to_numpy(),
            lambda row: f"`case_id` is {row.case_id!r}; expected a case of the cases table.",
        ),
        _Fault(
            ((allowed > 0) & ((option < 0) | (option >= allowed))).to_numpy(),
            lambda row: f"`option` is {row.option}; case {row.case_id} has {counts[row.case_id]} options, from 0.",
        ),
        _Fault(
            scores.duplicated(["case_id", "option", "score"]).to_numpy(),
            lambda row: f"{row.score} of option {row.option} of case {row.case_id} is there twice; expected once.",
        ),
        _Fault(
            ((scores["status"] == "ok") & ~np.isfinite(scores["value"])).to_numpy(),
            lambda row: f"`value` is {row.value} and `status` ok; expected a finite number.",
        ),
    ]


def _more(count: int, what: str = "row") -> str:
    return f" (and {count} more {what}{'s' * (count > 1)})" if count else ""
