"""Scores of several captions of one image, and how sure they are: what retrieval reads off the estimator.

All captions of an image see the same draws. With error_k = ‖ε − ε̂(x_α|y_k)‖² and gap_k = ‖ε̂(x_α) − ε̂(x_α|y_k)‖², in nats:

    i_s      ½ ∫ E[ error_empty − error_k ] dα        log p(x|y_k) − log p(x)
    i_o      ½ ∫ E[ gap_k ] dα
    neg_nll  −½ ∫ E[ error_k − d·σ(α) ] dα − (d/2)·ln 2πe
    diffitm  −mean over timesteps of √error_k, the unsquared norm (Krojer et al., 2023)

i_s and neg_nll rank captions alike; they differ in cost and in their standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from pipeline.estimates import Estimate, mean_and_error
from pipeline.sampling import Draws

EMPTY = ""
INFORMATION_SCORES = ("i_o", "i_s", "neg_nll")


@dataclass(frozen=True)
class Scores:
    """Value and standard error of each option, float64 (K,), and the denoiser evaluations that they took."""

    value: np.ndarray
    error: np.ndarray
    evaluations: int


@dataclass(frozen=True)
class OptionBlock:
    """Integrands of one block of draws, summed over the latent: float64, (N, K) for K options and (N,) for `empty`.

    empty and gap are None when no score asks for the empty prompt. `distinct` options differ from each other in wording.
    """

    draws: Draws
    dimensions: int
    distinct: int
    error: torch.Tensor
    empty: torch.Tensor | None
    gap: torch.Tensor | None

    @property
    def gaussian_entropy(self) -> float:
        """Entropy of a standard normal of the latent's dimension, (d/2)·ln 2πe nats."""
        return 0.5 * self.dimensions * math.log(2 * math.pi * math.e)

    @classmethod
    def of(cls, estimate: Estimate, options: Sequence[str]) -> OptionBlock:
        """The integrands of these options in an estimate whose prompts are texts."""
        error = torch.stack([_total(estimate.error[option]) for option in options], 1)
        pairs = [(EMPTY, option) for option in options]
        referred = all(pair in estimate.gap for pair in pairs)
        return cls(
            draws=estimate.draws,
            dimensions=estimate.channels * estimate.error[options[0]][0].numel(),
            distinct=len(set(options)),
            error=error,
            empty=_total(estimate.error[EMPTY]) if referred else None,
            gap=torch.stack([_total(estimate.gap[pair]) for pair in pairs], 1) if referred else None,
        )


@dataclass(frozen=True)
class OptionEstimate:
    """Estimates from one or more independent blocks of equal size; their mean, and the error of that mean."""

    blocks: tuple[OptionBlock, ...]

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Every score that the blocks allow, by name."""
        scores = {"neg_nll": self._scores(_log_likelihood, empty=False, constant=self.blocks[0].gaussian_entropy)}
        if self.blocks[0].empty is not None:
            scores["i_s"] = self._scores(lambda block: 0.5 * (_reference(block) - block.error), empty=True)
            scores["i_o"] = self._scores(lambda block: 0.5 * _gap(block), empty=True)
        return scores

    def lead(self) -> tuple[int, np.ndarray, np.ndarray]:
        """The most likely option, and by how much it leads every option: i_s differences and their errors, (K,)."""
        error, _ = self._combine(lambda block: 0.5 * block.error)
        best = int(np.argmin(error))
        lead, lead_error = self._combine(lambda block: 0.5 * (block.error - block.error[:, best : best + 1]))
        return best, lead, lead_error

    def _scores(
        self, integrand: Callable[[OptionBlock], torch.Tensor], *, empty: bool, constant: float = 0.0
    ) -> Scores:
        value, error = self._combine(integrand)
        prompts = self.blocks[0].distinct + empty
        return Scores(value - constant, error, prompts * sum(len(block.draws) for block in self.blocks))

    def _combine(self, integrand: Callable[[OptionBlock], torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Mean over blocks of the integrals (K,), with its standard error."""
        parts = [mean_and_error(block.draws.weight[:, None] * integrand(block), block.draws) for block in self.blocks]
        means, errors = (torch.stack(part) for part in zip(*parts, strict=True))
        return means.mean(0).numpy(), (errors.square().sum(0).sqrt() / len(parts)).numpy()


def diffitm_scores(estimate: Estimate, options: Sequence[str]) -> Scores:
    """Minus the mean over draws of ‖ε − ε̂‖; the draws are the method's timesteps, one noise each.

    The error is that of a mean over neighbouring levels, read off second differences as for stratified draws.
    """
    norms = torch.stack([_total(estimate.error[option]).sqrt() for option in options], 1)
    mean, error = mean_and_error(-norms, estimate.draws)
    return Scores(mean.numpy(), error.numpy(), len(set(options)) * len(estimate.draws))


def _total(per_pixel: torch.Tensor) -> torch.Tensor:
    """(N, h, w) → float64 (N,), the sum over pixels."""
    return per_pixel.double().sum((1, 2))


def _log_likelihood(block: OptionBlock) -> torch.Tensor:
    gaussian = block.dimensions * torch.sigmoid(block.draws.logsnr)
    return -0.5 * (block.error - gaussian[:, None])


def _reference(block: OptionBlock) -> torch.Tensor:
    if block.empty is None:
        raise ValueError("the empty prompt was not evaluated")
    return block.empty[:, None]


def _gap(block: OptionBlock) -> torch.Tensor:
    if block.gap is None:
        raise ValueError("the empty prompt was not evaluated")
    return block.gap
