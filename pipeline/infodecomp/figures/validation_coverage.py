"""Figure: coverage of the intervals against the number of draws, one panel per quantity and level."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from infodecomp.figures.style import GUIDE, figure_style, panel_figure, panel_width
from infodecomp.figures.validation_error import DESIGN_COLOURS, QUANTITIES, numbers_of_runs

HEADING = "Do the intervals cover the truth?"
BAND = (0.93, 0.97)


def note(confidence: float, runs: str) -> str:
    """How to read the figure, with the level of the intervals and the number of runs per dot."""
    return (
        f"Share of runs (pixel: of pixels) whose {100 * confidence:g} % interval covers the truth. One dot per problem and"
        f" noise (filled: ±ε), {runs} runs each; lines: their mean. Triangles, dotted: adaptive density. Shaded: 93–97 %."
    )


def draw(table: pd.DataFrame, confidence: float = 0.95) -> Figure:
    """Coverage in percent of every problem, design and noise.

    Args:
        table: columns problem, quantity, level, density, design, antithetic, steps, n, coverage (fraction).
        confidence: level of the intervals.
    """
    groups = list(table.groupby(["quantity", "level"], sort=False))
    designs = list(dict.fromkeys(table["design"]))
    lowest = 100 * min(0.85, float(table["coverage"].min()) - 0.01)
    with figure_style():
        figure, panels = panel_figure(
            [1.8] * len(groups),
            columns=2,
            width=panel_width(2, 0.5, 0.15),
            left=0.5,
            right=0.15,
            above=0.3,
            below=0.42,
            heading=HEADING,
            note=note(confidence, numbers_of_runs(table)),
            legend=[Line2D([], [], color=DESIGN_COLOURS[one], marker="o", markersize=5, label=one) for one in designs],
        )
        for axes, ((quantity, level), rows) in zip(panels, groups, strict=True):
            axes.set_title(f"{QUANTITIES[str(quantity)]}, {level}", loc="left", fontweight="bold")
            axes.axhspan(100 * BAND[0], 100 * BAND[1], color=GUIDE, linewidth=0)
            axes.axhline(100 * confidence, color="#999999", linewidth=0.8)
            for place, design in enumerate(designs):
                _draw_design(
                    axes, rows[rows["design"] == design], DESIGN_COLOURS[design], place - (len(designs) - 1) / 2
                )
            _set_axes(axes, sorted(set(table["steps"])), lowest)
    return figure


def _draw_design(axes: Axes, rows: pd.DataFrame, colour: str, place: float) -> None:
    """Dots beside each other on a logarithmic axis, `place` steps off the middle."""
    shift = 1.05**place
    for density, of_density in rows.groupby("density"):
        mean = of_density.groupby("steps")["coverage"].mean()
        style = "-" if density == "logistic" else ":"
        axes.plot(np.array(mean.index) * shift, 100 * mean, color=colour, linestyle=style, linewidth=1.3)
    for (placing, antithetic), dots in rows.groupby(["density", "antithetic"]):
        axes.plot(
            dots["steps"] * shift,
            100 * dots["coverage"],
            "o" if placing == "logistic" else "^",
            color=colour,
            markersize=3.5,
            markerfacecolor=colour if antithetic else "white",
            markeredgewidth=0.7,
            clip_on=False,
        )


def _set_axes(axes: Axes, steps: list[int], lowest: float) -> None:
    axes.set(xscale="log", xlim=(steps[0] / 1.2, steps[-1] * 1.2), ylim=(lowest, 100), xlabel="draws")
    axes.set_xticks(steps, [f"{n:g}" for n in steps])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_ylabel("coverage (%)")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
