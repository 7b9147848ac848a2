"""Measures of the edits of cases: totals, and correlations between the maps of one case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infodecomp.editing.edits import CHANGES, EditMaps
from infodecomp.metrics.correlation import pearson, spearman

PREDICTORS = ("cmi_s", "cmi_o", "mi_o", "attention")

# The control: how much of the image the object covers, and where. Only datasets with masks have it.
MASK_AREA = "mask_area"


@dataclass(frozen=True)
class Measures:
    """What one intervention changed in n cases; NaN where a case has no value.

    names: of the P predictors. predictor: (n, P) their totals (nats; attention as recorded; share of the image).
    change: (n, C) totals of `CHANGES` (sums over the latent grid; ssim: mean). r, rho: (n, P, C), Pearson's r and
    Spearman's ρ between the maps of one case. inside_over_outside: (n,), mean change of the latent inside the mask over
    that outside. All but the totals leave out letterbox bars.
    """

    names: Sequence[str]
    predictor: np.ndarray
    change: np.ndarray
    r: np.ndarray
    rho: np.ndarray
    inside_over_outside: np.ndarray

    @classmethod
    def empty(cls, cases: int, masked: bool) -> Measures:
        """Measures of `cases` cases, all NaN still; `masked` adds the control."""
        names = (*PREDICTORS, MASK_AREA) if masked else PREDICTORS
        shape = (cases, len(names), len(CHANGES))
        return cls(
            names,
            np.full(shape[:2], np.nan),
            np.full((cases, len(CHANGES)), np.nan),
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.full(cases, np.nan),
        )

    def fill(
        self, row: int, intervention: str, maps: EditMaps, totals: Mapping[str, Any], mask: np.ndarray | None
    ) -> None:
        """Measure one case.

        Args:
            row: number of the case.
            intervention: omit or swap.
            maps: of the case, (h, w).
            totals: its row of the table of edits.
            mask: (h, w), the share of each cell that the object covers; None without one.
        """
        inside = maps.inside
        quantities = [quantity(name, intervention) for name in PREDICTORS]
        heats = [maps.predictor[name] for name in quantities]
        sums = [float(totals[name]) for name in quantities]
        if MASK_AREA in self.names:
            heats.append(np.full(heats[0].shape, np.nan) if mask is None else mask.astype(np.float64))
            sums.append(float("nan") if mask is None or not inside.any() else float(mask[inside].mean()))
        changes = np.stack([maps.change[name, intervention] for name in CHANGES]).astype(np.float64)  # (C, h, w)
        heat = np.stack(heats).astype(np.float64)[:, inside]  # (P, cells)
        self.predictor[row] = sums
        self.change[row] = [
            one.mean() if name == "ssim" else one.sum() for name, one in zip(CHANGES, changes, strict=True)
        ]
        self.r[row] = pearson(heat[:, None], changes[None, :, inside])
        self.rho[row] = spearman(heat[:, None], changes[None, :, inside])
        if mask is not None:
            moved = maps.change["latent_l2", intervention]
            self.inside_over_outside[row] = inside_over_outside(moved[inside], mask[inside] >= 0.5)


def quantity(predictor: str, intervention: str) -> str:
    """The quantity of a predictor for an intervention: for `swap`, CMI is against the swapped caption."""
    return predictor.replace("cmi_", "cmi_swap_") if intervention == "swap" else predictor


def inside_over_outside(change: np.ndarray, mask: np.ndarray) -> float:
    """Mean change inside the mask over that outside.

    Args:
        change: of each cell, any shape, not negative.
        mask: of the same shape, bool.

    Returns:
        infinite if nothing changed outside; NaN if nothing changed at all, or if the mask covers everything or nothing.
    """
    if mask.all() or not mask.any():
        return float("nan")
    inside, outside = change[mask].mean(dtype=np.float64), change[~mask].mean(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(inside, outside))
