"""Figure: do CMI and attention predict how much an edit changes an image? One dot per case."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from infodecomp.figures.style import (
    GUIDE,
    MUTED,
    NOTE_SIZE,
    figure_style,
    method_style,
    panel_figure,
    panel_width,
    sentence_figure,
)
from infodecomp.metrics.bootstrap import cluster_sums, percentile_interval, weighted_sums
from infodecomp.metrics.correlation import across_cases

HEADING = "Do CMI and attention predict how much an edit changes the image?"
NOTE = (
    "Each dot is a case: totals over the latent image. Change: squared difference of the latents generated with the"
    " original and with the edited caption. r: Pearson's, over cases; line: least squares; band and interval: {:g}"
    " % bootstrap over images."
)
LEFT_OUT = "Cases that could not be edited: {:,}."
NOTHING = "No case has been edited: there is nothing to compare."
TITLES = {"omit": "word left out", "swap": "word swapped"}
PREDICTORS = {"cmi": "CMI iᵒ (nats)", "attention": "attention (sum of the map)"}
CMI_OF_SWAP = "CMI iᵒ against the swapped caption (nats)"

_HEIGHT = 1.9  # inches, of a panel
_FEWEST = 3  # cases from which a line is drawn


class Resamples(NamedTuple):
    """Resamples of the images: the image of each case, (n,) int64, weights (R, G) and the level of intervals."""

    image: np.ndarray
    weights: np.ndarray
    confidence: float


class Regression(NamedTuple):
    """A least-squares line at places along the abscissa, each (n,), with the ends of its band."""

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw(points: pd.DataFrame, failed: int, weights: np.ndarray, confidence: float) -> Figure:
    """Total change against total CMI (left) and attention (right), one row per intervention; r in the corner.

    The panels of an intervention share their ordinate. An intervention without a case has no row.

    Args:
        points: a row per case and intervention: columns intervention (omit | swap), image (int64, its number), change
            (latent squared difference), cmi (nats), attention; not NaN.
        failed: number of cases that could not be edited, for the note.
        weights: (R, G) from `metrics.bootstrap.resample_weights`, for all images.
        confidence: of bands and intervals, such as 0.95.
    """
    interventions = [name for name in TITLES if (points["intervention"] == name).any()]
    if not interventions:
        return sentence_figure(HEADING, NOTHING)
    note = NOTE.format(100 * confidence)
    with figure_style():
        figure, panels = panel_figure(
            [_HEIGHT] * (2 * len(interventions)),
            columns=2,
            width=panel_width(2, 0.55, 0.12),
            left=0.55,
            right=0.12,
            above=0.36,
            below=0.45,
            heading=HEADING,
            note=f"{note} {LEFT_OUT.format(failed)}" if failed else note,
        )
        for row, intervention in enumerate(interventions):
            cases = points[points["intervention"] == intervention]
            resamples = Resamples(cases["image"].to_numpy(np.int64), weights, confidence)
            pair = panels[2 * row : 2 * row + 2]
            tops = []
            for axes, predictor in zip(pair, PREDICTORS, strict=True):
                x, y = cases[predictor].to_numpy(np.float64), cases["change"].to_numpy(np.float64)
                tops.append(draw_dots(axes, x, y, resamples, method_style(predictor).colour))
                against = predictor == "cmi" and intervention == "swap"
                axes.set_xlabel(CMI_OF_SWAP if against else PREDICTORS[predictor])
            for axes in pair:
                axes.set_ylim(0, 1.14 * max(tops) or 1.0)  # room for r above dots and bands
            panels[2 * row].set_ylabel("squared change of the latent")
            panels[2 * row].set_title(
                f"{TITLES[intervention]} · {_counted(len(cases), 'case')} of {_counted(cases['image'].nunique(), 'image')}",
                loc="left",
                fontweight="bold",
                pad=10,
            )
    return figure


def regression(x: np.ndarray, y: np.ndarray, resamples: Resamples) -> Regression | None:
    """Least squares of y on x with the band in which the line lies on resamples of the images.

    Args:
        x, y: (n,) float64.
        resamples: of the images.

    Returns:
        the line at 60 places from the smallest x to the largest; None when x is constant or cases are fewer than three.
    """
    if len(x) < _FEWEST or x.min() == x.max():
        return None
    centre, spread = x.mean(), x.std()
    places = np.linspace(x.min(), x.max(), 60)
    unit = (x - centre) / spread
    moments = np.stack([np.ones_like(x), unit, y, unit * unit, unit * y], axis=1)
    line = _lines(moments.sum(axis=0)[None], (places - centre) / spread)[0]
    sums = cluster_sums(moments, resamples.image, resamples.weights.shape[1])
    samples = _lines(weighted_sums(resamples.weights, sums), (places - centre) / spread)
    return Regression(places, line, *percentile_interval(samples, resamples.confidence))


def _lines(sums: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Least-squares lines (R, places) from sums of 1, x, y, x² and xy, (R, 5); NaN where x is constant or missing."""
    count, x, y, xx, xy = sums.T
    n = np.maximum(count, 1.0)
    variance = xx / n - (x / n) ** 2
    slope = np.where(variance > 1e-12, (xy / n - x * y / n**2) / np.where(variance > 1e-12, variance, 1.0), np.nan)
    return np.asarray((y / n)[:, None] + slope[:, None] * (places[None] - (x / n)[:, None]))


def draw_dots(axes: Axes, x: np.ndarray, y: np.ndarray, resamples: Resamples, colour: str) -> float:
    """One dot per case, (n,) each, with the line of least squares, its band and r; returns how high they reach."""
    top = float(y.max())
    axes.plot(x, y, "o", color=colour, markersize=4, alpha=0.55, markeredgewidth=0, clip_on=False, zorder=2)
    fit = regression(x, y, resamples)
    if fit is not None:
        axes.fill_between(fit.x, fit.low, fit.high, color=colour, alpha=0.2, linewidth=0, zorder=1)
        axes.plot(fit.x, fit.y, color=colour, linewidth=1.6, zorder=3)
        top = max(top, float(np.nanmax([fit.high, fit.y])))
    text = _correlation(x, y, resamples) if len(x) >= _FEWEST else f"fewer than {_FEWEST} cases"
    axes.margins(x=0.04)
    axes.text(1, 0.995, text, transform=axes.transAxes, ha="right", va="top", fontsize=NOTE_SIZE, color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(color=GUIDE, linewidth=0.6)
    axes.set_axisbelow(True)
    return top


def _correlation(x: np.ndarray, y: np.ndarray, resamples: Resamples) -> str:
    found = across_cases(x, y, resamples.image, resamples.weights)
    if not np.isfinite(found.value):
        return "no r: all values are equal"
    low, high = found.interval(resamples.confidence)
    return f"r = {found.value:.2f}  [{low:.2f}, {high:.2f}]".replace("-", "−")


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"
