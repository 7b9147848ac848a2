"""The table of faithfulness for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import FaithfulnessSection
from infodecomp.metrics.faithfulness import AREAS, LEAST_CHANGE, verdict
from infodecomp.tables.text import MISSING, markdown_table

HEAD = [
    *("dataset", "method", "estimator", "steps", "cases"),
    *("deletion iᵒ, nats ↑", "insertion iᵒ, nats ↑", "deletion iˢ, nats ↑", "insertion iˢ, nats ↑"),
    *("editing ρ ↑", "another seed ρ ↑", "shuffled weights ρ ↓", "sanity"),
]
_SHOWN = (*AREAS, "editing", "stability", "weights")


def faithfulness_markdown(table: pd.DataFrame, section: FaithfulnessSection) -> str:
    """A row a map, every measure with its interval, after lines that say what the numbers are."""
    rows = [
        _cells(keys, of_map.set_index("measure").to_dict("index"))
        for keys, of_map in table.groupby(["dataset", "method", "estimator", "steps"], sort=False)
    ]
    filling = "what the model expects without a prompt" if section.filling == "denoiser" else "noise"
    caption = (
        f"Mean with its {100 * section.confidence:g} % percentile interval over images, {section.bootstrap} resamples. "
        "↑: higher is better, ↓: nearer 0 is better.  \n"
        f"Deletion: the highest pixels of the map are replaced by {filling}; insertion: they come back first; on average "
        "over shares of the pixels. iˢ: nats of log p(image | caption) − log p(image | caption without the word) that are "
        "lost, and won back. iᵒ: nats by which the word moves the prediction more while the pixels are missing that show "
        "it, and less once they are back; of few draws the less noisy one.  \n"
        "Editing: rank correlation of the map with the change of the latent when the word is left out. Another seed, "
        "shuffled weights: with the map made again so. Sanity passes when the map is more like itself with another seed "
        f"than with shuffled weights: the interval of the difference of the two lies above {LEAST_CHANGE:g}."
    )
    return "\n".join([caption, "", markdown_table(HEAD, 3, rows), ""])


def _cells(keys: Any, measures: Mapping[Any, Mapping[Any, Any]]) -> list[str]:
    dataset, method, estimator, steps = keys
    return [
        *(dataset, method, estimator),
        str(steps) if steps else MISSING,
        str(measures[AREAS[0]]["n"]),
        *(_number(measures[name], 1 if name in AREAS else 2) for name in _SHOWN),
        verdict(measures["sanity"]["low"]),
    ]


def _number(found: Mapping[Any, Any], digits: int) -> str:
    if not np.isfinite(found["value"]):
        return MISSING
    value, low, high = (f"{found[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
