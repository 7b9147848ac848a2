"""Published scores of codes and samples, and those of a study that answer them.

A number answers a published one only on the same dataset. That of the embedded world stands beside it as a stand-in, on the
same metric of the same kind of model: other images and another size, so it says nothing about the published number.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

# The columns of data/reference/representation_papers.csv. setting: of FID, the sampler.
PUBLISHED_COLUMNS = ("dataset", "method", "setting", "metric", "value", "error", "protocol", "source")
_NUMBERS = ("value", "error")

# A row a published number. ours, stand_in: NaN where the study has none; …_error: the spread over seeds, else the standard
# error over images; …_score: which score of the study it is, with its learner or network of features.
PAPER_COLUMNS = {
    **dict.fromkeys(("dataset", "method", "setting", "metric"), "string"),
    **dict.fromkeys(("published", "published_error"), "float64"),
    **{
        f"{who}{suffix}": kind
        for who in ("ours", "stand_in")
        for suffix, kind in (("", "float64"), ("_error", "float64"), ("_score", "string"))
    },
    **dict.fromkeys(("protocol", "source"), "string"),
}

# Published name → model of this project that is made in the same way.
MODELS = {"InfoDiffusion": "infodiffusion", "DiffAE": "diffae", "EncDiff": "tokens"}
# The world that is drawn, not a published dataset.
_EMBEDDED = "factors"
# Published metric → scores of a study, the first that it has; they end in a learner or a network of features.
_SCORES = {
    "dci_d": ("dci_d_gradient_boosting", "dci_d_random_forest", "dci_d_linear"),
    "fid": ("fid_inception", "fid_dinov2", "fid_classifier"),
    **{name: (name,) for name in ("factor_vae", "mig", "tad")},
}


class Answer(NamedTuple):
    """A number of a study, its error, and which score it is."""

    value: float = float("nan")
    error: float = float("nan")
    score: str = ""


def read_published(path: Path) -> pd.DataFrame:
    """The published numbers; InputError naming the line of one that is none, or of a metric that is not known."""
    try:
        frame = pd.read_csv(checked(path), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable CSV ({error}).") from error
    if missing := [name for name in PUBLISHED_COLUMNS if name not in frame]:
        raise InputError(f"{path}: the columns {', '.join(missing)} are missing; it has {', '.join(frame.columns)}.")
    for line, row in enumerate(frame.to_dict("records"), start=2):
        if row["metric"] not in _SCORES:
            raise InputError(f"{path}, line {line}: metric is {row['metric']!r}; allowed are {', '.join(_SCORES)}.")
    for name in _NUMBERS:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        wrong = numbers.isna() & ~((frame[name] == "") & (name == "error"))
        if wrong.any():
            line = int(np.flatnonzero(wrong)[0])
            raise InputError(f"{path}, line {line + 2}: {name} is {frame[name][line]!r}; give a number.")
        frame[name] = numbers
    return frame


def compare(published: pd.DataFrame, quality: pd.DataFrame, samples: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """A row a published number, with `PAPER_COLUMNS`.

    published: of `read_published`. quality, samples: of a study on `dataset`, as `quality_columns.over_seeds` makes them.
    """
    rows = []
    for row in published.to_dict("records"):
        found = _answer(row, quality, samples) if dataset in (row["dataset"], _EMBEDDED) else Answer()
        ours, stand_in = (Answer(), found) if dataset == _EMBEDDED else (found, Answer())
        rows.append(
            {
                **{name: row[name] for name in ("dataset", "method", "setting", "metric", "protocol", "source")},
                **{"published": row["value"], "published_error": row["error"]},
                **_columns("ours", ours),
                **_columns("stand_in", stand_in),
            }
        )
    return pd.DataFrame(rows, columns=list(PAPER_COLUMNS))


def _answer(published: Mapping[Any, Any], quality: pd.DataFrame, samples: pd.DataFrame) -> Answer:
    """The study's score of the same kind of model: of the code as it is drawn, or of the published sampler."""
    table, column = (samples, "sampler") if published["metric"] == "fid" else (quality, "code")
    wanted = published["setting"] if published["metric"] == "fid" else "z"
    of_model = table[(table["model"] == MODELS.get(published["method"])) & (table[column] == wanted)]
    for score in _SCORES[published["metric"]]:
        found = of_model[(of_model["score"] == score) & of_model["value"].notna()]
        if len(found):
            row = found.iloc[0]
            error = row["spread"] if np.isfinite(row["spread"]) else row["error"]
            return Answer(float(row["value"]), float(error), score)
    return Answer()


def _columns(who: str, found: Answer) -> dict[str, float | str]:
    return {who: found.value, f"{who}_error": found.error, f"{who}_score": found.score}
