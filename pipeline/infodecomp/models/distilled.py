"""Whether a model was distilled to few steps or to its guidance: its predictions are then no posterior means.

A network that imitates guidance g answers ε̂_∅ + g·(ε̂_y − ε̂_∅), so that i^o is g² times, and i^s 2g − g² times, what they
are of the model that it was distilled from. One distilled to few steps answers something like a sample of the posterior.
"""

from __future__ import annotations

from typing import Any, Literal

# `base`: nothing shows a distillation.
Calibration = Literal["base", "guidance_distilled", "step_distilled"]

_SCHEDULERS = ("LCMScheduler", "TCDScheduler", "SCMScheduler")
_NAMES = ("turbo", "lcm", "lightning", "hyper-sd", "schnell", "sprint", "distill")


def calibration(pipeline: Any, denoiser: Any) -> Calibration:
    """What the settings and the name of a pipeline show of a distillation."""
    if _few_steps(pipeline):
        return "step_distilled"
    return "guidance_distilled" if _reads_guidance(denoiser) else "base"


def distillation_sign(pipeline: Any, denoiser: Any) -> str:
    """What shows that a pipeline was distilled, in words; empty if nothing does."""
    return "its denoiser reads a guidance scale" if _reads_guidance(denoiser) else _few_steps(pipeline)


def _reads_guidance(denoiser: Any) -> bool:
    settings = denoiser.config
    return settings.get("time_cond_proj_dim") is not None or bool(settings.get("guidance_embeds"))


def _few_steps(pipeline: Any) -> str:
    scheduler = type(pipeline.scheduler).__name__
    name = str(getattr(pipeline.config, "_name_or_path", "") or "").rsplit("/", 1)[-1].lower()
    if scheduler in _SCHEDULERS:
        return f"its scheduler is {scheduler}"
    if pipeline.config.get("is_distilled"):
        return "its settings say so"
    sign = next((one for one in _NAMES if one in name), "")
    return f"its name has '{sign}'" if sign else ""
