"""A model whose flow is known, for the tests of the samplers."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from diffusers import DDIMScheduler

from infodecomp.estimator.channel import trained_logsnr
from infodecomp.estimator.condition import Condition
from infodecomp.models.ddim_schedule import DdimSchedule, ddim_schedule
from infodecomp.validation.denoisers import GaussianField

SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


class FieldModel:
    """The exact denoiser of independent Gaussian pixels, with the part of the model protocol that flows use."""

    def __init__(self, scheduler: object) -> None:
        self.pipeline = SimpleNamespace(scheduler=scheduler)
        self.logsnr_table = trained_logsnr(scheduler.alphas_cumprod.double())  # type: ignore[attr-defined]
        self.logsnr_range = (float(self.logsnr_table[-1]), float(self.logsnr_table[0]))
        self.calls: list[float] = []

    def ddim_schedule(self, steps: int) -> DdimSchedule:
        return ddim_schedule(self.pipeline.scheduler, steps, self.logsnr_table)

    def __call__(self, x: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.calls.append(float(logsnr[0]))
        return GaussianField()(x, logsnr, condition)


def field_model(**settings: object) -> FieldModel:
    return FieldModel(DDIMScheduler(clip_sample=False, **{**SCHEDULE, **settings}))


def gaussian(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def prompt(mean: float = 0.3, variance: float = 0.6, rows: int = 2) -> Condition:
    """A mean and a variance for every pixel, states (rows, 2, 1, 4, 3)."""
    states = torch.tensor([mean, variance], dtype=torch.float64).view(2, 1, 1, 1).expand(2, 1, 4, 3)
    return Condition.of(states).expand(rows)
