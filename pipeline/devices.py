"""Where a model runs."""

from __future__ import annotations

import torch

from pipeline.errors import InputError


def resolve_device(device: str) -> str:
    """`auto` → the GPU where there is one; InputError for a GPU that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(
            f"machine → device is '{device}', but torch sees no CUDA device; allowed here are auto and cpu"
        )
    return device
