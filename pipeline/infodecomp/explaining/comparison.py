"""Two explanations of one caption side by side, such as those of one picture by two checkpoints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from infodecomp.explaining.explanation import Explanation, WordExplanation
from infodecomp.explaining.kinds import ORTHOGONAL, kind_of
from infodecomp.metrics.correlation import spearman
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.runs.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_NAN = float("nan")


def compare(first: Explanation, second: Explanation, labels: tuple[str, str] | None = None) -> Comparison:
    """Compare two explanations of one caption, word by word.

    labels: names of the two; None: their models, with the seed where these are the same. Raises InputError if the captions
    differ, no word is in both, or the labels are the same.

    >>> from infodecomp import Quantity, Span
    >>> word = WordExplanation(Span("dog", 0, 3), {("cmi", "orthogonal"): Quantity(3.0, 0.3, np.ones((1, 3)))})
    >>> explanation = Explanation(np.zeros((8, 8, 3), np.uint8), "dog", (word,), {})
    >>> compare(explanation, explanation, ("one", "other")).table()["difference"].tolist()
    [0.0]
    """
    if first.caption != second.caption:
        raise InputError(
            f"the captions {first.caption!r} and {second.caption!r} differ; expected two explanations of one caption."
        )
    names = labels or _labels(first, second)
    if len(set(names)) != 2:
        raise InputError(f"the labels are {list(names)}; expected two that differ, as in labels=('before', 'after').")
    found = Comparison(first, second, names)
    if not found.words:
        raise InputError("the two explanations have no word in common; explain the same words by both.")
    return found


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two explanations of one caption. labels: their names. words: those of both, in the order of the caption."""

    first: Explanation
    second: Explanation
    labels: tuple[str, str]

    def __repr__(self) -> str:
        return f"Comparison({self.labels[0]!r}, {self.labels[1]!r}: {len(self.words)} words of {self.first.caption!r})"

    @property
    def words(self) -> list[tuple[WordExplanation, WordExplanation]]:
        """Each word by both."""
        of_second = {word.span: word for word in self.second.words}
        return [(word, of_second[word.span]) for word in self.first.words if word.span in of_second]

    def table(self, method: str = "cmi", estimator: str = ORTHOGONAL) -> pd.DataFrame:
        """One row a word: its total by both, nats, and how alike its maps are.

        Columns: word, occurrence; first, second and difference (second − first), each with `_error`, its standard error;
        rho. The error of the difference takes both as independent: it is too large where they share their noise. rho:
        Spearman's ρ of the two maps over cells, the coarser one interpolated; NaN where one is missing or constant. A method
        without totals, such as "attention", has rho alone. Raises InputError if an explanation lacks the method.
        """
        import pandas as pd

        kinds = [kind_of(explanation, method, estimator) for explanation in (self.first, self.second)]
        rows = []
        for pair in self.words:
            quantities = [kind.quantity(word) for kind, word in zip(kinds, pair, strict=True)]
            (one, one_error), (other, other_error) = (
                (found.total, found.error) if found else (_NAN, _NAN) for found in quantities
            )
            heats = [kind.heat(word) for kind, word in zip(kinds, pair, strict=True)]
            span = pair[0].span
            rows.append(
                {
                    "word": span.text,
                    "occurrence": span.occurrence,
                    "first": one,
                    "first_error": one_error,
                    "second": other,
                    "second_error": other_error,
                    "difference": other - one,
                    "difference_error": math.hypot(one_error, other_error),
                    "rho": _NAN if heats[0] is None or heats[1] is None else _alike(heats[0], heats[1]),
                }
            )
        return pd.DataFrame(rows)

    def plot(self, **options: Any) -> Figure:
        """Both pictures with the maps of the words: see `infodecomp.explaining.comparison_figure.comparison_figure`."""
        from infodecomp.explaining.comparison_figure import comparison_figure

        return comparison_figure(self, **options)


def _labels(first: Explanation, second: Explanation) -> tuple[str, str]:
    models = [str(one.settings.get("model", "")).rstrip("/").rpartition("/")[2] for one in (first, second)]
    if models[0] != models[1]:
        return models[0], models[1]
    one, other = (f"{models[0]}, seed {explanation.settings.get('seed')}" for explanation in (first, second))
    return one, other


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's ρ of two maps on the finer grid of the two."""
    shape = (max(one.shape[0], other.shape[0]), max(one.shape[1], other.shape[1]))
    fine = [
        heat.astype(np.float64) if heat.shape == shape else upsample_bilinear(heat.astype(np.float64), shape)
        for heat in (one, other)
    ]
    return float(spearman(fine[0].ravel(), fine[1].ravel()))
