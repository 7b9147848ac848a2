"""Figure: the integrands of MI and CMI against log-SNR, one panel per case, with bands of one standard error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from infodecomp.figures.style import GUIDE, METHOD_STYLES, MUTED, PAGE, figure_style, panel_figure, shorten

HEADING = "At which noise level does a word help the model predict?"
NOTE = (
    "{count} of {dataset}, the first of each label. Gain in mean square error (iˢ) and squared distance of the"
    " two predictions (iᵒ), halved and summed over the image, whose integrals over the log-SNR α are the"
    " information. Lines: means over neighbouring draws, {draws} in all; bands: ± 1 standard error of these means."
)
_COLUMNS = 5
_ROOM = {"left": 0.3, "right": 0.08}  # inches
_POINTS = 14  # places along a curve
_FEWEST = 3  # log-SNRs averaged at a place


@dataclass(frozen=True)
class CaseCurves:
    """Integrands of a case in order of log-SNR: (N,) each, nats per unit of log-SNR; keys (mi | cmi, estimator)."""

    label: str
    logsnr: np.ndarray
    integrands: dict[tuple[str, str], np.ndarray]


class Band(NamedTuple):
    """Means with standard errors at places along the log-SNR, (K,) each."""

    logsnr: np.ndarray
    mean: np.ndarray
    error: np.ndarray


def draw(cases: Sequence[CaseCurves], dataset: str) -> Figure:
    """Four lines per panel: i^s (dashed) and i^o (full) of MI and CMI."""
    columns = min(_COLUMNS, max(len(cases), 1))
    width = min((PAGE - 0.2) / columns - sum(_ROOM.values()), 2.2)
    counted = f"{len(cases)} case{'s' * (len(cases) != 1)}"
    with figure_style():
        figure, panels = panel_figure(
            [1.05] * len(cases),
            columns=columns,
            width=width,
            **_ROOM,
            above=0.3,
            below=0.36,
            label_room=0.2,
            heading=HEADING,
            note=NOTE.format(
                count=counted, dataset=dataset, draws=max((len(case.logsnr) for case in cases), default=0)
            ),
            legend=[
                _line(method, estimator, f"{METHOD_STYLES[method].label} {sign}")
                for method in ("mi", "cmi")
                for estimator, sign in (("standard", "iˢ"), ("orthogonal", "iᵒ"))
            ],
        )
        for number, (axes, case) in enumerate(zip(panels, cases, strict=True)):
            _draw_case(axes, case)
            if number % columns == 0:
                axes.set_ylabel("nats per unit of α", fontsize=6.5, labelpad=2)
            axes.set_xlabel("log-SNR α", fontsize=6.5, labelpad=1)
    return figure


def band(logsnr: np.ndarray, values: np.ndarray, points: int = _POINTS) -> Band:
    """Means and standard errors of an integrand over neighbouring log-SNRs.

    Draws of one log-SNR (with noise of opposite sign) are averaged first, because they are not independent. The log-SNRs are
    cut into `points` groups of neighbours, fewer where a group would hold less than three; the error of a group's mean is
    s/√k, which counts what the integrand rises or falls inside the group as error too.

    Args:
        logsnr, values: (N,), in order of log-SNR.
        points: most groups.

    Returns:
        (K,) each, K at most `points`; errors are NaN where a group holds one log-SNR.
    """
    levels, group = np.unique(logsnr, return_inverse=True)
    means = np.bincount(group, weights=values) / np.bincount(group)
    count = max(min(points, len(levels) // _FEWEST), 1)
    parts = [part for part in np.array_split(np.arange(len(levels)), count) if len(part)]
    errors = [means[part].std(ddof=1) / np.sqrt(len(part)) if len(part) > 1 else np.nan for part in parts]
    return Band(
        np.array([levels[part].mean() for part in parts]),
        np.array([means[part].mean() for part in parts]),
        np.array(errors),
    )


def _draw_case(axes: Axes, case: CaseCurves) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.5)
    for (method, estimator), values in case.integrands.items():
        found = band(case.logsnr, values)
        line = _line(method, estimator, "")
        line.set_data(found.logsnr, found.mean)
        axes.add_line(line)
        axes.fill_between(
            found.logsnr,
            found.mean - found.error,
            found.mean + found.error,
            color=METHOD_STYLES[method].colour,
            alpha=0.18 if estimator == "orthogonal" else 0.1,
            linewidth=0,
        )
    axes.autoscale_view()
    axes.margins(x=0.02)
    axes.set_title(shorten(case.label, 18), loc="left", fontsize=7.5, fontweight="bold", pad=3)
    axes.grid(axis="y", color=GUIDE)
    axes.tick_params(labelsize=6, length=2, pad=1.5)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _line(method: str, estimator: str, label: str) -> Line2D:
    standard = estimator == "standard"
    return Line2D(
        [],
        [],
        color=METHOD_STYLES[method].colour,
        linestyle=(0, (3, 1.5)) if standard else "-",
        linewidth=0.8 if standard else 1.3,
        label=label,
    )
