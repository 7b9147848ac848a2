"""The levels of noise that DDIM visits in a number of steps, as a scheduler of diffusers sets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler


@dataclass(frozen=True)
class DdimSchedule:
    """Levels of noise by timestep; ᾱ is the cumulative alpha, x_t = √ᾱ·x + √(1 − ᾱ)·ε.

    timesteps: falling, from noise to image. alpha: ᾱ at each. alpha_next: ᾱ one step closer to the image. logsnr: the
    log-SNR at each, float64. alpha_last: ᾱ at the end of the last step. Tensors are scalars.
    """

    timesteps: Sequence[int]
    alpha: Mapping[int, torch.Tensor]
    alpha_next: Mapping[int, torch.Tensor]
    logsnr: Mapping[int, torch.Tensor]
    alpha_last: float


def ddim_schedule(scheduler: Any, steps: int, logsnr_table: torch.Tensor) -> DdimSchedule:
    """The schedule of `steps` steps with the settings of any scheduler of diffusers.

    logsnr_table: the trained log-SNR of every timestep, float64 (timesteps,).
    """
    ddim = DDIMScheduler.from_config(scheduler.config)
    ddim.set_timesteps(steps)
    timesteps = [int(t) for t in ddim.timesteps]
    stride = ddim.config.num_train_timesteps // steps
    alphas, last = ddim.alphas_cumprod, ddim.final_alpha_cumprod
    return DdimSchedule(
        timesteps=timesteps,
        alpha={t: alphas[t] for t in timesteps},
        alpha_next={t: alphas[t - stride] if t >= stride else last for t in timesteps},
        logsnr={t: logsnr_table[t] for t in timesteps},
        alpha_last=float(last),
    )
