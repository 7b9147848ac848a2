"""Sample the log-SNRs of the integral, and the noise.

Every density has weights w = 1/density, so that ∫ f(α) dα ≈ mean over draws of w(α)·f(α). Draws are nested: for each n in
`steps`, the first n draws of a run are a valid sample on their own, so results at 50, 100 and 200 draws come from one run.
In the stratified design, n draws occupy n equal strata of the density, one each; the next draws fill the empty strata of the
finer partition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from scipy.stats import qmc

from infodecomp.runs.errors import InputError


@dataclass(frozen=True)
class Draws:
    """Log-SNRs with importance weights and noise, shared by all prompts of one image.

    logsnr, weight: float64 (N,). eps: float32 (N, C, h, w). `antithetic`: draws 2k and 2k+1 share a log-SNR and have noise
    of opposite sign. `stratified`: neighbours on the log-SNR axis were drawn from neighbouring strata, which the standard
    error takes into account; `sobol`: this holds only for a power of two of them.
    """

    logsnr: torch.Tensor
    weight: torch.Tensor
    eps: torch.Tensor
    antithetic: bool = False
    stratified: bool = False
    sobol: bool = False

    def __len__(self) -> int:
        return len(self.logsnr)

    def first(self, count: int) -> Draws:
        """The first `count` draws."""
        return self.between(0, count)

    def between(self, start: int, stop: int) -> Draws:
        """Draws `start` … `stop` − 1."""
        kept = slice(start, stop)
        return replace(self, logsnr=self.logsnr[kept], weight=self.weight[kept], eps=self.eps[kept])

    def followed_by(self, other: Draws) -> Draws:
        """These draws and then the others, of the same design."""
        return replace(
            self,
            logsnr=torch.cat([self.logsnr, other.logsnr]),
            weight=torch.cat([self.weight, other.weight]),
            eps=torch.cat([self.eps, other.eps]),
        )


@dataclass(frozen=True)
class Interval:
    """The range of log-SNRs of the integral, and the location and scale of the logistic density."""

    low: float
    high: float
    loc: float
    scale: float


def integration_interval(
    *, loc: float, scale: float, clip: float, trained: tuple[float, float], beyond_trained_range: bool
) -> Interval:
    """[loc − clip·scale, loc + clip·scale], cut to the trained range unless `beyond_trained_range`.

    Raises InputError if nothing is left.

    >>> integration_interval(loc=1.0, scale=2.0, clip=3.0, trained=(-4.0, 9.0), beyond_trained_range=False)
    Interval(low=-4.0, high=7.0, loc=1.0, scale=2.0)
    """
    low, high = loc - clip * scale, loc + clip * scale
    if not beyond_trained_range:
        low, high = max(low, trained[0]), min(high, trained[1])
    if not low < high:
        raise InputError(
            f"information → range gives log-SNRs {loc - clip * scale:g} … {loc + clip * scale:g}, outside the "
            f"model's trained range {trained[0]:.3f} … {trained[1]:.3f}; choose values that overlap it"
        )
    return Interval(low, high, loc, scale)


class Range(Protocol):
    """Settings of the range of log-SNRs; see `integration_interval`."""

    @property
    def loc(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def beyond_trained_range(self) -> bool: ...


def interval_of(section: Range, trained: tuple[float, float]) -> Interval:
    """The range of log-SNRs that a section of the configuration gives, for a model trained on the range `trained`.

    >>> from types import SimpleNamespace
    >>> section = SimpleNamespace(loc=1.0, scale=2.0, clip=3.0, beyond_trained_range=False)
    >>> interval_of(section, trained=(-4.0, 9.0))
    Interval(low=-4.0, high=7.0, loc=1.0, scale=2.0)
    """
    return integration_interval(
        loc=section.loc,
        scale=section.scale,
        clip=section.clip,
        trained=trained,
        beyond_trained_range=section.beyond_trained_range,
    )


def logistic_cumulative(logsnr: np.ndarray, interval: Interval) -> np.ndarray:
    """Cumulative distribution function of the logistic, not truncated.

    >>> logistic_cumulative(np.array([1.0]), Interval(-5.0, 7.0, loc=1.0, scale=2.0)).tolist()
    [0.5]
    """
    return np.asarray(1 / (1 + np.exp(-(logsnr - interval.loc) / interval.scale)))


def logistic_shares(draws: Draws, interval: Interval) -> torch.Tensor:
    """Weights that turn a mean over draws of any density into one over the truncated logistic, float64 (N,).

    Each is the ratio of the logistic density to the density of the draw.

    >>> interval = Interval(-5.0, 7.0, loc=1.0, scale=2.0)
    >>> logsnr, weight = map(torch.from_numpy, logistic_draws(np.array([0.2, 0.9]), interval))
    >>> logistic_shares(Draws(logsnr, weight, torch.zeros(2, 1, 1, 1)), interval).numpy().round(6).tolist()
    [1.0, 1.0]
    """
    edges = logistic_cumulative(np.array([interval.low, interval.high]), interval)
    cumulative = logistic_cumulative(draws.logsnr.numpy(), interval)
    density = cumulative * (1 - cumulative) / (interval.scale * (edges[1] - edges[0]))
    return draws.weight * torch.from_numpy(density)


def logistic_draws(u: np.ndarray, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
    """Log-SNRs and weights of a truncated logistic from u in [0, 1), float64.

    α = loc + scale·logit(F(low) + (F(high) − F(low))·u), with F the logistic CDF; w = 1/density.

    >>> logsnr, weight = logistic_draws(np.array([0.5]), Interval(-5.0, 7.0, loc=1.0, scale=2.0))
    >>> logsnr.round(6).tolist(), weight.round(3).tolist()
    ([1.0], [7.241])
    """
    cumulative = [_sigmoid((edge - interval.loc) / interval.scale) for edge in (interval.low, interval.high)]
    mass = cumulative[1] - cumulative[0]
    p = cumulative[0] + mass * np.asarray(u, dtype=np.float64)
    standard = np.log(p) - np.log1p(-p)
    return interval.loc + interval.scale * standard, mass * interval.scale / (p * (1 - p))


def uniform_draws(u: np.ndarray, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
    """Log-SNRs and weights of the uniform density: w = high − low.

    >>> logsnr, weight = uniform_draws(np.array([0.25]), Interval(-5.0, 7.0, loc=1.0, scale=2.0))
    >>> logsnr.tolist(), weight.tolist()
    ([-2.0], [12.0])
    """
    length = interval.high - interval.low
    logsnr = interval.low + length * np.asarray(u, dtype=np.float64)
    return logsnr, np.full_like(logsnr, length)


def grid_draws(count: int, interval: Interval) -> tuple[np.ndarray, np.ndarray]:
    """`count` equidistant log-SNRs, ends included, with the weights of the trapezoidal rule.

    >>> logsnr, weight = grid_draws(3, Interval(-5.0, 7.0, loc=1.0, scale=2.0))
    >>> logsnr.tolist(), weight.tolist()
    ([-5.0, 1.0, 7.0], [9.0, 18.0, 9.0])
    """
    logsnr = np.linspace(interval.low, interval.high, count)
    weight = np.full(count, (interval.high - interval.low) * count / max(count - 1, 1))
    if count > 1:
        weight[[0, -1]] /= 2
    return logsnr, weight


# How a density turns points in [0, 1) into log-SNRs and weights.
Placing = Callable[[np.ndarray, Interval], tuple[np.ndarray, np.ndarray]]
_DENSITIES: dict[str, Placing] = {"logistic": logistic_draws, "uniform": uniform_draws}


def unit_points(design: str, steps: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Points in [0, 1) of which the first n follow the design for each n in `steps`: iid, stratified, midpoint or sobol.

    >>> unit_points("midpoint", [4], np.random.default_rng(0)).tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    if design == "iid":
        return rng.random(steps[-1])
    if design == "midpoint":
        return (np.arange(steps[-1]) + 0.5) / steps[-1]
    if design == "sobol":
        size = int(np.ceil(np.log2(max(steps[-1], 2))))
        return qmc.Sobol(1, scramble=True, rng=rng).random_base2(size)[: steps[-1], 0]
    return _nested_strata(steps, rng)


def _nested_strata(steps: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    points = np.empty(0)
    for count in steps:
        taken = np.zeros(count, dtype=bool)
        taken[np.minimum((points * count).astype(int), count - 1)] = True
        empty = rng.permutation(np.flatnonzero(~taken))
        points = np.concatenate([points, (empty + rng.random(len(empty))) / count])
    return points


def sample_draws(
    *,
    shape: tuple[int, int, int],
    steps: Sequence[int],
    density: str | Placing,
    design: str,
    antithetic_eps: bool,
    interval: Interval,
    rng: np.random.Generator,
    extendable: bool = False,
) -> Draws:
    """Draw log-SNRs and noise for one image.

    shape: (C, h, w). density: logistic, uniform, grid, or a function that places points. steps: increasing numbers of draws,
    each a valid sample on its own; for the stratified design each is a multiple of the one before. With `antithetic_eps`,
    half as many log-SNRs are drawn, each with ±ε. `extendable`: further numbers at the end of `steps` leave the earlier
    draws unchanged; log-SNRs and noise then come from separate streams.

    >>> draws = sample_draws(
    ...     shape=(4, 8, 8),
    ...     steps=[50, 100],
    ...     density="logistic",
    ...     design="stratified",
    ...     antithetic_eps=True,
    ...     interval=Interval(-5.0, 7.0, loc=1.0, scale=2.0),
    ...     rng=np.random.default_rng(0),
    ... )
    >>> len(draws), tuple(draws.eps.shape)
    (100, (100, 4, 8, 8))
    """
    places, noise = rng.spawn(2) if extendable else (rng, rng)
    pairs = 2 if antithetic_eps else 1
    counts = [step // pairs for step in steps]
    if density == "grid":
        logsnr, weight = grid_draws(counts[-1], interval)
    else:
        draw = _DENSITIES[density] if isinstance(density, str) else density
        logsnr, weight = draw(unit_points(design, counts, places), interval)
    eps = torch.from_numpy(noise.standard_normal((counts[-1], *shape), dtype=np.float32))
    if antithetic_eps:
        eps = torch.stack([eps, -eps], 1).flatten(0, 1)
    return Draws(
        logsnr=torch.from_numpy(np.repeat(logsnr, pairs)),
        weight=torch.from_numpy(np.repeat(weight, pairs)),
        eps=eps,
        antithetic=antithetic_eps,
        stratified=density == "grid" or design != "iid",
        sobol=density != "grid" and design == "sobol",
    )


class Sampling(Protocol):
    """Settings of draws; see `sample_draws`."""

    @property
    def design(self) -> str: ...
    @property
    def antithetic_eps(self) -> bool: ...


def draws_of(
    section: Sampling,
    *,
    steps: Sequence[int],
    shape: tuple[int, int, int],
    interval: Interval,
    density: str | Placing,
    rng: np.random.Generator,
    extendable: bool = False,
) -> Draws:
    """Draw log-SNRs and noise for one image as a section of the configuration specifies.

    steps: numbers of draws, nested. extendable: whether a later run may continue with more draws.

    >>> from types import SimpleNamespace
    >>> interval, rng = Interval(-5.0, 7.0, loc=1.0, scale=2.0), np.random.default_rng(0)
    >>> section = SimpleNamespace(design="stratified", antithetic_eps=True)
    >>> len(draws_of(section, steps=(50, 100), shape=(4, 8, 8), interval=interval, density="logistic", rng=rng))
    100
    """
    return sample_draws(
        shape=shape,
        steps=steps,
        density=density,
        design=section.design,
        antithetic_eps=section.antithetic_eps,
        extendable=extendable,
        interval=interval,
        rng=rng,
    )


def _sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
