"""A loaded model whose evaluations are counted and timed, and stages that use it instead of loading their own.

Times are CPU times, not wall-clock times: other programs on the machine do not change them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch

from infodecomp.models.latent_diffusion import LatentDiffusion


@dataclass(frozen=True)
class Cost:
    """The cost of some work: rows that the UNet saw, CPU seconds inside it, and in all."""

    evaluations: int
    unet_seconds: float
    seconds: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.evaluations + other.evaluations, self.unet_seconds + other.unet_seconds, self.seconds + other.seconds
        )

    @property
    def outside(self) -> float:
        """Fraction of the time outside the UNet."""
        return 1 - self.unet_seconds / self.seconds


@dataclass
class Meter:
    """Counts and times the calls of a model's UNet."""

    model: LatentDiffusion
    rows: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    _entered: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.model.denoiser.register_forward_pre_hook(self._enter)
        self.model.denoiser.register_forward_hook(self._leave)

    def _enter(self, _: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        self.rows += len(arguments[0])
        self._entered = time.process_time()

    def _leave(self, *_: Any) -> None:
        self.seconds += time.process_time() - self._entered

    def cost(self, work: Callable[[], object]) -> Cost:
        """Measure the cost of a piece of work."""
        rows, inside, started = self.rows, self.seconds, time.process_time()
        work()
        return Cost(self.rows - rows, self.seconds - inside, time.process_time() - started)


@contextmanager
def at_hand(model: LatentDiffusion) -> Iterator[None]:
    """Within the block, stages that load a model get this one."""
    with patch.object(LatentDiffusion, "load", lambda *_, **__: model):
        yield
