"""A pipeline of the user's, lent to the estimator: checked before, and as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from infodecomp.runs.errors import InputError

_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_NETWORKS = ("unet", "vae", "text_encoder")


def check_pipeline(pipeline: Any) -> torch.device:
    """The device of a diffusers pipeline that can be read as Stable Diffusion; InputError naming what prevents it."""
    name = type(pipeline).__name__
    missing = [part for part in _PARTS if getattr(pipeline, part, None) is None]
    if missing or getattr(pipeline, "text_encoder_2", None) is not None:
        what = f"lacks {', '.join(missing)}" if missing else "has a second text encoder"
        raise InputError(
            f"the pipeline is a {name} that {what}; supported are pipelines of Stable Diffusion 1 and 2, with a U-Net, an "
            "autoencoder and one CLIP text encoder."
        )
    networks = [getattr(pipeline, part) for part in _NETWORKS]
    if any(hasattr(module, "_hf_hook") for network in networks for module in network.modules()):
        raise InputError(
            f"the {name} moves its parts between devices (CPU offload or a device map); call pipe.remove_all_hooks() and "
            "pipe.to(device) first, or pass its folder or Hub id instead of the pipeline."
        )
    if any(getattr(module, "fused_projections", False) for module in pipeline.unet.modules()):
        raise InputError(f"the projections of the {name} are fused; call pipe.unfuse_qkv_projections() first.")
    devices = {parameter.device for network in networks for parameter in network.parameters()}
    if len(devices) != 1 or next(iter(devices)).type == "meta":
        raise InputError(
            f"the parts of the {name} are on {', '.join(sorted(map(str, devices)))}; move them to one by pipe.to(device)."
        )
    return devices.pop()


@contextmanager
def borrowed(pipeline: Any) -> Iterator[None]:
    """Inside the `with`, modes and gradients of networks and the tokenizer's limit may change; then all is as before."""
    networks = [getattr(pipeline, part) for part in _NETWORKS]
    training = [(module, module.training) for network in networks for module in network.modules()]
    learning = [(parameter, parameter.requires_grad) for network in networks for parameter in network.parameters()]
    limit = pipeline.tokenizer.model_max_length
    try:
        yield
    finally:
        for module, mode in training:
            module.training = mode
        for parameter, learns in learning:
            parameter.requires_grad_(learns)
        pipeline.tokenizer.model_max_length = limit
