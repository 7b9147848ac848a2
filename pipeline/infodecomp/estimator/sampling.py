"""Sample the log-SNRs of the integral, and the noise.

Draws are nested: for each n in `steps`, the first n draws of a run are a valid sample on their own, so results at 50, 100
and 200 draws come from one run. In the stratified design, n draws occupy n equal strata of the density, one each; the next
draws fill the empty strata of the finer partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy.stats import qmc

from infodecomp.estimator.densities import DENSITIES, Placing, grid_draws
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.noise import Noise


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
    draws unchanged; log-SNRs and noise then come from separate streams. The noise, made when it is read, does not advance
    `rng`: a generator serves one set of draws.

    >>> draws = sample_draws(
    ...     shape=(4, 8, 8),
    ...     steps=[50, 100],
    ...     density="logistic",
    ...     design="stratified",
    ...     antithetic_eps=True,
    ...     interval=Interval(-5.0, 7.0, loc=1.0, scale=2.0),
    ...     rng=np.random.default_rng(0),
    ... )
    >>> len(draws), draws.eps.shape
    (100, (100, 4, 8, 8))
    """
    places, noise = rng.spawn(2) if extendable else (rng, rng)
    pairs = 2 if antithetic_eps else 1
    counts = [step // pairs for step in steps]
    if density == "grid":
        logsnr, weight = grid_draws(counts[-1], interval)
    else:
        draw = DENSITIES[density] if isinstance(density, str) else density
        logsnr, weight = draw(unit_points(design, counts, places), interval)
    return Draws(
        logsnr=torch.from_numpy(np.repeat(logsnr, pairs)),
        weight=torch.from_numpy(np.repeat(weight, pairs)),
        eps=Noise.drawn(noise, pairs * counts[-1], shape, antithetic=antithetic_eps),
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
