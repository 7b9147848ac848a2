"""Take pixels of a latent image away in the order of a map, and measure what the model then makes of the caption.

That is i^s(x; y*|c), log p(x | caption) − log p(x | caption without the word), and i^o(x; y*|c), how far the word moves the
prediction, both summed over the image, from the same evaluations, as `infodecomp.estimator` estimates them. All images made
of one latent, for every map and share of pixels, see the same draws, which no map was made with: they are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsInt

import numpy as np
import torch

from infodecomp.estimator.channel import noised, signal_and_noise
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.sampling import Draws
from infodecomp.metrics.faithfulness import CURVES, highest

_PAIR = ("context", "full")


def noise_filling(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Gaussian noise with the mean and the deviation of each channel of x, (C, h, w)."""
    noise = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32)).to(x)
    return x.mean((1, 2), keepdim=True) + x.std((1, 2), keepdim=True) * noise


def expected_filling(
    denoiser: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    empty: torch.Tensor,
    logsnr: float,
    rng: np.random.Generator,
) -> torch.Tensor:
    """What the denoiser expects of x when it hardly sees it, without a prompt: E[x | x_α], (C, h, w).

    With one draw of the noise, (x_α − √σ(−α)·ε̂(x_α)) / √σ(α). empty: the embedding of the empty prompt.
    """
    alpha = torch.tensor([logsnr], dtype=torch.float64)
    eps = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32))[None].to(x)
    seen = noised(x, alpha.to(x), eps)
    signal, noise = signal_and_noise(alpha.to(x))
    return ((seen - noise * denoiser(seen, alpha, empty[None]).to(x)) / signal)[0]


@dataclass(frozen=True)
class Judged:
    """One case to take pixels away from.

    x, filling: (C, h, w); context, full: embeddings. orders: name of a map → its pixels, flat indices, the highest first.
    """

    x: torch.Tensor
    filling: torch.Tensor
    context: torch.Tensor
    full: torch.Tensor
    draws: Draws
    orders: Mapping[str, np.ndarray]

    def images(self, fractions: Sequence[float]) -> dict[str, torch.Tensor]:
        """Every image that the model is asked about: the whole one, the filling, and two a map and share."""
        found = {"whole": self.x, "filling": self.filling}
        shape = (self.x.shape[1], self.x.shape[2])
        for name, order in self.orders.items():
            for fraction in fractions:
                chosen = torch.from_numpy(highest(order, fraction, shape))
                found[f"deletion/{name}/{fraction}"] = torch.where(chosen, self.filling, self.x)
                found[f"insertion/{name}/{fraction}"] = torch.where(chosen, self.x, self.filling)
        return found


def evaluations(maps: int, fractions: Sequence[float], draws: int) -> int:
    """Denoiser evaluations of the curves of one case."""
    return 2 * draws * (2 + 2 * maps * len(fractions))


# What is estimated of every image → the estimator's name of it.
_QUANTITIES = {"i_o": "orthogonal", "i_s": "standard"}


def information_curves(
    denoiser: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    cases: Iterable[Judged],
    fractions: Sequence[float],
    batch_size: SupportsInt,
) -> Iterator[dict[str, np.ndarray]]:
    """Of each case in turn `deletion/i_o/<map>`, `insertion/i_s/<map>` and so on: nats, float64, at 0, *fractions and 1.

    Batches run across images, maps, shares and draws; cases are read only as far as the next batch needs.
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
