"""The tables of the validation study for people: coverage, and the cost of an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulateValidation
from infodecomp.tables.markdown import Row, lines, markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import MISSING, thousands
from infodecomp.validation.summary import in_band

QUANTITIES = {"i_s": "iˢ", "i_o": "iᵒ"}
_NOISE = {False: "ε", True: "±ε"}


# Columns that both tables begin with.
_PROBLEM = words("problem")
_QUANTITY = words("quantity", text=QUANTITIES.__getitem__)
_DENSITY = words("density")
_ANTITHETIC = words("noise", "antithetic", lambda paired: _NOISE[bool(paired)])


def validation_markdown(table: pd.DataFrame, section: TabulateValidation) -> str:
    """Coverage of every design at every number of draws, then errors of the total and their costs."""
    designs = list(dict.fromkeys(table["design"]))
    steps = sorted(set(table["steps"]))
    coverage = [
        *(_PROBLEM, words("d", "dimension", thousands), _QUANTITY, words("level"), _DENSITY, _ANTITHETIC),
        *(numbers(design) for design in designs),
    ]
    costs = [
        *(_PROBLEM, _QUANTITY, _DENSITY, _ANTITHETIC, words("design")),
        numbers("truth", text="{:.3g}".format),
        *(numbers(f"error {n} %", n, _percent) for n in steps),
        numbers("bias %", lambda row: f"{100 * row['bias']:+.2f} ± {100 * row['bias_error']:.2f}"),
        *(numbers(f"to {share} %", lambda row, share=share: _evaluations(row, share)) for share in (5, 1)),
    ]
    return paragraphs(
        *(_coverage_caption(table, steps, section), markdown_table(coverage, _coverage(table, designs, section))),
        *(_cost_caption(steps), markdown_table(costs, _costs(table, steps))),
    )


def _coverage(table: pd.DataFrame, designs: Sequence[str], section: TabulateValidation) -> Iterator[Row]:
    """A row per problem, quantity, level, density and noise, with the coverage of each design at all numbers of draws."""
    keys = ["problem", "dimension", "quantity", "level", "density", "antithetic"]
    for values, group in table.groupby(keys, sort=False):
        row = dict(zip(keys, values, strict=True))
        for design in designs:
            of_design = group[group["design"] == design].sort_values("steps")
            row[design] = " · ".join(_covered(record, section) for record in records(of_design)) or MISSING
        yield row


def _covered(row: Row, section: TabulateValidation) -> str:
    text = f"{100 * row['coverage']:.1f}"
    good = in_band(row["coverage_low"], row["coverage_high"], section.confidence)
    return text if good else f"**{text}**"


def _costs(table: pd.DataFrame, steps: Sequence[int]) -> Iterator[Row]:
    """A row per problem, quantity, density, noise and design: what stands at the most draws, and each number's error."""
    totals = table[table["level"] == "total"]
    for _, group in totals.groupby(["problem", "quantity", "density", "antithetic", "design"], sort=False):
        errors = group.set_index("steps")["rmse"]
        last = group.sort_values("steps").iloc[-1].to_dict()
        yield {**last, "fewest": group["evaluations"].min(), **{n: errors.get(n, np.nan) for n in steps}}


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g}" if np.isfinite(fraction) else MISSING


def _evaluations(row: Row, share: int) -> str:
    """Evaluations until the error is as small, two significant digits: an extrapolation deserves no more."""
    count = row[f"evaluations_to_{share}_percent"]
    return f"{'≤ ' if count <= row['fewest'] else ''}{float(f'{count:.2g}'):,.0f}"


def _coverage_caption(table: pd.DataFrame, steps: Sequence[int], section: TabulateValidation) -> str:
    return lines(
        f"How often, in percent, the {100 * section.confidence:g} % interval of a run covers the truth, at "
        f"{', '.join(map(str, steps))} draws. n = {int(table['n'].max())}: {section.grid.points} points drawn from the "
        f"problem, {section.grid.runs} runs each; level pixel: share of the pixels, averaged over runs.",
        "Bold: the whole Wilson interval of the coverage is more than two points away from the level. ±ε: log-SNRs in pairs "
        "with noise of opposite sign, half as many.",
    )


def _cost_caption(steps: Sequence[int]) -> str:
    return lines(
        "Error of the total: root mean square error over the root mean square of the true values (truth, nats), at "
        f"{', '.join(map(str, steps))} draws; bias, at the largest of these, on the same scale with its standard error.",
        "To 5 %, to 1 %: denoiser evaluations (two per draw) until the error is that small, log-linear between measured "
        "numbers, as 1/√N beyond the largest; ≤: the smallest measured number suffices.",
    )
