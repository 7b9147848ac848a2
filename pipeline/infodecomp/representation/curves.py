"""Integrands against log-SNR: of a model, of the exact denoiser on the same draws, and the slope of the exact curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from infodecomp.representation.model_results import ModelResults

# Bins of equal width; each holds enough draws of a few dozen images.
BINS = 16
_OF_MODEL = ("standard", "orthogonal")
_BESIDE_EXACT = ("exact_standard", "exact_orthogonal", "delta_u", "delta_c")


def curve_rows(results: ModelResults) -> Iterator[dict[str, Any]]:
    """Rows of `table_columns.CURVE_COLUMNS`."""
    edges = bin_edges(results)
    width = edges[1] - edges[0]
    shape = results.of_prompt()
    cumulative = np.interp(edges, shape["logsnr"], shape["value"])
    found = {"exact": (np.diff(cumulative) / width, np.full(BINS, np.nan))}
    for name in (*_OF_MODEL, *(_BESIDE_EXACT if results.trained else ())):
        binned = binned_integrands(results, name)
        found[name] = binned.mean(0), binned.std(0, ddof=1) / np.sqrt(len(binned))
    for name, (values, errors) in found.items():
        for low, high, value, error in zip(edges, edges[1:], values, errors, strict=False):
            yield {"model": results.name, "curve": name, "low": low, "high": high, "value": value, "error": error}


def integrand_distance(results: ModelResults) -> float:
    """∫ |f − f*| dα in nats, f the integrand of i^s of the model and f* of the exact denoiser on the same draws; bin by bin.

    A total can be right while its integrand is wrong nearly everywhere. NaN where the decoder is the exact one.
    """
    if not results.trained:
        return float("nan")
    edges = bin_edges(results)
    apart = (binned_integrands(results, "standard") - binned_integrands(results, "exact_standard")).mean(0)
    return float(np.abs(apart).sum() * (edges[1] - edges[0]))


def bin_edges(results: ModelResults) -> np.ndarray:
    """The edges of the bins, (BINS + 1,)."""
    return np.linspace(*results.interval, BINS + 1)


def binned_integrands(results: ModelResults, name: str) -> np.ndarray:
    """The mean integrand of each image in each bin, (n, BINS): weighted draws over all draws and the width of a bin."""
    edges = bin_edges(results)
    found = np.zeros((len(results.estimates), BINS))
    columns = results.estimates[["curve_logsnr", f"curve_{name}"]].itertuples(index=False)
    for row, (logsnr, weighted) in enumerate(columns):
        places = np.clip(np.searchsorted(edges, logsnr, side="right") - 1, 0, BINS - 1)
        found[row] = np.bincount(places, weights=weighted, minlength=BINS) / len(logsnr)
    return np.asarray(found / (edges[1] - edges[0]))
