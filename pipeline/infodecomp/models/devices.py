"""The device a model runs on, and its number format."""

from __future__ import annotations

import torch

from infodecomp.models.gpus import claim, claims_folder, take
from infodecomp.runs.errors import InputError


def resolve_device(device: str) -> str:
    """The device that this process uses.

    `auto` is a GPU if there is one. `cuda` without a number is a GPU that no other process has claimed; this process claims
    it. A numbered GPU is used in any case, and claimed if it is free. Raises InputError for a missing device.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if not device.startswith("cuda"):
        return device
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise InputError(
            f"machine → device is '{device}', but torch finds no CUDA device; allowed here are auto and cpu"
        )
    names = [_name(number) for number in range(count)]
    if device == "cuda":
        number = claim(names)
    else:
        number = int(device.removeprefix("cuda:"))
        if number >= count:
            raise InputError(
                f"machine → device is '{device}', but torch finds {count} of them; allowed is up to cuda:{count - 1}"
            )
        take(claims_folder() / f"{names[number]}.lock")
    torch.cuda.set_device(number)
    return f"cuda:{number}"


def _name(number: int) -> str:
    """The identity of a GPU for all processes, whichever GPUs each of them sees."""
    return str(torch.cuda.get_device_properties(number).uuid)


def resolve_precision(precision: str, device: str | torch.device) -> str:
    """`auto` → tf32 on a CUDA device and float32 elsewhere; InputError for tf32 on a device that has none."""
    on_gpu = torch.device(device).type == "cuda"
    if precision == "auto":
        return "tf32" if on_gpu else "float32"
    if precision == "tf32" and not on_gpu:
        raise InputError(
            f"model → precision is 'tf32', but the device is {device}, which does not support it; allowed there are auto, "
            "float32, bfloat16 and float16"
        )
    return precision


def set_precision(precision: str) -> torch.dtype:
    """The number format of the weights at a resolved precision; sets whether torch rounds products to TF32."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision, torch.float32)
