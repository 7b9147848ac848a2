"""Add a LoRA, a low-rank update of the weights, to a diffusion pipeline: W ← W + B·A.

Reads the current format of diffusers (`pytorch_lora_weights.safetensors`) and the older attention-processor format of
checkpoints from 2023 (`….attn1.processor.to_q_lora.down.weight`, often as .bin, which is read without unpickling objects).
"""

from __future__ import annotations

import hashlib
import pickle
from collections import Counter
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors import SafetensorError
from safetensors.torch import load_file

from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.whole_weights import Difference, refuse_difference, refuse_not_finite
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

# In the order in which a folder is searched.
LORA_FILES = ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin")
# How the names of the two factors of a layer end, A and B.
_FACTORS = (("lora_A.weight", "lora_B.weight"), ("down.weight", "up.weight"))


def add_lora(pipeline: StableDiffusionPipeline, lora: str) -> None:
    """Merge the LoRA in a folder or file into the pipeline's weights, so that evaluating it costs nothing.

    Raises InputError if it does not exist, cannot be read, or if not all of its tensors are finite, paired, and part of a
    layer of the pipeline: a factor without its partner would be multiplied by random values, or by zero.
    """
    file = lora_file(lora)
    check_recorded_hashes(file.parent)
    weights = _prefixed(_read(file))
    refuse_not_finite(file, weights)
    refuse_difference(file, "this LoRA", Difference(missing=_without_partner(weights)))
    try:
        pipeline.load_lora_weights(weights)
    except (ValueError, KeyError, IndexError, RuntimeError) as error:
        raise InputError(f"{file}: this LoRA does not fit the model ({error}).") from error
    if not pipeline.get_active_adapters():
        raise InputError(f"{file}: none of its {len(weights)} layers belongs to the model.")
    refuse_difference(file, "the model", Difference(unexpected=_unused(weights, pipeline)))
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


def _without_partner(weights: dict[str, torch.Tensor]) -> set[str]:
    """The names of the factors that the file should have beside those it has."""
    partners = set()
    for name in weights:
        for one, other in (*_FACTORS, *((b, a) for a, b in _FACTORS)):
            if name.endswith(one):
                partners.add(name.removesuffix(one) + other)
    return partners - weights.keys()


def _unused(weights: dict[str, torch.Tensor], pipeline: StableDiffusionPipeline) -> set[str]:
    """The tensors of a LoRA that went into no layer: loading renames tensors, so they are recognised by their values."""
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    loaded = [tensor for part in networks for name, tensor in part.state_dict().items() if "lora_" in name]
    counted = Counter(_values(tensor) for tensor in loaded)
    unused = set()
    for name, tensor in weights.items():
        if name.endswith(".alpha"):
            continue
        if not counted[_values(tensor)]:
            unused.add(name)
        counted[_values(tensor)] -= 1
    return unused


def _values(tensor: torch.Tensor) -> bytes:
    content = tensor.detach().cpu().float().contiguous()
    return hashlib.sha256(str(tuple(content.shape)).encode() + content.numpy().tobytes()).digest()
