"""The tables of the study of word pairs for people."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulatePartialInformation
from infodecomp.config.unfamiliar import without_meaning
from infodecomp.metrics.bootstrap import mean_interval, resample_weights
from infodecomp.metrics.partial_information import ATOMS
from infodecomp.runs.seeds import generator
from infodecomp.tables.markdown import Row, lines, markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import MISSING, decimals

_INFORMATION = ("information_first", "information_second", "information_both")

_CONDITIONS = {"alone": "alone", "given_rest": "given the rest"}
_ESTIMATORS = {"orthogonal": "iᵒ", "standard": "iˢ"}
_MEASURES = {
    "ppid": "pointwise specificity less ambiguity",
    "min": "the smaller of the two words' information",
    "ccs": "common change in surprisal",
}
# In the table of correlations: all kinds of pairs together.
ALL_KINDS = "all"
PREDICTOR_NAMES = {
    "redundancy": "redundancy",
    "share": "redundancy / information of the word",
    "unique": "unique to the word",
    "redundancy_given_rest": "redundancy given the rest",
    "share_given_rest": "redundancy / information of the word, given the rest",
    "unique_given_rest": "unique to the word given the rest",
    "cmi": "CMI of the word",
}


def _number(value: float) -> str:
    return decimals(2)(value).replace("-0.00", "0.00")


def _mean(row: Row) -> str:
    """A mean with its interval."""
    mean, low, high = map(_number, row)
    return f"{mean} ({low} to {high})"


def _ends(row: Row) -> str:
    return f"{_number(row['r_low'])} to {_number(row['r_high'])}" if np.isfinite(row["r_low"]) else MISSING


_COLUMNS = [
    *(words("dataset"), words("pairs")),
    words("condition", text=_CONDITIONS.__getitem__),
    words("estimator", text=_ESTIMATORS.__getitem__),
    *(numbers("n"), numbers("failed")),
    numbers("i(x; y₁)", "information_first", _number),
    numbers("i(x; y₂)", "information_second", _number),
    numbers("i(x; y₁, y₂)", "information_both", _number),
    numbers("redundancy", text=_mean),
    numbers("unique to y₁", "unique_first", _mean),
    numbers("unique to y₂", "unique_second", _mean),
    numbers("synergy", text=_mean),
]

_CORRELATION_COLUMNS = [
    *(words("dataset"), words("pairs", "kind"), words("predictor", text=PREDICTOR_NAMES.__getitem__)),
    numbers("r", text=_number),
    numbers("interval", _ends),
    numbers("Spearman", "spearman", _number),
    *(numbers("n"), numbers("images")),
]


def partial_information_markdown(
    table: pd.DataFrame,
    correlations: pd.DataFrame,
    section: TabulatePartialInformation,
    seed: int,
    left_out: str = "",
) -> str:
    """Means by kind of pair with intervals, then what predicts an omission, each under its caption.

    left_out: a sentence on pairs that were not made; empty for none.
    """
    if len(correlations):
        correlated = markdown_table(_CORRELATION_COLUMNS, records(correlations))
    else:
        correlated = "No word of a pair has been left out of its caption by the editing study."
    means = markdown_table(_COLUMNS, _means(table, section, seed))
    caption = lines(_caption(section), left_out) if left_out else _caption(section)
    return paragraphs(
        *without_meaning(section.unfamiliar, table["dataset"]), caption, means, _correlation_caption(), correlated
    )


def _means(table: pd.DataFrame, section: TabulatePartialInformation, seed: int) -> Iterator[Row]:
    """Means over pairs: of information as numbers, of its parts as (mean, low, high)."""
    at_image = table[table["level"] == "image"]
    for (dataset, kind), rows in at_image.groupby(["dataset", "kind"], sort=False):
        image, names = pd.factorize(rows["image_id"], sort=True)
        weights = resample_weights(
            len(names), section.statistics.bootstrap, generator(seed, str(dataset), str(kind), "pairs")
        )
        for condition in _CONDITIONS:
            for estimator in _ESTIMATORS:
                chosen = ((rows["condition"] == condition) & (rows["estimator"] == estimator)).to_numpy()
                values = rows.loc[chosen, [*_INFORMATION, *ATOMS]].to_numpy(np.float64)
                found = mean_interval(values, image[chosen].astype(np.int64), weights, section.statistics.confidence)
                finished = int(np.isfinite(values[:, 0]).sum())
                ends = zip(found.mean[3:], found.low[3:], found.high[3:], strict=True)
                yield {
                    **{"dataset": dataset, "pairs": kind, "condition": condition, "estimator": estimator},
                    **{"n": finished, "failed": len(values) - finished},
                    **dict(zip(_INFORMATION, found.mean[:3], strict=True)),
                    **dict(zip(ATOMS, ends, strict=True)),
                }


def _caption(section: TabulatePartialInformation) -> str:
    prior = f", word prior {section.word_prior}" if section.redundancy == "ppid" else ""
    return lines(
        "The information of two words of a caption about an image, decomposed into what they share, what is unique to "
        "each, and what they carry only jointly. Means over pairs of the whole image's values, nats; y₁ comes first in "
        "the caption.",
        f"Redundancy: {_MEASURES[section.redundancy]} (`redundancy: {section.redundancy}`{prior}). Condition: of the "
        "words alone, or given the rest of the caption (CPID). The parts of iˢ are of log likelihood ratios and may be "
        "negative, as may unique information and synergy of either estimator.",
        f"In brackets: {100 * section.statistics.confidence:g} % percentile bootstrap over images, "
        f"{section.statistics.bootstrap} resamples. "
        "Every pair, for the image and for its pixels, with standard errors, is in partial_information.csv.",
    )


def _correlation_caption() -> str:
    return (
        "Does redundancy predict that a word can be left out? Pearson's r, over words of pairs, of the predictor (iᵒ, "
        "whole image) with the squared change of the latent when the word is left out of its caption; interval as "
        "above. If it does, r is negative for redundancy and its share and positive for what is unique to the word. CMI, "
        "from the editing study, is of the word given all the rest. The words are in partial_information_omitted.csv."
    )
