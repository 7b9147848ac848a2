"""Whether a picture is like those that a model was trained on, by its likelihood.

Beside the folder of a model may lie `<folder>-likelihood.json`: the range of the negative log likelihood, without a caption,
of pictures of its kind, in nats a dimension of the latent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infodecomp.estimator.estimates import Estimate
from infodecomp.runs.errors import InputError

# Standard errors by which a likelihood must lie outside before it is doubted.
_SURE = 3.0


@dataclass(frozen=True)
class Likelihood:
    """The negative log likelihood of a picture without a caption, and its standard error, nats a dimension."""

    nll: float
    error: float

    @classmethod
    def of(cls, estimate: Estimate, prompt: str = "") -> Likelihood:
        """Of an estimate that evaluated the prompt."""
        found = estimate.nll[prompt]
        dimensions = estimate.channels * found.map.size
        return cls(found.total / dimensions, found.total_error / dimensions)


def known_range(folder: Path) -> tuple[float, float] | None:
    """The range that is recorded beside a model's folder, None without a record; InputError for one that cannot be read."""
    path = folder.with_name(f"{folder.name}-likelihood.json")
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return float(record["low"]), float(record["high"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected JSON with the numbers `low` and `high` ({error}).") from error


def doubts_of_picture(found: Likelihood, known: tuple[float, float] | None) -> Iterator[str]:
    """A picture that is surely outside the range."""
    if known is None:
        return
    low, high = known
    reach = _SURE * found.error
    if found.nll - reach > high or found.nll + reach < low:
        yield (
            "The picture is unlike those that the model was trained on (negative log likelihood "
            f"{found.nll:.2f} nats a dimension; theirs: {low:.2f} to {high:.2f}): the numbers may mean nothing."
        )
