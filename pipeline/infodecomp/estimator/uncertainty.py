"""How far a mean over draws may be from the integral: its standard error and interval, under every design of `sampling`.

Let f_1 … f_n be the weighted integrands (±ε pairs averaged first) in order of their log-SNR. Squares q_i, each with the
variance of its draw as its mean:

    independent draws   q_i = (f_i − f̄)² · n/(n − 1)
    one a stratum       q_i = (f_{i−1} − 2 f_i + f_{i+1})² / 6; at the ends q_1 = (f_1 − l)² / (1 + v), and q_n alike,
                        l being where the line through f_2 … f_5 (least squares) meets stratum 1, v·σ² its variance

Both see the variance within strata and not the trend across them. Then

- standard error: s² = Σ q_i / n²;
- degrees of freedom ν, how well s² is known (Satterthwaite, Biometrics Bulletin 2, 1946): 2 (Σ q_i)² / Var(Σ q_i), the
  variance read off the q_i themselves, overlaps included. A few draws that carry the sum, or heavy tails, make it small.
  Few draws show their tails too seldom and find 1/ν too small: the jackknife takes the bias of order 1/n off it, leaving out
  the terms of one draw, or of three neighbours, at a time (Quenouille, Biometrika 43, 1956; Künsch, Ann. Statist. 17, 1989);
- skewness g of the mean, from cubes in place of squares: at 50 draws the mean of a skewed integrand is skewed itself;
- interval: Student's t after Hall's transformation (J. R. Statist. Soc. B 54, 1992), monotone and without resampling: with
  h(x) = (3/g) ((1 + g (x − g/6))^⅓ − 1), from f̄ − s·h(t_ν) to f̄ − s·h(−t_ν).

Sobol points are one a stratum when their number is a power of two. Else they are such samples one after another (50 = 32 +
16 + 2), and what the trend adds to the error of the shorter ones is added to s².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import t as student

from infodecomp.estimator.sampling import Draws

# The mean of n squares of second differences of independent normal f varies like that of n/1.94 independent squares:
# neighbours overlap, 1 + 2·(4/6)² + 2·(1/6)² = 1.94.
_OVERLAP = 1.94


def most_freedom(count: int, *, stratified: bool) -> float:
    """Degrees of freedom of the standard error of `count` normal values of one variance (of pairs: of their means).

    Independent values: n − 1. One a stratum: n/1.94, because neighbouring second differences overlap. Values of unequal
    variance or with heavy tails have fewer; at least 1.

    >>> most_freedom(50, stratified=False)
    49.0
    """
    return max(1.0, count / _OVERLAP if stratified else count - 1.0)


@dataclass(frozen=True)
class Mean:
    """Means over draws, all float64 arrays of one shape: value, standard error, degrees of freedom of the error, and the
    skewness of the mean's own distribution. NaN from fewer than three draws (pairs), except for the value.
    """

    value: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    skewness: np.ndarray

    def plus(self, constant: float) -> Mean:
        """The mean of the same draws and a constant."""
        return Mean(self.value + constant, self.error, self.freedom, self.skewness)

    def interval(self, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the interval that covers the integral with probability `confidence`, such as 0.95."""
        quantile = np.asarray(student.ppf((1 + confidence) / 2, np.maximum(self.freedom, 1.0)))
        low, high = (_hall(x, self.skewness) for x in (quantile, -quantile))
        return self.value - self.error * low, self.value - self.error * high


def mean_over_draws(values: torch.Tensor, draws: Draws) -> Mean:
    """Mean over the first axis with what its interval takes. values: float64 (N, …), weighted integrands of `draws`.

    >>> draws = Draws(torch.zeros(4), torch.ones(4), torch.zeros(4, 1, 1, 1))
    >>> found = mean_over_draws(torch.tensor([1.0, 3.0, 1.0, 3.0], dtype=torch.float64), draws)
    >>> float(found.value), round(float(found.error), 4)
    (2.0, 0.5774)
    """
    values, logsnr = _paired(values, draws)
    count = len(values)
    mean = values.mean(0)
    if count < 3:
        missing = np.full(mean.shape, np.nan)
        return Mean(mean.numpy(), missing, missing, missing)
    if draws.stratified:
        ordered = values[torch.argsort(logsnr)]
        square, cube, inverse = _second_differences(ordered)
    else:
        square, cube, inverse = _deviations(values - mean)
    variance = square.mean(0)
    total = variance + (_sobol_trend(ordered, variance) if draws.sobol else 0)
    skewness = cube.mean(0) / total**1.5 / count**0.5
    return Mean(
        mean.numpy(),
        (total / count).sqrt().numpy(),
        np.nan_to_num(((total / variance) ** 2 / inverse).numpy(), nan=float(count)),
        np.nan_to_num(skewness.numpy()),
    )


def _paired(values: torch.Tensor, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """One value for each log-SNR: the mean of its ±ε pair."""
    if draws.antithetic:
        return values.unflatten(0, (-1, 2)).mean(1), draws.logsnr[::2]
    return values, draws.logsnr


def _deviations(residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of independent draws: squares q, cubes whose mean is the third moment, and 1/ν."""
    count = len(residual)
    square = residual.square() * (count / (count - 1))
    cube = residual**3 * (count**2 / ((count - 1) * (count - 2)))
    return square, cube, _inverse_freedom(square, square.square(), stratified=False)


def _second_differences(ordered: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same of one draw a stratum, in order of the strata."""
    count = len(ordered)
    second = ordered[:-2] - 2 * ordered[1:-1] + ordered[2:]
    square = torch.cat([_end(ordered)[None], second.square() / 6, _end(ordered.flip(0))[None]])
    products = square.square()
    for distance in (1, 2):  # these overlap, and at 3 they are independent
        products[:-distance] += 2 * square[:-distance] * square[distance:]
    products[:-3] -= 5 * (count / max(count - 3, 1)) * square[:-3] * square[3:]
    return square, -(second**3) / 6, _inverse_freedom(square, products, stratified=True)


def _inverse_freedom(square: torch.Tensor, products: torch.Tensor, *, stratified: bool) -> torch.Tensor:
    """1/ν = Var(Σ q) / (2 (Σ q)²), from squares q and the products p whose sum is that variance, (Σ q)²/n taken off it where
    draws are independent; as it is found, or as the jackknife finds it if that is larger.

    Not below what equal normal values have: few draws cannot show that their tails are lighter.
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
    # What one block holds all of leaves nothing to divide by; a millionth is above rounding.
    rest = torch.maximum(sums - _windows(square, block), 1e-6 * sums)
    left_out = inverse(rest, total - _windows(products, block), kept).mean(0) * (kept / count)
    unbiased = found + kept / block * (found - left_out)
    return torch.maximum(torch.maximum(found, unbiased), least)


def _windows(values: torch.Tensor, length: int) -> torch.Tensor:
    """Sums of each value and the next ones, the first following the last."""
    return torch.stack([values.roll(-shift, 0) for shift in range(length)]).sum(0)


def _end(ordered: torch.Tensor) -> torch.Tensor:
    """q of the first stratum, from where the line through the next four values (fewer if there are not as many) leads."""
    places = torch.arange(1, min(len(ordered), 5)).double()
    away = places - places.mean()
    share = 1 / len(places) - places.mean() * away / away.square().sum()
    line = torch.tensordot(share, ordered[1 : len(places) + 1], dims=1)
    return (ordered[0] - line).square() / (1 + share.square().sum())


def _sobol_trend(ordered: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """What the trend adds to n·s² where n Sobol points are samples of 2^k points, one after another, of different k.

    Each of m such points comes from its own m-th of the density. The variance of all n values within these parts, less that
    within the strata of all, is what the trend leaves in the shorter samples.
    """
    count = len(ordered)
    extra = torch.zeros_like(variance)
    sizes = [1 << k for k in range(count.bit_length()) if count >> k & 1]
    for size in sizes[:-1]:
        parts = torch.tensor_split(ordered, size)
        within = torch.stack([part.var(0) for part in parts]).mean(0)
        extra = extra + size / count * (within - variance).clamp(min=0)
    return extra


def _hall(x: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """The inverse of Hall's transformation; x itself where there is no skewness."""
    skewed = np.abs(skewness) > 1e-6
    g = np.where(skewed, skewness, 1.0)
    return np.where(skewed, 3 / g * (np.cbrt(1 + g * (x - g / 6)) - 1), x)
