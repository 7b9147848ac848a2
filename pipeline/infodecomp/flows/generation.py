"""Generate images from prompts, from prompts and an image, or by repainting a part of an image: DDIM with guidance.

With the condition z, the empty prompt's z_0 and guidance g, a step follows (Ho and Salimans, 2022)

    ε̂ = ε̂(x | z_0) + g·(ε̂(x | z) − ε̂(x | z_0)),        g = 1: ε̂(x | z) alone.

A given image is noised to the level at which the last `strength` of the steps begins (SDEdit, Meng et al., 2022). A part
that is kept is restored after each step, with the noise of that level (Avrahami et al., 2022). Starting points, levels and
blending are those of the pipelines of diffusers, whose results they reproduce.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.flows.ddim import Ddim


@dataclass(frozen=True)
class Start:
    """What images are generated from, a row each.

    noise: (B, C, h, w). condition: a batch. image: latents (B, C, h, w) of given images, or None. repaint:
    (B, 1, h, w), 1 where the image is generated and 0 where the given one is kept; None: generated everywhere.
    """

    noise: torch.Tensor
    condition: Condition
    image: torch.Tensor | None = None
    repaint: torch.Tensor | None = None


def rows_a_step(guidance: float) -> int:
    """Rows that the denoiser evaluates in a step of an image."""
    return 1 if guidance == 1 else 2


@dataclass(frozen=True)
class Sampler:
    """Steps from noise to images. empty: z_0, the empty prompt."""

    path: Ddim
    empty: Condition
    guidance: float = 1.0
    strength: float = 1.0

    def timesteps(self, start: Start) -> Sequence[int]:
        """The timesteps of the steps, falling; with a given image the first ones are skipped."""
        every = self.path.timesteps
        return every if start.image is None else every[len(every) - min(int(len(every) * self.strength), len(every)) :]

    def first(self, start: Start) -> torch.Tensor:
        """The latents before the first step, (B, C, h, w)."""
        if start.image is None or (start.repaint is not None and self.strength == 1):
            return start.noise
        return self.path.noised(start.image, start.noise, self.timesteps(start)[0])

    def step(self, predict: Predict, x: torch.Tensor, number: int, start: Start) -> torch.Tensor:
        """x (B, C, h, w) after step `number`, from 0."""
        timesteps = self.timesteps(start)
        moved = self.path.move(x, self._eps_hat(predict, x, timesteps[number], start.condition), timesteps[number])
        if start.repaint is None or start.image is None:
            return moved
        last = number + 1 == len(timesteps)
        kept = start.image if last else self.path.noised(start.image, start.noise, timesteps[number + 1])
        return start.repaint * moved + (1 - start.repaint) * kept

    def trajectory(self, predict: Predict, start: Start) -> Iterator[torch.Tensor]:
        """The latents before each step, and finally those of the images, (B, C, h, w) each."""
        x = self.first(start)
        yield x
        for number in range(len(self.timesteps(start))):
            x = self.step(predict, x, number, start)
            yield x

    def _eps_hat(self, predict: Predict, x: torch.Tensor, timestep: int, condition: Condition) -> torch.Tensor:
        logsnr = self.path.schedule.logsnr[timestep].repeat(len(x))
        if self.guidance == 1:
            return predict(x, logsnr, condition).to(x)
        conditions = Condition.cat([self.empty.expand(len(x)), condition])
        both = predict(torch.cat([x, x]), logsnr.repeat(2), conditions).to(x)
        without, conditioned = both.chunk(2)
        return without + self.guidance * (conditioned - without)
