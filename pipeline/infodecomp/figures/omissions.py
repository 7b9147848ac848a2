"""Figure: does redundancy of two words predict that one of them can be left out? One dot per word of a pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infodecomp.figures.editing_scatter import Resamples, draw_dots
from infodecomp.figures.pair_maps import MEASURES
from infodecomp.figures.style import METHOD_STYLES, figure_style, panel_figure, panel_width, sentence_figure

HEADING = "Can a redundant word be left out?"
NOTE = (
    "Each dot is a word of a pair: iᵒ of the whole image against the squared change of the latent when the word is"
    " left out of its caption. Redundancy ({measure}): of the two words alone, as a share of the word's"
    " information; unique: information of the word alone that its partner does not carry; CMI: of the word given"
    " all the rest. If redundancy predicts the omission, r is negative in the first panel and positive in the"
    " others. r: Pearson's; line: least squares; band and interval: {confidence:g} % bootstrap over images."
)
NOTHING = "No word of a pair has been left out of its caption by the editing study: there is nothing to compare."
PREDICTORS = {
    "share": "redundancy / information of the word",
    "unique": "unique to the word (nats)",
    "cmi": "CMI (nats)",
}
_COLOURS = {"share": "#D55E00", "unique": METHOD_STYLES["mi"].colour, "cmi": METHOD_STYLES["cmi"].colour}
_LEFT, _RIGHT, _HEIGHT = 0.5, 0.12, 1.7  # inches


def draw(words: pd.DataFrame, weights: dict[str, np.ndarray], measure: str, confidence: float) -> Figure:
    """Change against each predictor, a row of panels a dataset.

    Args:
        words: one row per word of a pair; columns dataset, image (int64, its number in the dataset), change, and those of
            `PREDICTORS`.
        weights: dataset → (R, G) from `metrics.bootstrap.resample_weights`, for its images.
        measure: of redundancy.
        confidence: of bands and intervals, such as 0.95.
    """
    datasets = list(dict.fromkeys(words["dataset"]))
    if not datasets:
        return sentence_figure(HEADING, NOTHING)
    columns = len(PREDICTORS)
    with figure_style():
        figure, panels = panel_figure(
            [_HEIGHT] * (columns * len(datasets)),
            columns=columns,
            width=panel_width(columns, _LEFT, _RIGHT),
            left=_LEFT,
            right=_RIGHT,
            above=0.36,
            below=0.45,
            heading=HEADING,
            note=NOTE.format(measure=MEASURES[measure], confidence=100 * confidence),
        )
        for row, dataset in enumerate(datasets):
            of_dataset = words[words["dataset"] == dataset]
            own = panels[columns * row : columns * (row + 1)]
            tops = []
            for axes, (predictor, label) in zip(own, PREDICTORS.items(), strict=True):
                known = of_dataset[np.isfinite(of_dataset[predictor].to_numpy(np.float64))]
                if known.empty:
                    axes.axis("off")
                    continue
                resamples = Resamples(known["image"].to_numpy(np.int64), weights[dataset], confidence)
                x, y = known[predictor].to_numpy(np.float64), known["change"].to_numpy(np.float64)
                tops.append(draw_dots(axes, x, y, resamples, _COLOURS[predictor]))
                axes.set_xlabel(label)
            for axes in own:
                axes.set_ylim(0, 1.14 * max(tops, default=1.0) or 1.0)
            own[0].set_ylabel("squared change of the latent")
            title = f"{dataset} · {len(of_dataset):,} words of {of_dataset['image'].nunique():,} images"
            own[0].set_title(title, loc="left", fontweight="bold", pad=10)
    return figure
