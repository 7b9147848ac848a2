"""Where a model runs, and in which number format."""

from __future__ import annotations

import torch

from infodecomp.models.gpus import claim, claims_folder, take
from infodecomp.runs.errors import InputError


def resolve_device(device: str) -> str:
    """The device that this process is to use.

    `auto` is a GPU where there is one. A GPU without a number is one that no other process has claimed, and it stays this
    process's own; a numbered one is taken as it is, and claimed if it is free. Raises InputError for one that is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if not device.startswith("cuda"):
        return device
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        raise InputError(
            f"machine → device is '{device}', but torch sees no CUDA device; allowed here are auto and cpu"
        )
    names = [_name(number) for number in range(count)]
    if device == "cuda":
        number = claim(names)
    else:
        number = int(device.removeprefix("cuda:"))
        if number >= count:
            raise InputError(
                f"machine → device is '{device}', but torch sees {count}; allowed is up to cuda:{count - 1}"
            )
        take(claims_folder() / f"{names[number]}.lock")
    torch.cuda.set_device(number)
    return f"cuda:{number}"


def _name(number: int) -> str:
    """What tells a GPU apart for all processes, whichever of them each one sees."""
    return str(torch.cuda.get_device_properties(number).uuid)


def resolve_precision(precision: str, device: str | torch.device) -> str:
    """`auto` → tf32 on a CUDA device and float32 elsewhere; InputError for tf32 on a device that has none."""
    on_gpu = torch.device(device).type == "cuda"
    if precision == "auto":
        return "tf32" if on_gpu else "float32"
    if precision == "tf32" and not on_gpu:
        raise InputError(
            f"model → precision is 'tf32', but the device is {device}, which has no such products; allowed there are auto, "
            "float32, bfloat16 and float16"
        )
    return precision


def set_precision(precision: str) -> torch.dtype:
    """The number format of a model's weights at a resolved precision; products are rounded to TF32 only where it says so."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision, torch.float32)
