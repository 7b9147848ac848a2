"""On which levels of noise a model was trained: a table of them, or a density that its scheduler lets one assume."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from infodecomp.estimator.channel import trained_logsnr
from infodecomp.models.channels import Channel, Edm, RectifiedFlow, VariancePreserving, flow_logsnr

# Schedules whose last timestep has no image left (zero terminal SNR) have ᾱ = 0 there, or this, which some schedulers of
# diffusers put in its place.
_NO_IMAGE = 2**-24
# The standard deviation of the log-SNR α = −2·logit(t) for a logit-normal t of scale 1, by which flows are trained (Esser et
# al., ICML 2024, §3.1), and how far from the mean the range goes.
_FLOW_STD, _REACH = 2.0, 3.0
# ln k ~ N(−1.2, 1.2²) of EDM (Karras et al., NeurIPS 2022, Table 1) for the log-SNR α = −2 ln k.
_EDM_MEAN, _EDM_STD = 2.4, 2.4


@dataclass(frozen=True)
class TrainedNoise:
    """low, high: the log-SNRs of the range. loc, scale: mean and standard deviation of the density of log-SNRs in training.

    source: `schedule` if the pipeline states the levels one by one, each trained as often; `assumed` if its scheduler gives
    a shift or a kind only, of which the published density is taken.
    """

    low: float
    high: float
    loc: float
    scale: float
    source: Literal["schedule", "assumed"]

    @classmethod
    def around(cls, loc: float, scale: float) -> TrainedNoise:
        """An assumed density, with the range three standard deviations to both sides."""
        return cls(loc - _REACH * scale, loc + _REACH * scale, loc, scale, "assumed")


def is_flow(scheduler: Any) -> bool:
    """Whether a scheduler mixes image and noise as flow matching does, whatever its class."""
    settings = scheduler.config
    return bool(
        settings.get("prediction_type") == "flow_prediction"
        or settings.get("use_flow_sigmas")
        or type(scheduler).__name__.startswith("Flow")
    )


def is_edm(scheduler: Any) -> bool:
    """Whether a scheduler preconditions its network as EDM does."""
    return type(scheduler).__name__.startswith("EDM")


def schedule_logsnr(scheduler: Any) -> torch.Tensor:
    """The log-SNR of every timestep of a scheduler, float64 (timesteps,), falling; −∞ where nothing is left of the image.

    With betas: logit(ᾱ). Of a flow: at the times 1/T, 2/T, …, 1, without its shift, which only says which are visited. Of
    EDM: its levels from the least to the most noise.
    """
    if is_flow(scheduler):
        count = scheduler.config.num_train_timesteps
        return flow_logsnr(torch.arange(1, count + 1, dtype=torch.float64) / count)
    if is_edm(scheduler):
        noise = (scheduler.sigmas.double().cpu())[scheduler.sigmas > 0]
        return -2 * noise.sort().values.log()
    alphas = scheduler.alphas_cumprod.double().cpu()
    return torch.where(alphas <= _NO_IMAGE, -torch.inf, trained_logsnr(alphas))


def flow_shift(scheduler: Any, image_tokens: int = 0) -> float:
    """How far a flow's times are moved towards the noise: u becomes s·u/(1 + (s − 1)·u).

    image_tokens: of an image of the trained size, on which the shift depends if the scheduler says so: then ln s is linear
    in their number, between two numbers that it states.
    """
    settings = scheduler.config
    if not settings.get("use_dynamic_shifting"):
        return float(settings.get("shift") or settings.get("flow_shift") or 1)
    fewest, most = settings.get("base_image_seq_len", 256), settings.get("max_image_seq_len", 4096)
    least, largest = settings.get("base_shift", 0.5), settings.get("max_shift", 1.15)
    return math.exp(least + (largest - least) * (image_tokens - fewest) / (most - fewest))


def trained_noise(scheduler: Any, image_tokens: int = 0) -> TrainedNoise:
    """What is known of a model's training from its scheduler; image_tokens: see `flow_shift`.

    A flow's shift s makes log-SNRs lower by 2 ln s, so that α ~ N(−2 ln s, 2²).
    """
    if is_flow(scheduler):
        return TrainedNoise.around(-2 * math.log(flow_shift(scheduler, image_tokens)), _FLOW_STD)
    if is_edm(scheduler):
        return TrainedNoise.around(_EDM_MEAN, _EDM_STD)
    table = schedule_logsnr(scheduler)
    trained = table[table.isfinite()]
    return TrainedNoise(
        float(trained[-1]), float(trained[0]), float(trained.mean()), float(trained.std(correction=0)), "schedule"
    )


def scheduled_channel(scheduler: Any) -> Channel:
    """The channel of a network whose scheduler says all: its table and prediction, EDM's preconditioning, or a flow's times.

    A flow is taken to read its time times the number of timesteps.
    """
    settings = scheduler.config
    if is_flow(scheduler):
        return RectifiedFlow(time_factor=float(settings.num_train_timesteps))
    if is_edm(scheduler):
        return Edm(float(settings.sigma_data))
    return VariancePreserving(schedule_logsnr(scheduler), settings.get("prediction_type", "epsilon"))
