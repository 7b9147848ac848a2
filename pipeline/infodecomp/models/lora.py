"""Add a LoRA, a low-rank update of the weights, to a diffusion pipeline: W ← W + B·A.

Reads the current format of diffusers (`pytorch_lora_weights.safetensors`) and the older attention-processor format of
checkpoints from 2023 (`….attn1.processor.to_q_lora.down.weight`, often as .bin, which is read without unpickling objects).
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors import SafetensorError
from safetensors.torch import load_file

from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

# In the order in which a folder is searched.
LORA_FILES = ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin")


def add_lora(pipeline: StableDiffusionPipeline, lora: str) -> None:
    """Merge the LoRA in a folder or file into the pipeline's weights, so that evaluating it costs nothing.

    Raises InputError if it does not exist, cannot be read, or does not fit the layers of the pipeline.
    """
    file = lora_file(lora)
    weights = _prefixed(_read(file))
    try:
        pipeline.load_lora_weights(weights)
    except (ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{file}: this LoRA does not fit the model ({error}).") from error
    if not pipeline.get_active_adapters():
        raise InputError(f"{file}: none of its {len(weights)} layers belongs to the model.")
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()


def lora_file(lora: str) -> Path:
    """The weights file of `lora`, a file or folder; InputError if there is none."""
    path = shipped(lora)
    if path.is_file():
        return path
    found = [path / name for name in LORA_FILES if (path / name).is_file()]
    if not found:
        raise InputError(f"model → lora '{lora}': expected a file, or a folder with {' or '.join(LORA_FILES)}.")
    return found[0]


def _read(file: Path) -> dict[str, torch.Tensor]:
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except (SafetensorError, RuntimeError, EOFError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"{file}: the LoRA weights in this file cannot be read ({error}).") from error


def _prefixed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The oldest files hold only layers of the denoiser, without a prefix in their names."""
    if any(name.startswith(("unet.", "text_encoder.")) for name in weights):
        return weights
    return {f"unet.{name}": tensor for name, tensor in weights.items()}
