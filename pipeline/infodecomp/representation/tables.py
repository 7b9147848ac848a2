"""The tables of what codes say about images: by model, by dimension, by factor, and curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config.statistics import StatisticsSection
from infodecomp.representation.curves import curve_rows, integrand_distance
from infodecomp.representation.means import means_over_images
from infodecomp.representation.model_results import ModelResults
from infodecomp.representation.quantities import ALL, COMPARISONS, KINDS
from infodecomp.representation.table_columns import TABLES

_SIDES = ("", "exact_")


def representation_tables(models: Sequence[ModelResults], statistics: StatisticsSection) -> dict[str, pd.DataFrame]:
    """Name → table, with the columns of `table_columns.TABLES`."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for results in models:
        rows["information"].append(information_row(results, statistics))
        rows["by_dimension"] += dimension_rows(results, statistics)
        rows["by_factor"] += factor_rows(results, statistics)
        rows["curves"] += curve_rows(results)
    return {name: pd.DataFrame(rows[name], columns=list(columns)) for name, columns in TABLES.items()}


def information_row(results: ModelResults, statistics: StatisticsSection) -> dict[str, Any]:
    """The row of one model; what a model without trained decoder or noise does not have is NaN."""
    record, exact = results.record, means_over_images(results.exact("whole"), statistics)
    nan = float("nan")
    row: dict[str, Any] = {
        "model": results.name,
        "decoder": "trained" if results.trained else "exact",
        "images": len(results.estimates),
        "entropy": record.entropy,
        **exact.row("exact"),
        **_in_range(results),
        "l1": integrand_distance(results),
        "map_correlation": float(results.totals("correlation")[:, 0].mean()) if results.trained else nan,
        "rate": nan if record.rate is None else record.rate,
        "divergence": nan if record.rate is None else record.rate - float(exact.value[0]),
        "mmd": nan if record.mmd is None else record.mmd,
        "evaluations": int(results.estimates["evaluations"].sum()),
    }
    for side in _SIDES:
        for kind in KINDS:
            totals = results.totals(f"{side}{kind}")[:, 0]
            row |= means_over_images(totals, statistics).row(f"{side}{kind}")
    for name in COMPARISONS:
        row |= means_over_images(results.estimates[name].to_numpy(), statistics).row(name)
    for name, values in _correlations(results).items():
        row |= means_over_images(values, statistics).row(name)
    return row


def dimension_rows(results: ModelResults, statistics: StatisticsSection) -> Iterator[dict[str, Any]]:
    """Two rows a part: alone, and given the others."""
    parts = results.record.parts
    estimated = {
        f"{side}{kind}": means_over_images(results.totals(f"{side}{kind}"), statistics)
        for side in _SIDES
        for kind in KINDS
    }
    inside, whole = results.totals("inside").mean(0), results.totals("orthogonal").mean(0)
    alike = results.totals("correlation").mean(0) if results.trained else np.full(len(whole), np.nan)
    for quantity, first in (("alone", 1), ("given_rest", 1 + len(parts))):
        exact = means_over_images(results.exact(quantity), statistics)
        for k, part in enumerate(parts):
            row = {"model": results.name, "part": part, "quantity": quantity, **exact.row("exact", k)}
            for name, found in estimated.items():
                row |= found.row(name, first + k)
            share = inside[first + k] / whole[first + k] if whole[first + k] > 0 else float("nan")
            yield {**row, "inside": share, "map_correlation": alike[first + k]}


def factor_rows(results: ModelResults, statistics: StatisticsSection) -> Iterator[dict[str, Any]]:
    """A row for each factor and part, and one for the whole description."""
    record = results.record
    whole = means_over_images(results.exact("factor_whole"), statistics)
    alone = means_over_images(results.exact("factor_alone"), statistics)
    for j, (factor, levels) in enumerate(record.factors.items()):
        about = {"model": results.name, "factor": factor, "entropy": math.log(levels)}
        yield {**about, "part": ALL, **whole.row("exact", j)}
        for k, part in enumerate(record.parts):
            yield {**about, "part": part, **alone.row("exact", j * len(record.parts) + k)}


def _in_range(results: ModelResults) -> dict[str, float]:
    """The exact information between the ends of the range, which is what estimates are to find."""
    ends = results.of_prompt().iloc[[0, -1]]
    return {
        "in_range": float(ends["value"].iloc[1] - ends["value"].iloc[0]),
        "in_range_error": float(np.hypot(*ends["error"])),
    }


def _correlations(results: ModelResults) -> dict[str, np.ndarray]:
    """Total and dual total correlation of each image, (n,): exact, and by both estimators.

    TC = Σ_k I(x; z_k) − I(x; z); DTC = I(x; z) − Σ_k I(x; z_k | z_rest).
    """
    parts, exact = len(results.record.parts), results.exact
    found = {
        "tc": exact("alone").sum(1) - exact("whole"),
        "dtc": exact("whole") - exact("given_rest").sum(1),
    }
    for kind in KINDS:
        totals = results.totals(kind)
        found[f"tc_{kind}"] = totals[:, 1 : 1 + parts].sum(1) - totals[:, 0]
        found[f"dtc_{kind}"] = totals[:, 0] - totals[:, 1 + parts :].sum(1)
    return found
