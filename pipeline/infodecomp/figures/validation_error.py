"""Figure: error of the total against denoiser evaluations, one panel per closed-form problem and quantity."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from infodecomp.figures.retrieval_budget import round_numbers
from infodecomp.figures.style import GUIDE, MUTED, NOTE_SIZE, figure_style, panel_figure, panel_width

HEADING = "How many evaluations does a given error take?"
NOTE = (
    "Root mean square error of the total over the root mean square of its true values, against denoiser"
    " evaluations, on problems whose information is known; {runs} runs per mark. Grey: the slope of independent"
    " draws, 1/√N."
)
QUANTITIES = {"i_s": "iˢ", "i_o": "iᵒ"}
_ROOM = {"left": 0.1, "right": 0.1, "label_room": 0.45}  # inches
# Okabe and Ito's colours.
DESIGN_COLOURS = {"iid": "#D55E00", "stratified": "#0072B2", "midpoint": "#009E73", "sobol": "#CC79A7"}


def draw(table: pd.DataFrame) -> Figure:
    """Relative error of i^s and i^o totals, both axes logarithmic.

    Args:
        table: columns problem, dimension, quantity, level, density, design, antithetic, n, evaluations, rmse
            (fraction).
    """
    totals = table[(table["level"] == "total") & (table["rmse"] > 0)]
    groups = list(totals.groupby(["problem", "quantity"], sort=False))
    lines = list(dict.fromkeys(zip(totals["density"], totals["design"], totals["antithetic"], strict=True)))
    with figure_style():
        figure, panels = panel_figure(
            [1.2] * len(groups),
            columns=4,
            width=panel_width(4, **_ROOM),
            **_ROOM,
            above=0.26,
            below=0.42,
            heading=HEADING,
            note=NOTE.format(runs=numbers_of_runs(table)),
            legend=[_line(*line, label=True) for line in lines],
        )
        low, high = totals["rmse"].min() / 1.4, totals["rmse"].max() * 1.4
        for number, (axes, ((name, quantity), rows)) in enumerate(zip(panels, groups, strict=True)):
            _set_axes(axes, rows, (low, high), first=number % 4 == 0)
            axes.set_title(
                f"{name}, d = {rows['dimension'].iloc[0]:,}: {QUANTITIES[str(quantity)]}", loc="left", fontsize=6.5
            )
            for (density, design, antithetic), line in rows.groupby(["density", "design", "antithetic"], sort=False):
                ordered = line.sort_values("evaluations")
                drawn = _line(str(density), str(design), bool(antithetic))
                drawn.set_data(ordered["evaluations"], ordered["rmse"])
                axes.add_line(drawn)
    return figure


def numbers_of_runs(table: pd.DataFrame) -> str:
    """Number of runs of a row of totals, such as "240", or "120 to 240" where rows differ."""
    counts = table.loc[table["level"] == "total", "n"]
    return " to ".join(f"{count:,}" for count in sorted({int(counts.min()), int(counts.max())}))


def _line(density: str, design: str, antithetic: bool, *, label: bool = False) -> Line2D:
    return Line2D(
        [],
        [],
        color=DESIGN_COLOURS[design],
        linestyle="-" if antithetic else (0, (3, 2)),
        marker=("o" if antithetic else "s") if density == "logistic" else ("^" if antithetic else "v"),
        markersize=4,
        markerfacecolor=DESIGN_COLOURS[design] if antithetic else "white",
        linewidth=1.3,
        label=f"{'' if density == 'logistic' else f'{density} '}{design}, {'±ε' if antithetic else 'ε'}"
        if label
        else None,
    )


def _set_axes(axes: Axes, rows: pd.DataFrame, errors: tuple[float, float], *, first: bool) -> None:
    costs = sorted(set(rows["evaluations"]))
    axes.set(xscale="log", yscale="log", xlim=(costs[0] / 1.3, costs[-1] * 1.3), ylim=errors)
    axes.set_xticks(costs, [f"{cost:g}" for cost in costs])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_yticks(round_numbers(*errors))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %" if first else ""))
    axes.grid(axis="y", color=GUIDE, linewidth=0.6)
    axes.set_axisbelow(True)
    start = np.sqrt(errors[0] * errors[1])
    axes.plot(costs, start * np.sqrt(costs[0] / np.array(costs)), color=MUTED, linewidth=0.8, alpha=0.6)
    axes.set_xlabel("evaluations", fontsize=NOTE_SIZE)
