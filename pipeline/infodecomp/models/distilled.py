"""Whether a model was distilled to few steps or to its guidance: its predictions are then no posterior means."""

from __future__ import annotations

from typing import Any

_SCHEDULERS = ("LCMScheduler", "TCDScheduler")
_NAMES = ("turbo", "lcm", "lightning", "hyper-sd", "distill")


def distillation_sign(pipeline: Any) -> str:
    """What shows, in the settings and the name of a pipeline, that it was distilled; empty if nothing does."""
    scheduler = type(pipeline.scheduler).__name__
    name = str(getattr(pipeline.config, "_name_or_path", "") or "").rsplit("/", 1)[-1].lower()
    if pipeline.unet.config.get("time_cond_proj_dim") is not None:
        return "its denoiser reads a guidance scale"
    if scheduler in _SCHEDULERS:
        return f"its scheduler is {scheduler}"
    sign = next((one for one in _NAMES if one in name), "")
    return f"its name has '{sign}'" if sign else ""
