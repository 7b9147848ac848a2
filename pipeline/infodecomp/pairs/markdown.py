"""The tables of the partial information study for people."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from infodecomp.config import PartialInformationSection
from infodecomp.metrics.bootstrap import mean_interval, resample_weights
from infodecomp.metrics.partial_information import ATOMS
from infodecomp.runs.seeds import generator
from infodecomp.tables.text import MISSING, markdown_table

_INFORMATION = ("information_first", "information_second", "information_both")

HEAD = [
    *("dataset", "pairs", "condition", "estimator"),
    *("n", "failed", "i(x; y₁)", "i(x; y₂)", "i(x; y₁, y₂)"),
    *("redundancy", "unique to y₁", "unique to y₂", "synergy"),
]
CORRELATION_HEAD = ["dataset", "pairs", "predictor", "r", "interval", "Spearman", "n", "images"]

_CONDITIONS = {"alone": "alone", "given_rest": "given the rest"}
_ESTIMATORS = {"orthogonal": "iᵒ", "standard": "iˢ"}
_MEASURES = {
    "ppid": "pointwise specificity less ambiguity",
    "min": "the minimum of what the two words tell",
    "ccs": "common change in surprisal",
}
# In the table of correlations, all kinds of pairs together.
ALL_KINDS = "all"
PREDICTOR_NAMES = {
    "redundancy": "redundancy",
    "share": "redundancy / what the word tells",
    "unique": "unique to the word",
    "redundancy_given_rest": "redundancy given the rest",
    "share_given_rest": "redundancy / what the word tells, given the rest",
    "unique_given_rest": "unique to the word given the rest",
    "cmi": "CMI of the word",
}


def partial_information_markdown(
    table: pd.DataFrame, correlations: pd.DataFrame, section: PartialInformationSection, seed: int
) -> str:
    """Means by kind of pair with intervals, then what foretells an omission, each after what it is."""
    means = markdown_table(HEAD, 4, _means(table, section, seed))
    parts = [_caption(section), means, _correlation_caption()]
    if len(correlations):
        parts.append(markdown_table(CORRELATION_HEAD, 3, _correlation_rows(correlations)))
    else:
        parts.append("No word of a pair has been left out of its caption by the editing study.")
    return "\n\n".join(parts) + "\n"


def _means(table: pd.DataFrame, section: PartialInformationSection, seed: int) -> Iterator[list[str]]:
    at_image = table[table["level"] == "image"]
    for (dataset, kind), rows in at_image.groupby(["dataset", "kind"], sort=False):
        image, names = pd.factorize(rows["image_id"], sort=True)
        weights = resample_weights(len(names), section.bootstrap, generator(seed, str(dataset), str(kind), "pairs"))
        for condition in _CONDITIONS:
            for estimator in _ESTIMATORS:
                chosen = ((rows["condition"] == condition) & (rows["estimator"] == estimator)).to_numpy()
                values = rows.loc[chosen, [*_INFORMATION, *ATOMS]].to_numpy(np.float64)
                found = mean_interval(values, image[chosen].astype(np.int64), weights, section.confidence)
                finished = int(np.isfinite(values[:, 0]).sum())
                cells = [_number(value) for value in found.mean[:3]]
                ends = zip(found.mean[3:], found.low[3:], found.high[3:], strict=True)
                cells += [f"{_number(mean)} ({_number(low)} to {_number(high)})" for mean, low, high in ends]
                counts = [str(finished), str(len(values) - finished)]
                yield [str(dataset), str(kind), _CONDITIONS[condition], _ESTIMATORS[estimator], *counts, *cells]


def _correlation_rows(correlations: pd.DataFrame) -> Iterator[list[str]]:
    for row in correlations.to_dict("records"):
        interval = f"{_number(row['r_low'])} to {_number(row['r_high'])}" if np.isfinite(row["r_low"]) else MISSING
        yield [
            *(row["dataset"], row["kind"], PREDICTOR_NAMES[row["predictor"]]),
            *(_number(row["r"]), interval, _number(row["spearman"]), str(row["n"]), str(row["images"])),
        ]


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00") if np.isfinite(value) else MISSING


def _caption(section: PartialInformationSection) -> str:
    prior = f", word prior {section.word_prior}" if section.redundancy == "ppid" else ""
    return "  \n".join(
        [
            "What two words of a caption tell about an image, taken apart into what they share, what is unique to each, and "
            "what they tell only together. Means over pairs of the whole image's values, nats; y₁ stands first in the "
            "caption.",
            f"Redundancy: {_MEASURES[section.redundancy]} (`redundancy: {section.redundancy}`{prior}). Condition: of the "
            "words alone, or given the rest of the caption (CPID). The parts of iˢ are of log likelihood ratios and may be "
            "negative, as may unique information and synergy of either estimator.",
            f"In brackets: {100 * section.confidence:g} % percentile bootstrap over images, {section.bootstrap} resamples. "
            "Every pair, at the level of the image and of the pixels, with standard errors, is in partial_information.csv.",
        ]
    )


def _correlation_caption() -> str:
    return (
        "Does redundancy foretell that a word can be left out? Pearson's r, over words of pairs, of what is to foretell it "
        "(iᵒ, the whole image) with the squared change of the latent when the word is left out of its caption; interval as "
        "above. If it does, r is negative for redundancy and its share and positive for what is unique to the word. CMI, "
        "from the editing study, is of the word given all the rest. The words are in partial_information_omitted.csv."
    )
