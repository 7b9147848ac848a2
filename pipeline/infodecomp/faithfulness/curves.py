"""Remove cells of a latent image in the order of a map, and measure the word's information about what is left.

That is i^s(x; y*|c) = log p(x | caption) − log p(x | caption without the word), and i^o(x; y*|c), how far the word moves the
prediction, both summed over the image and estimated from the same evaluations by `infodecomp.estimator`. All images made
from one latent, for every map and share of cells, share their draws, so that they are compared in pairs; no map was made
with these draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsInt

import numpy as np
import torch

from infodecomp.estimator.channel import noised, signal_and_noise
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.metrics.faithfulness import CURVES, highest

_PAIR = ("context", "full")


def noise_filling(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Gaussian noise with the mean and standard deviation of each channel of x, (C, h, w)."""
    noise = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32)).to(x)
    return x.mean((1, 2), keepdim=True) + x.std((1, 2), keepdim=True) * noise


def expected_filling(
    denoiser: Predict,
    x: torch.Tensor,
    empty: Condition,
    logsnr: float,
    rng: np.random.Generator,
) -> torch.Tensor:
    """What the denoiser predicts of x at a low log-SNR without a prompt: E[x | x_α], (C, h, w).

    With one draw of the noise, (x_α − √σ(−α)·ε̂(x_α)) / √σ(α). empty: the empty prompt.
    """
    alpha = torch.tensor([logsnr], dtype=torch.float64)
    eps = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))[None].to(x)
    seen = noised(x, alpha.to(x), eps)
    signal, noise = signal_and_noise(alpha.to(x))
    return ((seen - noise * denoiser(seen, alpha, empty.expand(1)).to(x)) / signal)[0]


@dataclass(frozen=True)
class Judged:
    """One case whose cells are removed.

    x, filling: (C, h, w); context, full: conditions. orders: name of a map → flat indices of its cells, the highest first.
    """

    x: torch.Tensor
    filling: torch.Tensor
    context: Condition
    full: Condition
    draws: Draws
    orders: Mapping[str, np.ndarray]

    def images(self, fractions: Sequence[float]) -> dict[str, torch.Tensor]:
        """Every image whose information is measured: the whole one, the filling, and two for each map and share."""
        found = {"whole": self.x, "filling": self.filling}
        shape = (self.x.shape[1], self.x.shape[2])
        for name, order in self.orders.items():
            for fraction in fractions:
                chosen = torch.from_numpy(highest(order, fraction, shape))
                found[f"deletion/{name}/{fraction}"] = torch.where(chosen, self.filling, self.x)
                found[f"insertion/{name}/{fraction}"] = torch.where(chosen, self.x, self.filling)
        return found


def curve_evaluations(maps: int, fractions: Sequence[float], draws: int) -> int:
    """Denoiser evaluations of the curves of one case: every image with and without the word, once a draw."""
    return 2 * draws * (2 + 2 * maps * len(fractions))


# Quantity → the estimator that measures it.
_QUANTITIES = {"i_o": "orthogonal", "i_s": "standard"}


def information_curves(
    denoiser: Predict,
    cases: Iterable[Judged],
    fractions: Sequence[float],
    batch_size: SupportsInt,
) -> Iterator[dict[str, np.ndarray]]:
    """Curves of each case in turn: `deletion/i_o/<map>`, `insertion/i_s/<map>` and so on.

    A curve is float64, (2 + len(fractions),), in nats, at the shares 0, *fractions and 1. Batches span images, maps, shares
    and draws; cases are read only as the next batch needs them.
    """
    waiting: list[tuple[Judged, list[str]]] = []

    def problems() -> Iterator[Problem]:
        for case in cases:
            images = case.images(fractions)
            waiting.append((case, list(images)))
            prompts = dict(zip(_PAIR, (case.context, case.full), strict=True))
            yield from (Problem(image, prompts, [_PAIR], case.draws) for image in images.values())

    found: list[dict[str, float]] = []
    for estimate in estimate_many(denoiser, problems(), batch_size):
        found.append({name: getattr(estimate, of)[_PAIR].total for name, of in _QUANTITIES.items()})
        case, names = waiting[0]
        if len(found) == len(names):
            yield _curves(case, dict(zip(names, found, strict=True)), fractions)
            waiting.pop(0)
            found = []


def _curves(
    case: Judged, found: Mapping[str, Mapping[str, float]], fractions: Sequence[float]
) -> dict[str, np.ndarray]:
    ends = dict(zip(CURVES, (("whole", "filling"), ("filling", "whole")), strict=True))
    return {
        f"{curve}/{quantity}/{name}": np.array(
            [found[image][quantity] for image in (first, *(f"{curve}/{name}/{share}" for share in fractions), last)]
        )
        for name in case.orders
        for curve, (first, last) in ends.items()
        for quantity in _QUANTITIES
    }
