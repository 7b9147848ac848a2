"""The tables of the validation study for people: coverage, and what an error costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import ValidationSection
from infodecomp.tables.text import MISSING, markdown_table
from infodecomp.validation.summary import in_band

QUANTITIES = {"i_s": "iˢ", "i_o": "iᵒ"}
_NOISE = {False: "ε", True: "±ε"}


def validation_markdown(table: pd.DataFrame, section: ValidationSection) -> str:
    """Coverage of every design at every number of draws, then errors of the total and what they cost."""
    designs = list(dict.fromkeys(table["design"]))
    steps = sorted(set(table["steps"]))
    coverage = markdown_table(
        ["problem", "d", "quantity", "level", "density", "noise", *designs], 6, _coverage(table, designs, section)
    )
    head = [
        "problem",
        "quantity",
        "density",
        "noise",
        "design",
        "truth",
        *(f"error {n} %" for n in steps),
        "bias %",
        "to 5 %",
        "to 1 %",
    ]
    return "\n".join(
        [
            _coverage_caption(table, steps, section),
            "",
            coverage,
            "",
            _cost_caption(steps),
            "",
            markdown_table(head, 5, _costs(table, steps)),
            "",
        ]
    )


def _coverage(table: pd.DataFrame, designs: Sequence[str], section: ValidationSection) -> list[list[str]]:
    rows = []
    keys = ["problem", "dimension", "quantity", "level", "density", "antithetic"]
    for (name, dimension, quantity, level, density, antithetic), group in table.groupby(keys, sort=False):
        cells = []
        for design in designs:
            of_design = group[group["design"] == design].sort_values("steps")
            cells.append(" · ".join(_cell(row, section) for row in of_design.to_dict("records")) or MISSING)
        known = [str(name), f"{dimension:,}", QUANTITIES[str(quantity)], str(level), str(density)]
        rows.append([*known, _NOISE[bool(antithetic)], *cells])
    return rows


def _cell(row: Any, section: ValidationSection) -> str:
    text = f"{100 * row['coverage']:.1f}"
    good = in_band(row["coverage_low"], row["coverage_high"], section.confidence)
    return text if good else f"**{text}**"


def _costs(table: pd.DataFrame, steps: Sequence[int]) -> list[list[str]]:
    rows = []
    totals = table[table["level"] == "total"]
    for (name, quantity, density, antithetic, design), group in totals.groupby(
        ["problem", "quantity", "density", "antithetic", "design"], sort=False
    ):
        errors = group.set_index("steps")["rmse"]
        last, fewest = group.sort_values("steps").iloc[-1], group["evaluations"].min()
        rows.append(
            [
                *(str(name), QUANTITIES[str(quantity)], str(density), _NOISE[bool(antithetic)], str(design)),
                f"{last['truth']:.3g}",
                *(_percent(errors.get(n, np.nan)) for n in steps),
                f"{100 * last['bias']:+.2f} ± {100 * last['bias_error']:.2f}",
                *(_count(last[f"evaluations_to_{percent}_percent"], fewest) for percent in (5, 1)),
            ]
        )
    return rows


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g}" if np.isfinite(fraction) else MISSING


def _count(number: float, fewest: int) -> str:
    """Two significant digits; an extrapolation deserves no more."""
    return f"{'≤ ' if number <= fewest else ''}{float(f'{number:.2g}'):,.0f}"


def _coverage_caption(table: pd.DataFrame, steps: Sequence[int], section: ValidationSection) -> str:
    return "  \n".join(
        [
            f"How often, in percent, the {100 * section.confidence:g} % interval of a run covers the truth, at "
            f"{', '.join(map(str, steps))} draws. n = {int(table['n'].max())}: {section.points} points drawn from the "
            f"problem, {section.runs} runs each; level pixel: share of the pixels, averaged over runs.",
            "Bold: so far off that the whole Wilson interval of the coverage is more than two points from the level. ±ε: "
            "log-SNRs in pairs with noise of opposite sign, half as many.",
        ]
    )


def _cost_caption(steps: Sequence[int]) -> str:
    return "  \n".join(
        [
            "Error of the total: root mean square error over the root mean square of the true values (truth, nats), at "
            f"{', '.join(map(str, steps))} draws; bias, at the largest of these, on the same scale with its standard error.",
            "To 5 %, to 1 %: denoiser evaluations (two a draw) until the error is as small, log-linear between measured "
            "numbers, as 1/√N beyond the largest; with ≤ the smallest measured number is enough.",
        ]
    )
