"""Which layer and which part of a LoRA a tensor of its file is, in the spellings of trainers and libraries.

diffusers: `unet.….to_q.lora_A.weight`, `.lora.down.weight`, `.lora_linear_layer.down.weight`, and of 2023
`….attn1.processor.to_q_lora.down.weight`; peft: `base_model.model.….lora_A.weight`; Kohya: `lora_te_…` and
`lora_unet_…_to_q.lora_down.weight`, where `_` stands for each dot. So names are compared with every dot written as `_`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import NamedTuple

from torch import nn

UNET, TEXT = "unet", "text_encoder"

# How the names of the factors A and B of a layer end, longest first.
FACTORS = (
    (".lora_A.default.weight", ".lora_B.default.weight"),
    (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
    (".lora_A.weight", ".lora_B.weight"),
    (".lora_down.weight", ".lora_up.weight"),
    (".lora.down.weight", ".lora.up.weight"),
    ("_lora.down.weight", "_lora.up.weight"),
    (".down.weight", ".up.weight"),
)
_ENDINGS = (
    *((ending, part) for pair in FACTORS for ending, part in zip(pair, ("down", "up"), strict=True)),
    (".lora_magnitude_vector.default.weight", "magnitude"),
    (".lora_magnitude_vector.weight", "magnitude"),
    (".lora_magnitude_vector", "magnitude"),
    (".lora.alpha", "alpha"),
    (".alpha", "alpha"),
)
# How names begin, and the network that they then belong to; the others can belong to either.
_BEGINNINGS = (("lora_unet_", UNET), ("lora_te1_", TEXT), ("lora_te_", TEXT), ("unet.", UNET), ("text_encoder.", TEXT))
_WRAPPER = "base_model.model."
# The processors of 2023 name the same projections in both networks.
_OF_PROCESSORS = {
    UNET: {"to_out": "to_out_0"},
    TEXT: {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"},
}
# Pattern in a name → what such a file holds; each changes weights in another way than A and B do.
_OTHER_KINDS = {
    r"\.hada_": "a LoHa (LyCORIS)",
    r"\.lokr_": "a LoKr (LyCORIS)",
    r"\.b?oft_": "an OFT",
    r"\.vera_": "a VeRA",
    r"\.dora_scale$": "a DoRA in the layout of LyCORIS (dora_scale)",
    r"\.lora_mid\.": "a LoCon with Tucker decomposition (lora_mid)",
    r"\.(on_input$|ia3_)": "an (IA)³",
    r"\.a1\.weight$": "a GLoRA",
    r"\.(diff|diff_b|set_weight)$": "differences of whole layers (diff)",
    r"\.(lora_B|lora_up|up)\.bias$": "a LoRA with biases",
    r"\.lora_embedding_": "a LoRA of an embedding",
}
_EMBEDDINGS = {"emb_params", "string_to_param", "clip_l", "clip_g"}


class Place(NamedTuple):
    """A layer of a network: unet or text_encoder, and the layer's name in it."""

    network: str
    layer: str


class Part(NamedTuple):
    """What a tensor is: its layer, None if no network has it, and the part: down (A), up (B), alpha, magnitude."""

    place: Place | None
    part: str


def other_kind(names: Set[str]) -> str | None:
    """What a file holds that is no LoRA of two factors a layer, such as a LoHa; None for a LoRA, or an unknown file."""
    if names & _EMBEDDINGS or all(name.startswith("<") for name in names):
        return "a learned token (textual inversion)"
    return next(
        (kind for pattern, kind in _OTHER_KINDS.items() if any(re.search(pattern, name) for name in names)), None
    )


def partner(name: str) -> str | None:
    """The name of the factor that belongs to a factor of this name, in the same spelling; None if it is no factor."""
    for down, up in FACTORS:
        for one, other in ((down, up), (up, down)):
            if name.endswith(one):
                return name.removesuffix(one) + other
    return None


class LayerNames:
    """The layers of a pipeline's networks by every name that a file may give them."""

    def __init__(self, networks: Mapping[str, nn.Module]) -> None:
        self._layers: dict[tuple[str, str], Place] = {}
        for network, module in networks.items():
            for name, layer in module.named_modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    for spelling in {name, name.removeprefix("text_model."), f"text_model.{name}"}:
                        self._layers.setdefault((network, _flat(spelling)), Place(network, name))

    def part(self, name: str) -> Part:
        """What the tensor of this name is; its place is None if no layer has that name, or if the ending is unknown."""
        for ending, part in _ENDINGS:
            if name.endswith(ending):
                return Part(self._place(name.removesuffix(ending)), part)
        return Part(None, "")

    def _place(self, name: str) -> Place | None:
        networks: tuple[str, ...] = (UNET, TEXT)
        for beginning, network in _BEGINNINGS:
            if name.startswith(beginning):
                name, networks = name.removeprefix(beginning), (network,)
                break
        flat = _flat(name.removeprefix(_WRAPPER).replace(".processor.", "."))
        found = (self._layers.get((network, one)) for network in networks for one in (flat, _renamed(flat, network)))
        return next((place for place in found if place is not None), None)


def _flat(name: str) -> str:
    return name.replace(".", "_")


def _renamed(flat: str, network: str) -> str:
    for old, new in _OF_PROCESSORS[network].items():
        if flat.endswith(f"_{old}"):
            return flat.removesuffix(old) + new
    return flat
