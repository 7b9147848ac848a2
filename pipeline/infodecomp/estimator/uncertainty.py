"""Standard error and confidence interval of a mean over draws, under every design of `sampling`.

Let f_1 … f_n be the weighted integrands (±ε pairs averaged first), sorted by log-SNR. Squares q_i, each with the variance
of its draw as its mean:

    independent draws   q_i = (f_i − f̄)² · n/(n − 1)
    one per stratum     q_i = (f_{i−1} − 2 f_i + f_{i+1})² / 6; at the ends q_1 = (f_1 − l)² / (1 + v), and likewise q_n,
                        where l is the least-squares line through f_2 … f_5 evaluated at stratum 1, and v·σ² its variance

The latter measure the variance within strata without the trend across them. Then

- standard error: s² = Σ q_i / n²;
- degrees of freedom ν of s² (Satterthwaite, Biometrics Bulletin 2, 1946): 2 (Σ q_i)² / Var(Σ q_i), the variance estimated
  from the q_i themselves, overlaps included. A sum dominated by a few draws, or heavy tails, makes it small. Small samples
  rarely show their tails, so 1/ν is biased low: the jackknife removes the bias of order 1/n, leaving out the terms of one
  draw, or of three neighbours, at a time (Quenouille, Biometrika 43, 1956; Künsch, Ann. Statist. 17, 1989);
- skewness g of the mean, from cubes in place of squares: at 50 draws the mean of a skewed integrand is still skewed;
- interval: Student's t after Hall's transformation (J. R. Statist. Soc. B 54, 1992), monotone and without resampling: with
  h(x) = (3/g) ((1 + g (x − g/6))^⅓ − 1), from f̄ − s·h(t_ν) to f̄ − s·h(−t_ν).

Sobol points are one per stratum when their number is a power of two. Otherwise they are several such samples in sequence
(50 = 32 + 16 + 2), and the variance that the trend adds in the shorter ones is added to s².
"""

from __future__ import annotations

import numpy as np
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.mean import Mean

# The mean of n squares of second differences of independent normal f varies like that of n/1.94 independent squares:
# neighbours overlap, 1 + 2·(4/6)² + 2·(1/6)² = 1.94.
_OVERLAP = 1.94


def most_freedom(count: int, *, stratified: bool) -> float:
    """Degrees of freedom of the standard error of `count` normal values of equal variance (±ε pairs: of their means).

    Independent values: n − 1. One per stratum: n/1.94, because neighbouring second differences overlap. At least 1. Values
    of unequal variance or with heavy tails have fewer.

    >>> most_freedom(50, stratified=False)
    49.0
    """
    return max(1.0, count / _OVERLAP if stratified else count - 1.0)


def mean_over_draws(values: torch.Tensor, draws: Draws) -> Mean:
    """Mean over the first axis, with its uncertainty. values: float64 (N, …), weighted integrands at `draws`.

    >>> draws = Draws.held(torch.zeros(4), torch.ones(4), torch.zeros(4, 1, 1, 1))
    >>> found = mean_over_draws(torch.tensor([1.0, 3.0, 1.0, 3.0], dtype=torch.float64), draws)
    >>> float(found.value), round(float(found.error), 4)
    (2.0, 0.5774)
    """
    values, logsnr = _paired(values, draws)
    if not draws.stratified or len(values) < 3:
        return mean_of_independent(values)
    ordered = values[torch.argsort(logsnr)]
    square, cube, inverse = _second_differences(ordered)
    trend = _sobol_trend(ordered, square.mean(0)) if draws.sobol else 0
    return _mean(values.mean(0), square, cube, inverse, trend)


def mean_of_independent(values: torch.Tensor) -> Mean:
    """Mean over the first axis of independent values, such as the estimates of several images. values: float64 (N, …).

    >>> found = mean_of_independent(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    >>> float(found.value), round(float(found.error), 4)
    (2.0, 0.5774)
    """
    mean = values.mean(0)
    if len(values) < 3:
        missing = np.full(mean.shape, np.nan)
        return Mean(mean.numpy(), missing, missing, missing)
    square, cube, inverse = _deviations(values - mean)
    return _mean(mean, square, cube, inverse)


def _mean(
    mean: torch.Tensor,
    square: torch.Tensor,
    cube: torch.Tensor,
    inverse: torch.Tensor,
    trend: torch.Tensor | int = 0,
) -> Mean:
    """From squares, one a value, cubes, 1/ν, and what the trend adds to the variance of a value."""
    variance, count = square.mean(0), len(square)
    total = variance + trend
    skewness = cube.mean(0) / total**1.5 / count**0.5
    return Mean(
        mean.numpy(),
        (total / count).sqrt().numpy(),
        np.nan_to_num(((total / variance) ** 2 / inverse).numpy(), nan=float(count)),
        np.nan_to_num(skewness.numpy()),
    )


def _paired(values: torch.Tensor, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """One value per log-SNR: the mean of its ±ε pair."""
    if draws.antithetic:
        return values.unflatten(0, (-1, 2)).mean(1), draws.logsnr[::2]
    return values, draws.logsnr


def _deviations(residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For independent draws: squares q, cubes whose mean is the third moment, and 1/ν."""
    count = len(residual)
    square = residual.square() * (count / (count - 1))
    cube = residual**3 * (count**2 / ((count - 1) * (count - 2)))
    return square, cube, _inverse_freedom(square, square.square(), stratified=False)


def _second_differences(ordered: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same for one draw per stratum, in order of the strata."""
    count = len(ordered)
    second = ordered[:-2] - 2 * ordered[1:-1] + ordered[2:]
    square = torch.cat([_end(ordered)[None], second.square() / 6, _end(ordered.flip(0))[None]])
    products = square.square()
    for distance in (1, 2):  # these overlap; from 3 on they are independent
        products[:-distance] += 2 * square[:-distance] * square[distance:]
    products[:-3] -= 5 * (count / max(count - 3, 1)) * square[:-3] * square[3:]
    return square, -(second**3) / 6, _inverse_freedom(square, products, stratified=True)


def _inverse_freedom(square: torch.Tensor, products: torch.Tensor, *, stratified: bool) -> torch.Tensor:
    """1/ν = Var(Σ q) / (2 (Σ q)²): the plain estimate, or the jackknife's if that is larger.

    The variance is the sum of the products, less (Σ q)²/n for independent draws. The result is not below that of equal
    normal values: few draws cannot show that their tails are lighter.
    """
    count, block = len(square), 3 if stratified else 1

    def inverse(sums: torch.Tensor, total: torch.Tensor, kept: int) -> torch.Tensor:
        return (total / sums**2 - (0 if stratified else 1 / kept)) / 2

    sums, total = square.sum(0), products.sum(0)
    least = torch.full_like(sums, 1 / most_freedom(count, stratified=stratified))
    found = inverse(sums, total, count)
    kept = count - block
    if kept < 2:
        return torch.maximum(found, least)
    # Where one block holds the whole sum, nothing is left to divide by; a millionth is above rounding.
    rest = torch.maximum(sums - _windows(square, block), 1e-6 * sums)
    left_out = inverse(rest, total - _windows(products, block), kept).mean(0) * (kept / count)
    unbiased = found + kept / block * (found - left_out)
    return torch.maximum(torch.maximum(found, unbiased), least)


def _windows(values: torch.Tensor, length: int) -> torch.Tensor:
    """Sums of each value and the following ones, cyclically."""
    return torch.stack([values.roll(-shift, 0) for shift in range(length)]).sum(0)


def _end(ordered: torch.Tensor) -> torch.Tensor:
    """q of the first stratum, from the line through the next (up to four) values extended to it."""
    places = torch.arange(1, min(len(ordered), 5)).double()
    away = places - places.mean()
    share = 1 / len(places) - places.mean() * away / away.square().sum()
    line = torch.tensordot(share, ordered[1 : len(places) + 1], dims=1)
    return (ordered[0] - line).square() / (1 + share.square().sum())


def _sobol_trend(ordered: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """What the trend adds to n·s² where n Sobol points are a sequence of samples of 2^k points with different k.

    Each of m such points comes from its own m-th part of the density. The variance of all n values within these parts, minus
    that within the n strata, is the contribution of the trend to the shorter samples.
    """
    count = len(ordered)
    extra = torch.zeros_like(variance)
    sizes = [1 << k for k in range(count.bit_length()) if count >> k & 1]
    for size in sizes[:-1]:
        parts = torch.tensor_split(ordered, size)
        within = torch.stack([part.var(0) for part in parts]).mean(0)
        extra = extra + size / count * (within - variance).clamp(min=0)
    return extra
