"""The table of faithfulness for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulateFaithfulness
from infodecomp.config.unfamiliar import without_meaning
from infodecomp.metrics.faithfulness import AREAS, LEAST_CHANGE, verdict
from infodecomp.tables.markdown import Column, Row, lines, markdown_table, numbers, paragraphs, words
from infodecomp.tables.text import MISSING, or_missing

_HEADS = {
    "deletion_i_o": "deletion iᵒ, nats ↑",
    "insertion_i_o": "insertion iᵒ, nats ↑",
    "deletion_i_s": "deletion iˢ, nats ↑",
    "insertion_i_s": "insertion iˢ, nats ↑",
    "editing": "editing ρ ↑",
    "stability": "another seed ρ ↑",
    "weights": "shuffled weights ρ ↓",
}


def _measured(measure: str) -> Callable[[Row], str]:
    digits = 1 if measure in AREAS else 2

    def text(row: Row) -> str:
        found = row[measure]
        if not np.isfinite(found["value"]):
            return MISSING
        value, low, high = (f"{found[name]:.{digits}f}" for name in ("value", "low", "high"))
        return f"{value} ({low} to {high})"

    return text


COLUMNS: list[Column] = [
    *(words("dataset"), words("method"), words("estimator")),
    numbers("steps", text=or_missing),
    numbers("cases", lambda row: str(row[AREAS[0]]["n"])),
    *(numbers(head, _measured(measure)) for measure, head in _HEADS.items()),
    numbers("sanity", lambda row: verdict(row["sanity"]["low"])),
]


def faithfulness_markdown(table: pd.DataFrame, section: TabulateFaithfulness) -> str:
    """A row per map, every measure with its interval, after lines that say what the numbers are."""
    filling = "the model's unconditional expectation" if section.judging.filling == "denoiser" else "noise"
    caption = lines(
        f"Mean with its {100 * section.statistics.confidence:g} % percentile interval over images, "
        f"{section.statistics.bootstrap} resamples. "
        "↑: higher is better, ↓: nearer 0 is better.",
        f"Deletion: the top pixels of the map are replaced by {filling}; insertion: they are restored first; mean over "
        "shares of the pixels. iˢ: nats of log p(image | caption) − log p(image | caption without the word) that are "
        "lost, or regained. iᵒ: nats by which the word moves the prediction more while the pixels that show it are "
        "missing, and less once they are restored; the less noisy of the two with few draws.",
        "Editing: rank correlation of the map with the change of the latent when the word is left out. Another seed, "
        "shuffled weights: rank correlation with the map made again that way. Sanity passes if the map is more similar to "
        "itself with another seed than with shuffled weights: the interval of the difference lies above "
        f"{LEAST_CHANGE:g}.",
    )
    return paragraphs(
        *without_meaning(section.unfamiliar, table["dataset"]), caption, markdown_table(COLUMNS, _rows(table))
    )


def _rows(table: pd.DataFrame) -> Iterator[Row]:
    """A row per map: its keys, and measure → value, low, high, n."""
    keys = ["dataset", "method", "estimator", "steps"]
    for values, of_map in table.groupby(keys, sort=False):
        yield {**dict(zip(keys, values, strict=True)), **of_map.set_index("measure").to_dict("index")}
