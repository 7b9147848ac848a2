"""From noise to images and back with a denoiser that reads a code: DDPM, DDIM, two phases, and DDIM reversed.

Between log-SNRs a < b, with ᾱ = σ(α) and x̂ = (x_a − √(1 − ᾱ_a)·ε̂)/√ᾱ_a (Song et al., ICLR 2021, Eqs. 12 and 16),

    x_b = √ᾱ_b·x̂ + √(1 − ᾱ_b − s²)·ε̂ + s·n,   s = η·√((1 − ᾱ_b)/(1 − ᾱ_a))·√(1 − ᾱ_a/ᾱ_b),   n ~ N(0, I).

η = 0 is DDIM, without noise on the way; η = 1 is DDPM's ancestral sampling. The denoiser is always asked at the level at
which x is, forwards and reversed, with the code that the caller gave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from infodecomp.estimator.channel import clean_prediction, signal_and_noise, trained_logsnr
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.flows.ddim import ddim_move
from infodecomp.runs.errors import InputError

# x̂ (B, C, h, w) → codes as a batch of conditions.
Encode = Callable[[torch.Tensor], Condition]


def even_levels(steps: int, low: float, high: float) -> tuple[float, ...]:
    """`steps` log-SNRs from noise to image, equally spaced: steps − 1 moves and a last prediction of the image.

    >>> even_levels(3, -7.0, 1.0)
    (-7.0, -3.0, 1.0)
    """
    return tuple(np.linspace(low, high, steps).tolist())


def published_levels(steps: int, timesteps: int = 1000, first: float = 1e-5, last: float = 1e-2) -> tuple[float, ...]:
    """Log-SNRs of the linear schedule of InfoDiffusion (Wang et al., ICML 2023) at `steps` of its timesteps, rising.

    β runs from `first` to `last` over `timesteps`; ᾱ_t = Π (1 − β).

    >>> [round(level, 2) for level in published_levels(3)]
    [-5.02, -0.93, 11.51]
    """
    betas = torch.linspace(first, last, timesteps, dtype=torch.float64)
    table = trained_logsnr((1 - betas).cumprod(0))
    visited = np.linspace(timesteps - 1, 0, steps).round().astype(int)
    return tuple(table[visited].tolist())


def initial_noise(rngs: Sequence[np.random.Generator], shape: tuple[int, ...]) -> torch.Tensor:
    """The next standard normal numbers of each sample's own generator, float32 (B, *shape)."""
    return torch.from_numpy(np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs]))


def move(
    x: torch.Tensor, eps_hat: torch.Tensor, here: float, there: float, eta: float, noise: torch.Tensor | None = None
) -> torch.Tensor:
    """x_b of the module's equation, (B, C, h, w). here, there: log-SNRs. noise: n, read if η > 0."""
    alpha_here, alpha_there = torch.tensor([here, there], dtype=torch.float64).sigmoid()
    moved = ddim_move(x, eps_hat, alpha_here, alpha_there)
    if not eta or noise is None:
        return moved
    left = 1 - alpha_there
    variance = eta**2 * left / (1 - alpha_here) * (1 - alpha_here / alpha_there)
    return moved - (left.sqrt() - (left - variance).sqrt()) * eps_hat + variance.sqrt() * noise


@dataclass(frozen=True)
class Sampler:
    """Moves of one denoiser along rising log-SNRs. eta: 0 for DDIM, 1 for DDPM."""

    denoiser: Denoiser
    levels: tuple[float, ...]
    eta: float = 0.0

    def generate(
        self, x: torch.Tensor, condition: Condition, rngs: Sequence[np.random.Generator] | None = None
    ) -> torch.Tensor:
        """The images x̂ at the last level, from x_α (B, C, h, w) at the first: noise, if that level is noisy enough.

        condition: a batch. rngs: a generator for each sample, read if η > 0, so that a sample depends on no other.
        """
        x = self.walk(x, condition, self.levels, rngs)
        return clean_prediction(x, self.levels[-1], self._eps_hat(x, condition, self.levels[-1]))

    def reverse(self, images: torch.Tensor, condition: Condition) -> torch.Tensor:
        """x_α at the first level, from images (B, C, h, w) taken as free of noise at the last: DDIM, whatever η.

        With few levels, or a last one that is still noisy, generating from the result returns another image.
        """
        signal, _ = signal_and_noise(torch.tensor(self.levels[-1], dtype=torch.float64))
        return self.walk(float(signal) * images, condition, self.levels[::-1], None)

    def walk(
        self,
        x: torch.Tensor,
        condition: Condition,
        levels: Sequence[float],
        rngs: Sequence[np.random.Generator] | None,
    ) -> torch.Tensor:
        """x_α at the last of some levels, from x_α (B, C, h, w) at the first; without generators as for η = 0."""
        eta = self.eta if rngs is not None else 0.0
        for here, there in pairwise(levels):
            noise = initial_noise(rngs, tuple(x.shape[1:])) if eta and rngs is not None else None
            x = move(x, self._eps_hat(x, condition, here), here, there, eta, noise)
        return x

    def predict(self, x: torch.Tensor, condition: Condition, level: float) -> torch.Tensor:
        """x̂ at a level, (B, C, h, w)."""
        return clean_prediction(x, level, self._eps_hat(x, condition, level))

    def _eps_hat(self, x: torch.Tensor, condition: Condition, level: float) -> torch.Tensor:
        return self.denoiser(x, torch.full((len(x),), level, dtype=torch.float64), condition).to(x)


def two_phase(
    first: Sampler,
    second: Sampler,
    split_step: int,
    x: torch.Tensor,
    nothing: Condition,
    code: Encode | Condition,
    rngs: Sequence[np.random.Generator] | None = None,
) -> torch.Tensor:
    """Images whose layout a model without code decides, and whose end a model with code: (B, C, h, w).

    The first `split_step` moves are those of `first` with the empty condition, the others those of `second` with the code:
    by default of the image that `first` predicts at the split, read by an encoder. A batch of conditions instead, drawn
    from the prior, is the sampler that was published; its codes know nothing of the image that has begun.

    Args:
        first, second: samplers over the same levels; they may share a denoiser that was trained with masks.
        split_step: 0 … the number of moves.
        x: noise (B, C, h, w).
        nothing: one empty condition.
        code: the encoder, or the codes.
        rngs: as for `Sampler.generate`.
    """
    if first.levels != second.levels or not 0 <= split_step < len(first.levels):
        raise InputError(
            f"split_step is {split_step} of {len(second.levels) - 1} moves, and the models of the two phases have"
            f" {len(first.levels)} and {len(second.levels)} levels of noise; both need the same levels and the split lies"
            " between 0 and their moves."
        )
    empty = nothing.expand(len(x))
    x = first.walk(x, empty, first.levels[: split_step + 1], rngs)
    known = code if isinstance(code, Condition) else code(first.predict(x, empty, first.levels[split_step]))
    rest = Sampler(second.denoiser, second.levels[split_step:], second.eta)
    return rest.generate(x, known, rngs)
