"""Add a LoRA, a low-rank update of the weights, to a diffusion pipeline: W ← W + s·B·A, or, for a DoRA, that with each row
rescaled to the length that the file states.

It is added to the weights here rather than by diffusers, whose loader gives all layers one alpha where a file has several,
and leaves tensors out with a warning. Where it reads a file whole, the weights are the same (tests/unit/test_lora.py).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors import SafetensorError, safe_open

from infodecomp.models.lora_names import TEXT, UNET, LayerNames, Place, other_kind, partner
from infodecomp.models.lora_scale import LoraScale
from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.whole_weights import Difference, refuse_difference, refuse_not_finite
from infodecomp.runs.errors import InputError
from infodecomp.runs.shipped import shipped

# In the order in which a folder is searched: as diffusers and peft save them.
LORA_FILES = (
    "pytorch_lora_weights.safetensors",
    "pytorch_lora_weights.bin",
    "adapter_model.safetensors",
    "adapter_model.bin",
)
# What trainers note of the model that a LoRA is for.
_BASE_MODEL = ("ss_base_model_version", "modelspec.architecture")

_NOTED_ALPHA = "ss_network_alpha"

Tensors = dict[str, torch.Tensor]


@dataclass
class _Layer:
    """The tensors of one layer, by part, and their names in the file."""

    parts: Tensors = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def add_lora(pipeline: StableDiffusionPipeline, lora: str) -> None:
    """Merge the LoRA in a folder or file into the pipeline's weights, so that evaluating it costs nothing.

    Raises InputError if it does not exist, cannot be read, is of another kind, or if not all of its tensors are finite,
    paired, and of the shape of a layer of the pipeline.
    """
    file = lora_file(lora)
    check_recorded_hashes(file.parent)
    tensors, header = _read(file)
    _refuse_other_kind(file, tensors)
    refuse_not_finite(file, tensors)
    partners = {other for other in map(partner, tensors) if other is not None}
    refuse_difference(file, "this LoRA", Difference(missing=partners - tensors.keys()))
    networks = {UNET: pipeline.unet, TEXT: pipeline.text_encoder}
    layers, scale = _layers(file, header, tensors, LayerNames(networks)), LoraScale(file, header)
    weights = {place: networks[place.network].get_parameter(f"{place.layer}.weight").data for place in layers}
    wrong = [one for place, layer in layers.items() for one in _wrong_shapes(layer, weights[place])]
    refuse_difference(_described(file, header), "the model", Difference(shapes=wrong))
    _warn_of_noted_alpha(file, header, layers)
    factors = {place: _factor(file, place, layer, scale) for place, layer in layers.items()}
    for place, layer in layers.items():
        weights[place].copy_(_with_lora(weights[place], layer.parts, factors[place]))


def lora_file(lora: str) -> Path:
    """The weights file of `lora`, a file or folder; InputError if there is none, or several without a usual name."""
    path = shipped(lora)
    if path.is_file():
        return path
    found = [path / name for name in LORA_FILES if (path / name).is_file()] or sorted(path.glob("*.safetensors"))
    if len(found) == 1 or (found and found[0].name in LORA_FILES):
        return found[0]
    if found:
        names = ", ".join(file.name for file in found)
        raise InputError(f"model → lora '{lora}': the folder has several files ({names}); name one of them.")
    raise InputError(
        f"model → lora '{lora}': expected a file, or a folder with {', '.join(LORA_FILES[:-1])} or {LORA_FILES[-1]}, or "
        "with one other .safetensors file."
    )


def _read(file: Path) -> tuple[Tensors, dict[str, str]]:
    """The tensors of a file, and the header of a safetensors file."""
    try:
        if file.suffix.lower() == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                names = opened.keys()
                return {name: opened.get_tensor(name) for name in names}, dict(opened.metadata() or {})
        found = dict(torch.load(file, map_location="cpu", weights_only=True))
    except (SafetensorError, OSError, RuntimeError, EOFError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"{file}: the LoRA weights in this file cannot be read ({error}).") from error
    _refuse_other_kind(file, found)
    others = sorted(str(name) for name, value in found.items() if not isinstance(value, torch.Tensor))
    if others:
        raise InputError(f"{file}: the LoRA weights in this file cannot be read ({others[0]} is not a tensor).")
    return found, {}


def _refuse_other_kind(file: Path, tensors: Mapping[str, object]) -> None:
    if not tensors:
        raise InputError(f"{file}: this file has no tensors; export the LoRA again.")
    kind = other_kind({str(name) for name in tensors})
    if kind is not None:
        raise InputError(
            f"{file}: this file holds {kind}, which is not supported; a LoRA of two factors a layer is: merge this one into "
            "the model with the tools that made it, save that as a folder, and name it as model → id."
        )


def _layers(file: Path, header: Mapping[str, str], tensors: Tensors, names: LayerNames) -> dict[Place, _Layer]:
    """Layer → its tensors; InputError if a tensor belongs to no layer, or if two are the same part of one."""
    layers: dict[Place, _Layer] = {}
    unexpected = []
    for name, tensor in tensors.items():
        place, part = names.part(name)
        layer = None if place is None else layers.setdefault(place, _Layer())
        if layer is None or part in layer.parts:
            unexpected.append(name)
        else:
            layer.parts[part], layer.names[part] = tensor, name
    # A lone alpha or magnitude would change nothing.
    unexpected += [name for layer in layers.values() if "up" not in layer.parts for name in layer.names.values()]
    refuse_difference(_described(file, header), "the model", Difference(unexpected=unexpected))
    return layers


def _warn_of_noted_alpha(file: Path, header: Mapping[str, str], layers: Mapping[Place, _Layer]) -> None:
    """Say that the alpha in Kohya's notes has no effect where no layer has one, as in the loaders of Kohya and diffusers."""
    noted, ranks = header.get(_NOTED_ALPHA), {str(float(len(layer.parts["down"]))) for layer in layers.values()}
    if noted and noted not in ranks and not any("alpha" in layer.parts for layer in layers.values()):
        print(
            f"warning: {file}: {_NOTED_ALPHA} is {noted}, but no layer has an alpha; each is added with its rank as alpha, "
            "as by the loaders of Kohya and diffusers.",
            flush=True,
        )


def _described(file: Path, header: Mapping[str, str]) -> str:
    """The file, and the model that it says it is for."""
    model = next((header[key] for key in _BASE_MODEL if header.get(key)), None)
    return f"{file} (made for {model})" if model else str(file)


def _wrong_shapes(layer: _Layer, weight: torch.Tensor) -> list[tuple[str, list[int], list[int]]]:
    """(name, found, expected) of the factors that do not make up the weight's shape (out, in, …)."""
    up, down = layer.parts["up"], layer.parts["down"]
    rank = max(1, len(down)) if down.dim() else 1
    expected = {"up": (up, [len(weight), rank]), "down": (down, [rank, *weight.shape[1:]])}
    if "magnitude" in layer.parts:
        expected["magnitude"] = (layer.parts["magnitude"].flatten(), [len(weight)])
    if "alpha" in layer.parts:
        expected["alpha"] = (layer.parts["alpha"].flatten(), [1])
    return [
        (layer.names[part], list(tensor.shape), shape)
        for part, (tensor, shape) in expected.items()
        if _without_ones(tensor.shape) != _without_ones(shape)
    ]


def _without_ones(shape: torch.Size | list[int]) -> list[int]:
    """A shape without the ones at its end: a convolution by 1 × 1 and a linear layer are the same."""
    kept = list(shape)
    while len(kept) > 1 and kept[-1] == 1:
        kept.pop()
    return kept


def _factor(file: Path, place: Place, layer: _Layer, scale: LoraScale) -> float:
    """By how much B·A of a layer is multiplied; InputError if a DoRA lacks a magnitude, or as `LoraScale.of`."""
    parts = layer.parts
    if scale.has_magnitudes(place) and "magnitude" not in parts:
        missing = f"{place.network}.{place.layer}.lora_magnitude_vector"
        refuse_difference(file, "this LoRA", Difference(missing=[missing]))
    return scale.of(place, len(parts["down"]), float(parts["alpha"]) if "alpha" in parts else None)


def _with_lora(weight: torch.Tensor, parts: Tensors, factor: float) -> torch.Tensor:
    """The weight of a layer with the LoRA added, float32."""
    update = (parts["up"].float().flatten(1) @ parts["down"].float().flatten(1)) * factor
    added = weight.float() + update.reshape(weight.shape).to(weight.device)
    if "magnitude" not in parts:
        return added
    rows = [len(weight), *[1] * (weight.dim() - 1)]
    length = added.flatten(1).norm(dim=1).reshape(rows)
    return added * parts["magnitude"].float().reshape(rows).to(added.device) / length
