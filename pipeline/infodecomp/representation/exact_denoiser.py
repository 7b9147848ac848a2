"""The exact denoiser of a finite world: its prediction follows from the posterior mean E[x | x_α, what is known].

With a = √σ(α), b = √σ(−α), ε̂ = (x_α − a E[x | x_α, known])/b, and the posterior of image k is proportional to its weight
given x_α times how likely what is known is for it. There is nothing to train, and Bayes' rule leaves no error but rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.likelihoods import Likelihood


@dataclass(frozen=True, eq=False)
class ExactDenoiser:
    """Follows `estimator.denoiser.Denoiser`; conditions are those that the likelihood reads.

    Rows that follow each other with the same x_α, as the prompts of one draw do, share one set of weights.

    >>> from infodecomp.representation.codes import factor_condition
    >>> from infodecomp.representation.likelihoods import FactorLikelihood
    >>> world = FiniteWorld(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), torch.tensor([[0], [1]]))
    >>> denoiser = ExactDenoiser(world, FactorLikelihood(world.attributes))
    >>> known = factor_condition(torch.tensor([[1]]), torch.ones(1), (2,))
    >>> round(denoiser(torch.ones(1, 1, 1, 1), torch.zeros(1), known).item(), 4)
    0.4142
    """

    world: FiniteWorld
    likelihood: Likelihood
    logsnr_range: tuple[float, float] = (-math.inf, math.inf)

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ (B, C, h, w)."""
        signal, noise = (amplitude[:, None, None, None] for amplitude in signal_and_noise(logsnr.to(x_alpha)))
        return (x_alpha - signal * self.posterior_mean(x_alpha, logsnr, condition)) / noise

    def posterior_mean(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """E[x | x_α, known], (B, C, h, w)."""
        first, own = _distinct(x_alpha, logsnr)
        weights = self.world.log_weights(x_alpha[first], logsnr[first].to(x_alpha))
        return self.world.mean((weights[own] + self.likelihood(condition)).softmax(1))


def _distinct(x_alpha: torch.Tensor, logsnr: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows that differ from the one before, and for each row the number of its own among them."""
    changed = torch.ones(len(x_alpha), dtype=torch.bool)
    changed[1:] = (x_alpha[1:] != x_alpha[:-1]).flatten(1).any(1) | (logsnr[1:] != logsnr[:-1])
    return changed.nonzero().flatten(), changed.cumsum(0) - 1
