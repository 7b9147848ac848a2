"""How far a decoder is from Bayes while it trains: Δ of each condition on fixed draws of images that were held out.

Δ = ½ ∫ E‖ε̂ − ε̂*‖² dα = ½ ∫ e^α E‖x̂ − x*‖² dα. For a condition c against none, i^s = I − Δ_c + Δ_u in expectation: a total is
right only if both sides are near, or equally far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.runs.seeds import generator
from infodecomp.training.code_draws import NoiseLevels
from infodecomp.training.code_loss import ExactTarget, predicted

NOTHING = "nothing"
ROWS = 64


@dataclass(frozen=True, eq=False)
class Distances:
    """Fixed draws, each image once in each of `draws` strata of the noise levels, and the exact means of each condition.

    conditions: a batch of conditions for the images, by name; `nothing` among them.
    """

    target: ExactTarget
    conditions: Mapping[str, Condition]
    numbers: torch.Tensor
    x_alpha: torch.Tensor
    logsnr: torch.Tensor
    weight: torch.Tensor  # (draws · images,): ½ e^α times the width of the interval
    means: Mapping[str, torch.Tensor]

    @classmethod
    def draw(
        cls,
        target: ExactTarget,
        conditions: Mapping[str, Condition],
        numbers: np.ndarray,
        levels: NoiseLevels,
        *,
        seed: int,
        draws: int = 8,
    ) -> Distances:
        """Draw noise for the images of these numbers, and compute what Bayes would predict."""
        rng, count = generator(seed, "representation", "distances"), draws * len(numbers)
        strata = np.repeat(np.arange(draws), len(numbers))
        place = (strata + rng.random(count)) / draws
        device = target.world.images.device
        logsnr = torch.from_numpy((levels.low + (levels.high - levels.low) * place).astype(np.float32)).to(device)
        all_numbers = torch.from_numpy(np.tile(numbers, draws)).to(device)
        images = target.world.images[all_numbers]
        eps = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32)).to(device)
        x_alpha = noised(images, logsnr, eps)
        repeated = {name: Condition.cat([known] * draws) for name, known in conditions.items()}
        parts = [
            target.means(x_alpha[rows], logsnr[rows], [known[rows] for known in repeated.values()])
            for rows in torch.arange(count).split(ROWS)
        ]
        means = {name: torch.cat(each) for name, each in zip(repeated, zip(*parts, strict=True), strict=True)}
        weight = logsnr.exp() / 2 * (levels.high - levels.low)
        return cls(target, repeated, all_numbers, x_alpha, logsnr, weight, means)

    def of(self, decoder: torch.nn.Module) -> dict[str, float]:
        """`delta_…` of each condition, `standard_…` and `orthogonal_…` of each against nothing; in nats."""
        decoder.eval()
        with torch.inference_mode():
            clean = {name: self._predicted(decoder, known) for name, known in self.conditions.items()}
        found = {f"delta_{name}": self._mean(clean[name] - self.means[name]) for name in clean}
        images = self.target.world.images[self.numbers]
        for name in (name for name in clean if name != NOTHING):
            found[f"standard_{name}"] = self._mean(clean[NOTHING] - images) - self._mean(clean[name] - images)
            found[f"orthogonal_{name}"] = self._mean(clean[NOTHING] - clean[name])
        return found

    def exact(self) -> dict[str, float]:
        """i^s and i^o of each condition with the exact decoder, on the same draws."""
        images = self.target.world.images[self.numbers]
        found = {}
        for name in (name for name in self.means if name != NOTHING):
            found[f"standard_{name}"] = self._mean(self.means[NOTHING] - images) - self._mean(self.means[name] - images)
            found[f"orthogonal_{name}"] = self._mean(self.means[NOTHING] - self.means[name])
        return found

    def _predicted(self, decoder: torch.nn.Module, known: Condition) -> torch.Tensor:
        rows = torch.arange(len(self.logsnr)).split(ROWS)
        return torch.cat([predicted(decoder, self.x_alpha[r], self.logsnr[r], [known[r]]) for r in rows])

    def _mean(self, difference: torch.Tensor) -> float:
        return float((self.weight * difference.square().flatten(1).sum(1)).mean())
