"""The levels of noise of a scheduler of diffusers: at its timesteps, and where DDIM visits them in a number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler

from infodecomp.models.trained_noise import is_edm, is_flow
from infodecomp.runs.errors import InputError


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

    From a timestep without any image no noise follows, and no image; the last one before it takes its place.

    logsnr_table: the trained log-SNR of every timestep, float64 (timesteps,). Raises InputError if there are no betas.
    """
    if is_flow(scheduler) or is_edm(scheduler):
        raise InputError(
            f"the sampler is ddim, which walks a schedule of betas, and the model's {type(scheduler).__name__} has none; "
            "set the sampler to heun or euler."
        )
    ddim = DDIMScheduler.from_config(scheduler.config)
    ddim.set_timesteps(steps)
    noisiest = int(logsnr_table.isfinite().nonzero()[-1])
    visited = {int(t): min(int(t), noisiest) for t in ddim.timesteps}
    stride = ddim.config.num_train_timesteps // steps
    alphas, last = ddim.alphas_cumprod, ddim.final_alpha_cumprod
    return DdimSchedule(
        timesteps=list(dict.fromkeys(visited.values())),
        alpha={t: alphas[t] for t in visited.values()},
        alpha_next={t: alphas[asked - stride] if asked >= stride else last for asked, t in visited.items()},
        logsnr={t: logsnr_table[t] for t in visited.values()},
        alpha_last=float(last),
    )
