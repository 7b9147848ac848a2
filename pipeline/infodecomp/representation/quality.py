"""How good a code is, as a table: what linear models read from it, and how its dimensions are divided among the factors.

One row a score: of the code z as it was drawn and of its mean μ, with a standard error over images. Scores of a factor have
its name; others have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from infodecomp.representation.disentanglement import Coded, Scoring, disentanglement_scores
from infodecomp.representation.probes import classify, explained_variance
from infodecomp.representation.quality_columns import QUALITY_COLUMNS
from infodecomp.representation.spread import Score, with_errors
from infodecomp.runs.seeds import generator


@dataclass(frozen=True)
class JudgedImages:
    """What is known of the images whose codes are judged.

    classes: name → values, int64 (n,). measures: name → values, float64 (n,), of attributes whose values are ordered; a name
    may be in both. held_out: bool (n,).
    """

    classes: Mapping[str, np.ndarray]
    measures: Mapping[str, np.ndarray]
    held_out: np.ndarray


def code_quality(model: str, codes: Mapping[str, np.ndarray], images: JudgedImages, scoring: Scoring) -> pd.DataFrame:
    """The rows of a model, with `QUALITY_COLUMNS`.

    Args:
        model: its name.
        codes: "z" and "mu" → float (n, d).
        images: their attributes; without any, the table has no rows.
        scoring: learners, repeats, seed.
    """
    rows = []
    for name, code in codes.items():
        for (score, factor), found in _scores(code, images, scoring).items():
            rows.append((model, name, score, factor, found.value, found.error, len(code)))
    return pd.DataFrame(rows, columns=list(QUALITY_COLUMNS)).astype({"images": "int64"})


def _scores(code: np.ndarray, images: JudgedImages, scoring: Scoring) -> dict[tuple[str, str], Score]:
    rng = generator(scoring.seed, "quality", "halves")
    probes = with_errors(lambda rows: _probes(code, images, rows), len(code), scoring.repeats, rng)
    found = {(name.partition(" ")[0], name.partition(" ")[2]): score for name, score in probes.items()}
    if len(images.classes) > 1 and code.shape[1] > 1:
        factors = np.stack(list(images.classes.values()), axis=1)
        divided = disentanglement_scores(Coded(code, factors, images.held_out), scoring)
        found |= {(name, ""): score for name, score in divided.items()}
    return found


def _probes(code: np.ndarray, images: JudgedImages, rows: np.ndarray) -> dict[str, float]:
    """Name of a score and a factor → value, of the images of these numbers."""
    train = ~images.held_out[rows]
    found: dict[str, float] = {}
    for factor, values in images.classes.items():
        probe = classify(code[rows], values[rows], train)
        found |= {
            f"accuracy {factor}": probe.accuracy,
            f"auroc {factor}": probe.auroc,
            f"chance {factor}": probe.chance,
        }
    for factor, values in images.measures.items():
        found[f"r2 {factor}"] = explained_variance(code[rows], values[rows], train)
    return found
