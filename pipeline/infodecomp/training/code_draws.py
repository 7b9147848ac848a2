"""What a training step of a code's decoder draws: images, noise levels, noise, and which parts of the code are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from infodecomp.runs.seeds import generator


@dataclass(frozen=True)
class NoiseLevels:
    """Log-SNRs of a training interval, drawn in equal shares from the interval and from each of its narrower upper ends.

    low, high: the interval. focus: where the upper ends begin.
    """

    low: float
    high: float
    focus: tuple[float, ...]

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """`count` log-SNRs, float32; the k-th lies in the k-th of `count` strata of its share."""
        starts = np.array([self.low, *self.focus])[np.arange(count) % (1 + len(self.focus))]
        return (starts + (self.high - starts) * (np.arange(count) + rng.random(count)) / count).astype(np.float32)

    def density(self, logsnr: torch.Tensor) -> torch.Tensor:
        """The density that log-SNRs are drawn from, so that a mean over it becomes an integral by division."""
        starts = (self.low, *self.focus)
        density = sum((logsnr >= start) / (self.high - start) for start in starts)
        return torch.as_tensor(density) / len(starts)


@dataclass(frozen=True)
class MaskShares:
    """How often nothing is known, everything, one part alone, and all parts but one; else a random number of parts."""

    none: float
    all: float
    one: float
    rest: float

    def draw(self, rng: np.random.Generator, count: int, parts: int) -> np.ndarray:
        """Masks of 0 and 1, float32 (count, parts); parts of equal rank are equally likely."""
        shares = np.cumsum([self.none, self.all, self.one, self.rest])
        kinds = np.searchsorted(shares, rng.random(count), side="right")
        some = rng.integers(1, max(2, parts), count)
        known = np.choose(
            kinds, [np.zeros(count, int), np.full(count, parts), *np.outer([1, parts - 1], np.ones(count, int)), some]
        )
        ranks = rng.random((count, parts)).argsort(1).argsort(1)
        return (ranks < known[:, None]).astype(np.float32)


@dataclass(frozen=True)
class CodeDraw:
    """The draws of one step: n images, each with one noise level and noise, and `views` masks of what is known of it."""

    numbers: torch.Tensor  # (n,) int64, of images
    logsnr: torch.Tensor  # (n,)
    eps: torch.Tensor  # (n, C, H, W)
    masks: torch.Tensor  # (views, n, parts)
    code_noise: torch.Tensor  # (n, parts)

    def to(self, device: torch.device) -> CodeDraw:
        """The same on a device."""
        return CodeDraw(*(getattr(self, each.name).to(device) for each in fields(self)))


@dataclass(frozen=True)
class CodeDraws:
    """Draws steps; every step has its own stream of random numbers, and workers take turns among its images."""

    seed: int
    purpose: str
    numbers: Sequence[int] | np.ndarray
    shape: tuple[int, int, int]
    parts: int
    batch: int
    levels: NoiseLevels
    masks: MaskShares
    views: int = 2

    @property
    def images_a_step(self) -> int:
        """Predictions of a step."""
        return self.batch * self.views

    def step(self, step: int, rank: int, ranks: int) -> CodeDraw:
        """The share of worker `rank` in a step."""
        rng = generator(self.seed, "representation", self.purpose, step)
        mine = slice(rank, None, ranks)
        drawn = (
            np.asarray(self.numbers)[rng.integers(len(self.numbers), size=self.batch)][mine],
            self.levels.draw(rng, self.batch)[mine],
            rng.standard_normal((self.batch, *self.shape), dtype=np.float32)[mine],
            np.stack([self.masks.draw(rng, self.batch, self.parts) for _ in range(self.views)])[:, mine],
            rng.standard_normal((self.batch, self.parts), dtype=np.float32)[mine],
        )
        return CodeDraw(*(torch.from_numpy(np.ascontiguousarray(each)) for each in drawn))
