"""A pipeline of the user's, lent to the estimator: checked before, and as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from infodecomp.models.families import kind_of
from infodecomp.models.pipelines import PipelineKind
from infodecomp.runs.errors import InputError


def check_pipeline(pipeline: Any) -> torch.device:
    """The device of a diffusers pipeline that can be read; InputError naming what prevents it."""
    name, kind = type(pipeline).__name__, kind_of(pipeline)
    networks = _networks(pipeline, kind)
    if any(hasattr(module, "_hf_hook") for network in networks for module in network.modules()):
        raise InputError(
            f"the {name} moves its parts between devices (CPU offload or a device map); call pipe.remove_all_hooks() and "
            "pipe.to(device) first, or pass its folder or Hub id instead of the pipeline."
        )
    denoiser = getattr(pipeline, kind.denoiser)
    if any(getattr(module, "fused_projections", False) for module in denoiser.modules()):
        raise InputError(f"the projections of the {name} are fused; call pipe.unfuse_qkv_projections() first.")
    devices = {parameter.device for network in networks for parameter in network.parameters()}
    if len(devices) != 1 or next(iter(devices)).type == "meta":
        raise InputError(
            f"the parts of the {name} are on {', '.join(sorted(map(str, devices)))}; move them to one by pipe.to(device)."
        )
    return devices.pop()


def _networks(pipeline: Any, kind: PipelineKind) -> list[torch.nn.Module]:
    found = (getattr(pipeline, part) for part in kind.networks)
    return [network for network in found if network is not None]


@contextmanager
def borrowed(pipeline: Any) -> Iterator[None]:
    """Inside the `with`, modes and gradients of networks and the tokenizers' limits may change; then all is as before."""
    kind = kind_of(pipeline)
    networks = _networks(pipeline, kind)
    tokenizers = [one for part in kind.tokenizers if (one := getattr(pipeline, part)) is not None]
    training = [(module, module.training) for network in networks for module in network.modules()]
    learning = [(parameter, parameter.requires_grad) for network in networks for parameter in network.parameters()]
    limits = [(tokenizer, tokenizer.model_max_length, tokenizer.padding_side) for tokenizer in tokenizers]
    try:
        yield
    finally:
        for module, mode in training:
            module.training = mode
        for parameter, learns in learning:
            parameter.requires_grad_(learns)
        for tokenizer, limit, side in limits:
            tokenizer.model_max_length, tokenizer.padding_side = limit, side
