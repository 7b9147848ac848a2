"""The equations of the method, each written once: integrands at a log signal-to-noise ratio α, and their integral over α.

For an image x, a prompt y and a reference prompt r, with ε̂(x_α|·) the denoiser's prediction of the noise, at cell j and
summed over the C channels (Kong et al., ICLR 2024, Eq. 2 and 6):

    standard     i^s_j = ½ ∫ E_ε [ (ε − ε̂(x_α|r))²_j − (ε − ε̂(x_α|y))²_j ] dα
    orthogonal   i^o_j = ½ ∫ E_ε [ (ε̂(x_α|r) − ε̂(x_α|y))²_j ] dα
    NLL          n_j   = ½ ∫ E_ε [ (ε − ε̂(x_α|y))²_j − C·σ(α) ] dα + (C/2)·ln 2πe

Integrands are in nats per unit of log-SNR, integrals in nats; the image's value is the sum over cells. Functions of squared
errors take arrays or tensors of any shape and keep their dtype.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.mean import Mean
from infodecomp.estimator.uncertainty import mean_over_draws

Squares = TypeVar("Squares", torch.Tensor, np.ndarray, float)


def standard(error_reference: Squares, error_conditioned: Squares) -> Squares:
    """Integrand of i^s (Eq. 6): ½ [ (ε − ε̂_r)² − (ε − ε̂_y)² ].

    error_reference, error_conditioned: squared errors of the two predictions at the same draw, summed over channels.

    >>> standard(5.0, 3.0)
    1.0
    """
    return 0.5 * (error_reference - error_conditioned)


def orthogonal(gap: Squares) -> Squares:
    """Integrand of i^o (Eq. 6), never negative: ½ (ε̂_r − ε̂_y)².

    gap: squared difference of the two predictions, summed over channels.

    >>> orthogonal(4.0)
    2.0
    """
    return 0.5 * gap


def half_error(error: Squares) -> Squares:
    """The part of the integrand of `nll` that depends on the model: ½ (ε − ε̂)².

    >>> half_error(3.0)
    1.5
    """
    return 0.5 * error


def gaussian_half_error(logsnr: torch.Tensor, dimensions: int) -> torch.Tensor:
    """½ E (ε − ε̂)² = ½ d·σ(α) of the exact denoiser of a d-dimensional standard normal, (N,). logsnr: (N,).

    >>> gaussian_half_error(torch.tensor([0.0]), 4)
    tensor([1.])
    """
    return 0.5 * dimensions * torch.sigmoid(logsnr)


def nll(error: torch.Tensor, logsnr: torch.Tensor, dimensions: int) -> torch.Tensor:
    """Integrand of the negative log likelihood (Eq. 2): ½ [ (ε − ε̂)² − d·σ(α) ].

    Its integral and `gaussian_entropy` add up to the NLL.

    error: (N, …), squared errors, each summed over `dimensions` coordinates (C for one cell). logsnr: (N,).

    >>> nll(torch.tensor([3.0, 2.0]), torch.tensor([0.0, 0.0]), 4)
    tensor([0.5000, 0.0000])
    """
    return half_error(error) - _along_draws(gaussian_half_error(logsnr, dimensions), error)


def gaussian_entropy(dimensions: int) -> float:
    """Entropy of a standard normal, (d/2)·ln 2πe, nats.

    >>> round(gaussian_entropy(1), 4)
    1.4189
    """
    return dimensions / 2 * math.log(2 * math.pi * math.e)


def weighted(integrand: torch.Tensor, draws: Draws) -> torch.Tensor:
    """w(α)·integrand, whose mean over the draws is the integral. integrand: (N, …).

    >>> draws = Draws.held(torch.zeros(2), torch.tensor([2.0, 4.0]), torch.zeros(2, 1, 1, 1))
    >>> weighted(torch.tensor([[1.0], [1.0]]), draws).tolist()
    [[2.0], [4.0]]
    """
    return _along_draws(draws.weight, integrand) * integrand


def integral(integrand: torch.Tensor, draws: Draws) -> Mean:
    """∫ E_ε [ integrand ] dα: the mean over draws of w(α)·integrand, with its standard error.

    integrand: float64 (N, …), at each of the draws. Returns a mean of shape (…).

    >>> draws = Draws.held(torch.zeros(2), torch.tensor([2.0, 4.0]), torch.zeros(2, 1, 1, 1))
    >>> float(integral(torch.tensor([1.0, 1.0], dtype=torch.float64), draws).value)
    3.0
    """
    return mean_over_draws(weighted(integrand, draws), draws)


def _along_draws(values: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Values (N,) with axes of length one, to combine with the other (N, …)."""
    return values[(..., *[None] * (other.ndim - 1))]
