"""A density of log-SNRs fitted to the integrand: `density: adaptive`.

The variance of the mean of f/q over draws of density q is least for q(α) ∝ √E[f(α)²]. A pilot, a few draws spread evenly
over the range on a few images, measures these second moments in equal bins of log-SNR, for i^s and i^o, for totals and for
cells. Each is divided by the least variance that any density could give it, (∫ √E[f²] dα)², so that all have equal weight; q
is proportional to the root of their sum. A tenth of the draws comes from the logistic and the uniform density, so no weight
exceeds twenty times that of either, even where the pilot missed something. Draws are weighted by exactly 1/q: a bad pilot
costs variance but causes no bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infodecomp.estimator.densities import logistic_cumulative
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import KINDS, Estimate
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.estimator.sampling import sample_draws
from infodecomp.runs.errors import InputError

BINS = 24
# Share of the draws that comes from each of the two densities that need no pilot.
KEPT = 0.05
# The fitted density is sampled as piecewise constant on this many cells.
_CELLS = 1200
# The moments of a bin are averaged with those of its neighbours, twice.
_SMOOTHING = (0.25, 0.5, 0.25)

Moments = Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class AdaptiveDensity:
    """The fitted part of the density: ∝ `root` at the midpoints of equal bins, linear in between. root: float64 (K,)."""

    interval: Interval
    root: np.ndarray

    def draws(self, u: np.ndarray, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
        """Log-SNRs and weights from u in [0, 1), float64; InputError unless the interval is the pilot's."""
        if interval != self.interval:
            raise InputError(
                f"the pilot covers log-SNRs {self.interval.low:g} … {self.interval.high:g}, but the draws are for "
                f"{interval.low:g} … {interval.high:g}; run pilot_density again."
            )
        mass = self.mass(_CELLS)
        edges = np.linspace(interval.low, interval.high, _CELLS + 1)
        cumulative = np.concatenate([[0.0], np.cumsum(mass)])
        cumulative /= cumulative[-1]
        cell = np.clip(np.searchsorted(cumulative, u, side="right") - 1, 0, _CELLS - 1)
        return np.interp(u, cumulative, edges), np.diff(edges)[cell] / np.diff(cumulative)[cell]

    def mass(self, cells: int) -> np.ndarray:
        """Share of the draws in each of `cells` equal parts of the interval."""
        edges = np.linspace(self.interval.low, self.interval.high, cells + 1)
        fitted = np.interp((edges[1:] + edges[:-1]) / 2, _middles(self.interval, len(self.root)), self.root)
        logistic = np.diff(logistic_cumulative(edges, self.interval))
        return (1 - 2 * KEPT) * fitted / fitted.sum() + KEPT * logistic / logistic.sum() + KEPT / cells


def fit_density(pilots: Sequence[Moments], interval: Interval) -> AdaptiveDensity:
    """Fit the density to pilots. pilots: for each image, quantity → (log-SNRs, squared integrands at them).

    >>> interval = Interval(-5.0, 7.0, 1.0, 2.0)
    >>> logsnr = np.linspace(-5, 7, 48)
    >>> pilot = {"total": (logsnr, np.where(logsnr > 1, 4.0, 1.0))}
    >>> shares = fit_density([pilot], interval).mass(2)
    >>> bool(shares[1] > shares[0])
    True
    """
    root = np.sqrt(sum(relative_moments(pilots, interval).values(), start=np.zeros(BINS)))
    return AdaptiveDensity(interval, root if root.any() else np.ones(BINS))


def pilot_draws(shape: tuple[int, int, int], count: int, interval: Interval, rng: np.random.Generator) -> Draws:
    """Draws of a pilot: spread evenly over the range, with independent noise.

    >>> draws = pilot_draws((4, 8, 8), 24, Interval(-5.0, 7.0, 1.0, 2.0), np.random.default_rng(0))
    >>> len(draws), draws.antithetic
    (24, False)
    """
    return sample_draws(
        shape=shape,
        steps=[count],
        density="uniform",
        design="stratified",
        antithetic_eps=False,
        interval=interval,
        rng=rng,
    )


def relative_moments(pilots: Sequence[Moments], interval: Interval) -> dict[str, np.ndarray]:
    """Quantity → its second moment in each bin over the least variance that any density could give it, (K,).

    >>> interval = Interval(-5.0, 7.0, 1.0, 2.0)
    >>> pilot = {"total": (np.linspace(-5, 7, 48), np.ones(48))}
    >>> moments = relative_moments([pilot], interval)["total"]
    >>> round(float(moments[0]) * 12**2, 6)
    1.0
    """
    width = (interval.high - interval.low) / BINS
    found = {}
    for name in pilots[0]:
        logsnr, squares = (np.concatenate([pilot[name][part] for pilot in pilots]) for part in (0, 1))
        moments = _smoothed(_bin_means(logsnr, squares, interval))
        least = (np.sqrt(moments).sum() * width) ** 2
        found[name] = moments / least if least > 0 else np.zeros(BINS)
    return found


def integrand_squares(estimate: Estimate, pairs: Mapping[str, PromptPair]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Log-SNRs and squared integrands of named prompt pairs: of the total, and summed over cells.

    >>> import torch
    >>> draws = Draws.held(torch.tensor([1.0]), torch.ones(1), torch.zeros(1, 1, 1, 2))
    >>> error = {"": torch.full((1, 1, 2), 3.0), "dog": torch.ones(1, 1, 2)}
    >>> found = Estimate(draws, 1, error, {("", "dog"): torch.full((1, 1, 2), 2.0)})
    >>> integrand_squares(found, {"mi": ("", "dog")})["mi_standard_total"][1].tolist()
    [4.0]
    """
    logsnr = estimate.draws.logsnr.numpy()
    found = {}
    for name, pair in pairs.items():
        for kind in KINDS:
            integrand = estimate.integrand(pair, kind)
            found[f"{name}_{kind}_total"] = logsnr, integrand.sum((1, 2)).square().numpy()
            found[f"{name}_{kind}_pixel"] = logsnr, integrand.square().sum((1, 2)).numpy()
    return found


def _middles(interval: Interval, bins: int) -> np.ndarray:
    edges = np.linspace(interval.low, interval.high, bins + 1)
    return (edges[1:] + edges[:-1]) / 2


def _bin_means(logsnr: np.ndarray, values: np.ndarray, interval: Interval) -> np.ndarray:
    """Mean in each bin; 0 in a bin without draws, which smoothing then fills from its neighbours."""
    share = (logsnr - interval.low) / (interval.high - interval.low)
    index = np.clip((share * BINS).astype(int), 0, BINS - 1)
    counts = np.bincount(index, minlength=BINS)
    return np.bincount(index, weights=values, minlength=BINS) / np.maximum(counts, 1)


def _smoothed(values: np.ndarray) -> np.ndarray:
    for _ in range(2):
        padded = np.concatenate([values[:1], values, values[-1:]])
        values = np.convolve(padded, _SMOOTHING, mode="valid")
    return values
