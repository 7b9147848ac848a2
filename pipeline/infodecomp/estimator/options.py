"""Scores of several captions of one image with standard errors, for retrieval.

All captions of an image share the same draws. With error_k = ‖ε − ε̂(x_α|y_k)‖² and gap_k = ‖ε̂(x_α) − ε̂(x_α|y_k)‖², in nats:

    i_s      ½ ∫ E[ error_empty − error_k ] dα        log p(x|y_k) − log p(x)
    i_o      ½ ∫ E[ gap_k ] dα
    neg_nll  −½ ∫ E[ error_k − d·σ(α) ] dα − (d/2)·ln 2πe
    diffitm  −mean over timesteps of √error_k, the unsquared norm (Krojer et al., 2023)

i_s and neg_nll rank captions identically; they differ in cost and in standard error.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.information import gaussian_entropy, integral, nll, orthogonal, standard
from infodecomp.estimator.uncertainty import mean_over_draws

EMPTY = ""
INFORMATION_SCORES = ("i_o", "i_s", "neg_nll")


@dataclass(frozen=True)
class Scores:
    """Value and standard error of each option, float64 (K,), and the number of denoiser evaluations."""

    value: np.ndarray
    error: np.ndarray
    evaluations: int


@dataclass(frozen=True)
class Integrands:
    """Squared errors and gaps of D captions at N draws, summed over the latent.

    error, gap: float64 (N, D), NaN at draws on which a caption was not evaluated; empty: float64 (N,), the error of the
    empty prompt. empty and gap are None when no score needs the empty prompt.
    """

    draws: Draws
    error: torch.Tensor
    empty: torch.Tensor | None
    gap: torch.Tensor | None

    @classmethod
    def of(cls, estimate: Estimate, captions: Sequence[str | None]) -> Integrands:
        """The squared errors and gaps of these captions in an estimate whose prompts are texts; NaN for None."""
        pairs = [(EMPTY, caption) for caption in captions if caption is not None]
        missing = torch.full((len(estimate.draws),), math.nan, dtype=torch.float64)
        error = [missing if one is None else _total(estimate.error[one]) for one in captions]
        if not all(pair in estimate.gap for pair in pairs):
            return cls(estimate.draws, torch.stack(error, 1), None, None)
        gap = [missing if one is None else _total(estimate.gap[EMPTY, one]) for one in captions]
        return cls(estimate.draws, torch.stack(error, 1), _total(estimate.error[EMPTY]), torch.stack(gap, 1))

    def followed_by(self, other: Integrands) -> Integrands:
        """These draws and then the other ones."""
        empty = None if self.empty is None or other.empty is None else torch.cat([self.empty, other.empty])
        gap = None if self.gap is None or other.gap is None else torch.cat([self.gap, other.gap])
        draws = self.draws.followed_by(other.draws)
        return Integrands(draws, torch.cat([self.error, other.error]), empty, gap)


@dataclass(frozen=True)
class OptionEstimate:
    """Estimates for the captions of a case from the draws so far, and the scores that follow.

    wordings: the D distinct captions; options: the index of each option's wording. counts: number of draws on which each
    wording was evaluated. ahead: for a wording that has left the race, the wording that led then; −1 for one still running.

    A caption k that left after n draws is scored relative to the caption that led then, on the draws they share: value_k =
    value_ahead + mean over n of (f_k − f_ahead). So it cannot overtake that caption later by the luck of further draws; the
    two standard errors are added in quadrature.
    """

    wordings: tuple[str, ...]
    options: tuple[int, ...]
    dimensions: int
    seen: Integrands
    counts: tuple[int, ...]
    ahead: tuple[int, ...]

    @classmethod
    def of(cls, estimate: Estimate, options: Sequence[str]) -> OptionEstimate:
        """The first draws of a case, with all captions running."""
        wordings = tuple(dict.fromkeys(options))
        return cls(
            wordings=wordings,
            options=tuple(map(wordings.index, options)),
            dimensions=estimate.channels * estimate.error[options[0]][0].numel(),
            seen=Integrands.of(estimate, wordings),
            counts=(len(estimate.draws),) * len(wordings),
            ahead=(-1,) * len(wordings),
        )

    def extended(self, estimate: Estimate) -> OptionEstimate:
        """Add further draws, on which the running captions were evaluated."""
        more = Integrands.of(estimate, [one if self._runs(k) else None for k, one in enumerate(self.wordings)])
        counts = tuple(n + len(estimate.draws) * self._runs(k) for k, n in enumerate(self.counts))
        return replace(self, seen=self.seen.followed_by(more), counts=counts)

    def without(self, leaving: Collection[int], leader: int) -> OptionEstimate:
        """Remove wordings from the race, with the wording that leads it."""
        return replace(self, ahead=tuple(leader if k in leaving else one for k, one in enumerate(self.ahead)))

    @property
    def running(self) -> list[int]:
        """The wordings still in the race."""
        return [k for k in range(len(self.wordings)) if self._runs(k)]

    def _runs(self, wording: int) -> bool:
        return self.ahead[wording] < 0

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Every score that can be computed from these draws, by name."""
        error, empty, gap = self.seen.error, self.seen.empty, self.seen.gap
        log_likelihood = -nll(error, self.seen.draws.logsnr, self.dimensions)
        scores = {"neg_nll": self._scores(log_likelihood, constant=gaussian_entropy(self.dimensions))}
        if empty is not None and gap is not None:
            scores["i_s"] = self._scores(standard(empty[:, None], error), reference=True)
            scores["i_o"] = self._scores(orthogonal(gap), reference=True)
        return scores

    def lead(self) -> tuple[int, np.ndarray, np.ndarray]:
        """The most likely running wording, and its lead over each wording: differences of i_s with standard errors, (D,).

        NaN for wordings that have left.
        """
        error = self.seen.error
        # An image whose predictions are not finite has no leader, and no caption leaves.
        best = int(np.argmin(np.nan_to_num(self._integral(error)[0], nan=np.inf)))
        return best, *self._integral(standard(error, error[:, best : best + 1]))

    def _scores(self, integrand: torch.Tensor, *, constant: float = 0.0, reference: bool = False) -> Scores:
        value, error = self._integral(integrand)
        for k in sorted(range(len(self.wordings)), key=lambda k: -self.counts[k]):
            if not self._runs(k):
                leader, count = self.ahead[k], self.counts[k]
                pair = (integrand[:, k] - integrand[:, leader])[:count, None]
                distance, distance_error = self._integral(pair, self.seen.draws.first(count))
                value[k] = value[leader] + distance[0]
                error[k] = math.hypot(error[leader], distance_error[0])
        evaluations = sum(self.counts) + reference * len(self.seen.draws)
        options = list(self.options)
        return Scores(value[options] - constant, error[options], evaluations)

    def _integral(self, integrand: torch.Tensor, draws: Draws | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Integral of each column over log-SNR, with its standard error."""
        found = integral(integrand, draws or self.seen.draws)
        return found.value, found.error


def diffitm_scores(estimate: Estimate, options: Sequence[str]) -> Scores:
    """Minus the mean over draws of ‖ε − ε̂‖; the draws are the method's timesteps, with one noise each.

    The standard error comes from second differences of neighbouring timesteps, as for stratified draws.

    >>> draws = Draws.held(torch.zeros(3), torch.ones(3), torch.zeros(3, 1, 1, 1))
    >>> found = Estimate(draws, 1, {"a dog": torch.full((3, 1, 1), 4.0), "a cat": torch.full((3, 1, 1), 9.0)}, {})
    >>> diffitm_scores(found, ["a dog", "a cat"]).value.tolist()
    [-2.0, -3.0]
    """
    norms = torch.stack([_total(estimate.error[option]).sqrt() for option in options], 1)
    mean = mean_over_draws(-norms, estimate.draws)
    return Scores(mean.value, mean.error, len(set(options)) * len(estimate.draws))


def _total(per_pixel: torch.Tensor) -> torch.Tensor:
    """(N, h, w) → float64 (N,), the sum over pixels."""
    return per_pixel.double().sum((1, 2))
