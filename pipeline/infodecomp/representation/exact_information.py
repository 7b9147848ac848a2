"""Exact information of a description in a finite world of K images: only the average over samples is random.

With w_k the posterior weight of image k given x_α (they sum to 1) and S the parts of the description that are known,

    I(x; z_S)     = E ln q(z_S | x) / K⁻¹ Σ_k q(z_S | x_k)
    I(x_α; z_S)   = E ln Σ_k w_k q(z_S | x_k) / K⁻¹ Σ_k q(z_S | x_k)
    I(f; z_S)     = E ln K_f⁻¹ Σ_{k with x's f} q(z_S | x_k) / K⁻¹ Σ_k q(z_S | x_k)

so that one set of weights a noised image serves every S. For a description without noise the first is the entropy of z_S, at
most ln K; for an encoder without noise on continuous data it would be infinite, and I(x_α; z) at the end of the range is the
number that means something.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.channel import noised
from infodecomp.representation.descriptions import Description, known_parts
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.runs.seeds import generator

# Images at a time: each holds a row of K numbers a prompt.
_AT_ONCE = 16


@dataclass(frozen=True)
class ExactValues:
    """Pointwise values of images, in nats; means over images are informations.

    whole: (n,), of the whole description. alone: (n, parts), of each part. given_rest: (n, parts), of each given the others.
    factor_whole: (n, J), of the description about each factor. factor_alone: (n, J, parts), of each part about it.
    """

    whole: np.ndarray
    alone: np.ndarray
    given_rest: np.ndarray
    factor_whole: np.ndarray
    factor_alone: np.ndarray

    @property
    def total_correlation(self) -> np.ndarray:
        """TC = Σ_k I(x; z_k) − I(x; z), (n,): what the parts repeat."""
        return np.asarray(self.alone.sum(1) - self.whole)

    @property
    def dual_total_correlation(self) -> np.ndarray:
        """DTC = I(x; z) − Σ_k I(x; z_k | z_rest), (n,): what more than one part knows."""
        return np.asarray(self.whole - self.given_rest.sum(1))


def exact_values(world: FiniteWorld, description: Description, numbers: Sequence[int], seed: int) -> ExactValues:
    """The values of I(x; z_S) and I(f; z_S) for images by number, each with one sampled description."""
    parts = len(description.parts)
    about_x, about_factors = [], []
    for chosen in _batches(numbers):
        known = known_parts(parts).repeat(len(chosen), 1)
        each = np.repeat(chosen, 2 + 2 * parts)
        logs = description.likelihood(description.conditions(each.tolist(), known, seed))
        logs = logs.view(len(chosen), 2 + 2 * parts, len(world))
        marginal = logs.logsumexp(2) - math.log(len(world))  # (n, prompts)
        own = logs[torch.arange(len(chosen)), :, torch.from_numpy(chosen)]
        about_x.append((own - marginal).double())
        about_factors.append(_about_factors(world, chosen, logs[:, 1 : 2 + parts], marginal[:, 1 : 2 + parts]))
    x, factors = torch.cat(about_x).numpy(), torch.cat(about_factors).numpy()
    return ExactValues(
        whole=x[:, 1],
        alone=x[:, 2 : 2 + parts],
        given_rest=x[:, 1:2] - x[:, 2 + parts :],
        factor_whole=factors[:, :, 0],
        factor_alone=factors[:, :, 1:],
    )


def noised_values(
    world: FiniteWorld, description: Description, numbers: Sequence[int], logsnrs: np.ndarray, seed: int
) -> np.ndarray:
    """The values of I(x_α; z_S), float64 (n, log-SNRs, prompts): prompts in the order of `descriptions.known_parts`.

    Every image has its own noise, which all log-SNRs and all prompts share.
    """
    found = []
    for chosen in _batches(numbers):
        prompts = known_parts(len(description.parts))
        each = np.repeat(chosen, len(prompts)).tolist()
        logs = description.likelihood(description.conditions(each, prompts.repeat(len(chosen), 1), seed))
        logs = logs.view(len(chosen), len(prompts), len(world))
        marginal = logs.logsumexp(2) - math.log(len(world))
        weights = _log_posteriors(world, chosen, logsnrs, seed)
        of_image = (
            torch.stack([(row + one).logsumexp(1) for row in rows]) - average
            for rows, one, average in zip(weights, logs, marginal, strict=True)
        )
        found.append(torch.stack(list(of_image)).double())
    return torch.cat(found).numpy()


def identity_values(world: FiniteWorld, numbers: Sequence[int], logsnrs: np.ndarray, seed: int) -> np.ndarray:
    """The values of I(x_α; x), float64 (n, log-SNRs): what the noised image says about which image it is."""
    found = []
    for chosen in _batches(numbers):
        weights = _log_posteriors(world, chosen, logsnrs, seed)
        found.append(weights[torch.arange(len(chosen)), :, torch.from_numpy(chosen)].double() + math.log(len(world)))
    return torch.cat(found).numpy()


def _log_posteriors(world: FiniteWorld, chosen: np.ndarray, logsnrs: np.ndarray, seed: int) -> torch.Tensor:
    """ln w_k for each image at each log-SNR, (n, log-SNRs, K)."""
    shape = tuple(world.images.shape[1:])
    eps = np.stack([generator(seed, "exact", int(number)).standard_normal(shape) for number in chosen])
    alpha = torch.from_numpy(logsnrs).float().repeat(len(chosen))
    rows = torch.from_numpy(np.repeat(np.arange(len(chosen)), len(logsnrs)))
    images = world.images[torch.from_numpy(chosen)]
    x_alpha = noised(images[rows], alpha, torch.from_numpy(eps).float()[rows])
    return world.log_weights(x_alpha, alpha).log_softmax(1).view(len(chosen), len(logsnrs), -1)


def _about_factors(world: FiniteWorld, chosen: np.ndarray, logs: torch.Tensor, marginal: torch.Tensor) -> torch.Tensor:
    """ln q(z_S | f_j)/q(z_S) for each factor, (n, J, prompts). logs: (n, prompts, K); marginal: (n, prompts)."""
    same = (world.attributes[torch.from_numpy(chosen)][:, None] == world.attributes).to(logs.dtype)  # (n, K, J)
    largest = logs.amax(2, keepdim=True)
    agreeing = (logs - largest).exp() @ same  # (n, prompts, J)
    found = agreeing.log() + largest - same.sum(1)[:, None].log() - marginal[:, :, None]
    return found.transpose(1, 2).double()


def _batches(numbers: Sequence[int]) -> Iterator[np.ndarray]:
    chosen = np.asarray(numbers, dtype=np.int64)
    return (chosen[start : start + _AT_ONCE] for start in range(0, len(chosen), _AT_ONCE))
