"""LoRAs as trainers and libraries write them change the weights as the library's own loader does, or as they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

from infodecomp.config import ModelSection
from infodecomp.jobs.configured_model import model_identity
from infodecomp.models.lora import add_lora
from infodecomp.runs.errors import InputError
from tests.unit.small_model import SCENES, small_pipeline

Tensors = dict[str, torch.Tensor]
PARTS = ("unet", "text_encoder")
PROJECTIONS = ["to_q", "to_k", "to_v", "to_out.0"]


def layers(pipeline: StableDiffusionPipeline) -> dict[str, torch.Tensor]:
    """`unet.….to_q` → its weight, of every linear layer and convolution of both networks."""
    return {
        f"{part}.{name}": layer.weight.data
        for part in PARTS
        for name, layer in getattr(pipeline, part).named_modules()
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)
    }


@pytest.fixture(scope="module")
def plain() -> Tensors:
    return layers(small_pipeline())


def factors(weight: torch.Tensor, rank: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    kernels = [1] * (weight.dim() - 2)
    down = torch.randn(rank, *weight.shape[1:], generator=generator)
    return down, torch.randn(len(weight), rank, *kernels, generator=generator) / rank


def made(
    plain: Tensors, chosen: Callable[[str], bool], name: Callable[[str], str], endings: Sequence[str], rank: int = 4
) -> Tensors:
    """A LoRA of random factors for the chosen layers."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for layer, weight in plain.items():
        if chosen(layer):
            for ending, factor in zip(endings, factors(weight, rank, generator), strict=True):
                found[f"{name(layer)}{ending}"] = factor
    return found


def kohya_name(layer: str) -> str:
    part, _, name = layer.partition(".")
    return ("lora_unet_" if part == "unet" else "lora_te_text_model_") + name.replace(".", "_")


def is_attention(layer: str) -> bool:
    return "attn" in layer and layer.startswith("unet")


KOHYA = (".lora_down.weight", ".lora_up.weight")
PEFT = (".lora_A.weight", ".lora_B.weight")


def kohya(plain: Tensors, chosen: Callable[[str], bool], alpha: float | None) -> Tensors:
    found = made(plain, chosen, kohya_name, KOHYA)
    if alpha is not None:
        found |= {f"{kohya_name(layer)}.alpha": torch.tensor(alpha) for layer in plain if chosen(layer)}
    return found


def header(**settings: object) -> dict[str, str]:
    """What save_lora_weights writes into the file of a U-Net's adapter."""
    named = {f"unet.{key}": value for key, value in {"r": 4, "target_modules": PROJECTIONS, **settings}.items()}
    return {"format": "pt", "lora_adapter_metadata": json.dumps(named)}


def dora(plain: Tensors, chosen: Callable[[str], bool]) -> Tensors:
    found = made(plain, chosen, str, PEFT)
    for layer, weight in plain.items():
        if chosen(layer):
            shape = (len(weight),) if weight.dim() == 2 else (1, len(weight), 1, 1)
            found[f"{layer}.lora_magnitude_vector"] = 0.5 + torch.rand(
                shape, generator=torch.Generator().manual_seed(1)
            )
    return found


def processor_name(layer: str) -> str:
    for old, new in (("to_q", "q_proj"), ("to_k", "k_proj"), ("to_v", "v_proj"), ("to_out", "out_proj")):
        if layer.endswith(new):
            return layer.replace("text_encoder.", "text_encoder.text_model.").removesuffix(new) + f"{old}_lora"
    start, _, projection = layer.removesuffix(".0").rpartition(".")
    return f"{start}.processor.{projection}_lora"


def both_networks(layer: str) -> bool:
    return is_attention(layer) or "self_attn" in layer


# Name → (tensors, the file's metadata).
READ_BY_DIFFUSERS: dict[str, Callable[[Tensors], tuple[Tensors, dict[str, str] | None]]] = {
    "kohya, attention": lambda plain: (kohya(plain, is_attention, 2.0), {"ss_network_alpha": "2.0"}),
    "kohya, both networks": lambda plain: (kohya(plain, both_networks, 8.0), None),
    "kohya, text encoder alone": lambda plain: (kohya(plain, lambda layer: "text" in layer, 1.0), None),
    "kohya, every layer (LoCon)": lambda plain: (kohya(plain, lambda _: True, 2.0), None),
    "kohya, no alpha": lambda plain: (kohya(plain, is_attention, None), None),
    "lora_A, no alpha": lambda plain: (made(plain, both_networks, str, PEFT), None),
    "lora.down": lambda plain: (made(plain, is_attention, str, (".lora.down.weight", ".lora.up.weight")), None),
    "processors of 2023": lambda plain: (
        made(plain, both_networks, processor_name, (".down.weight", ".up.weight")),
        None,
    ),
    "text encoder, lora_linear_layer": lambda plain: (
        made(
            plain,
            lambda layer: "self_attn" in layer,
            lambda layer: layer.replace("text_encoder.", "text_encoder.text_model."),
            (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        ),
        None,
    ),
    "kohya, lora_te1, half precision": lambda plain: (
        {
            name.replace("lora_te_", "lora_te1_"): tensor.half()
            for name, tensor in kohya(plain, both_networks, 2.0).items()
        },
        None,
    ),
    "alpha in the metadata": lambda plain: (made(plain, is_attention, str, PEFT), header(lora_alpha=16)),
    "alpha by layer in the metadata": lambda plain: (
        made(plain, is_attention, str, PEFT),
        header(lora_alpha=16, alpha_pattern={"to_q": 3, "attn2.to_k": 5}),
    ),
    "rank-stabilised": lambda plain: (
        made(plain, is_attention, str, PEFT),
        header(lora_alpha=16, use_rslora=True),
    ),
    "rank by layer": lambda plain: (
        made(plain, is_attention, str, PEFT)
        | made(plain, lambda layer: is_attention(layer) and layer.endswith("to_v"), str, PEFT, rank=2),
        header(lora_alpha=16, rank_pattern={"to_v": 2}),
    ),
    "DoRA": lambda plain: (dora(plain, is_attention), header(lora_alpha=16, use_dora=True)),
    "DoRA of convolutions, no metadata": lambda plain: (dora(plain, lambda layer: "conv1" in layer), None),
}


@pytest.mark.parametrize("layout", READ_BY_DIFFUSERS)
def test_the_weights_are_those_of_the_librarys_own_loader(layout: str, plain: Tensors, tmp_path: Path) -> None:
    tensors, metadata = READ_BY_DIFFUSERS[layout](plain)
    save_file(tensors, tmp_path / "style.safetensors", metadata=metadata)
    reference, pipeline = small_pipeline(), small_pipeline()
    reference.load_lora_weights(str(tmp_path / "style.safetensors"))
    reference.fuse_lora()
    reference.unload_lora_weights()
    add_lora(pipeline, str(tmp_path))
    found, expected = layers(pipeline), layers(reference)
    changed = {layer for layer in plain if not torch.equal(found[layer], plain[layer])}
    assert len(changed) == sum(name.endswith((".lora_A.weight", "down.weight")) for name in tensors)
    for layer in plain:
        torch.testing.assert_close(found[layer], expected[layer], rtol=0, atol=1e-6)


def test_each_layer_has_its_own_alpha(plain: Tensors, tmp_path: Path) -> None:
    """Where alphas differ, or a layer has none, diffusers gives one of them to all: here B·A·alpha/rank is the sum."""
    tensors = kohya(plain, both_networks, None)
    chosen = [layer for layer in plain if both_networks(layer)]
    alphas = dict(zip(chosen, [1.0, 2.0, None, 8.0] * len(chosen), strict=False))
    tensors |= {f"{kohya_name(layer)}.alpha": torch.tensor(a) for layer, a in alphas.items() if a is not None}
    save_file(tensors, tmp_path / "style.safetensors")
    pipeline = small_pipeline()
    add_lora(pipeline, str(tmp_path / "style.safetensors"))
    found = layers(pipeline)
    for layer, alpha in alphas.items():
        down, up = (tensors[kohya_name(layer) + ending] for ending in KOHYA)
        expected = plain[layer] + up @ down * ((4.0 if alpha is None else alpha) / 4)
        torch.testing.assert_close(found[layer], expected, rtol=0, atol=1e-6)


def test_an_adapter_that_peft_saved(plain: Tensors, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = LoraConfig(
        r=2, lora_alpha=6, init_lora_weights=False, target_modules=PROJECTIONS, alpha_pattern={"to_q": 1}
    )
    get_peft_model(small_pipeline().unet, config).save_pretrained(tmp_path)
    reference = PeftModel.from_pretrained(small_pipeline().unet, tmp_path).merge_and_unload()
    pipeline = small_pipeline()
    add_lora(pipeline, str(tmp_path))
    found = layers(pipeline)
    for name, layer in reference.named_modules():
        if isinstance(layer, torch.nn.Linear):
            torch.testing.assert_close(found[f"unet.{name}"], layer.weight.data, rtol=0, atol=1e-6)
    changed = {layer for layer in plain if not torch.equal(found[layer], plain[layer])}
    assert changed == {layer for layer in plain if is_attention(layer)}


def test_the_settings_beside_a_file_belong_to_its_identity(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = LoraConfig(r=2, lora_alpha=6, init_lora_weights=False, target_modules=PROJECTIONS)
    get_peft_model(small_pipeline().unet, config).save_pretrained(tmp_path)
    section = ModelSection(id=str(SCENES), lora=str(tmp_path / "adapter_model.safetensors"))
    before, settings = model_identity(section), tmp_path / "adapter_config.json"
    settings.write_text(settings.read_text().replace('"lora_alpha": 6', '"lora_alpha": 7'))
    assert model_identity(section) != before


@pytest.mark.parametrize(
    ("noted", "alpha", "said"), [("16.0", None, 1), ("4.0", None, 0), ("16.0", 16.0, 0), (None, None, 0)]
)
def test_an_alpha_in_notes_alone_is_not_used_silently(
    noted: str | None,
    alpha: float | None,
    said: int,
    plain: Tensors,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    metadata = None if noted is None else {"ss_network_alpha": noted}
    save_file(kohya(plain, is_attention, alpha), tmp_path / "style.safetensors", metadata=metadata)
    add_lora(small_pipeline(), str(tmp_path))
    assert (
        capsys.readouterr().out.count("style.safetensors: ss_network_alpha is 16.0, but no layer has an alpha") == said
    )


LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
PAIR = {f"{LAYER}.lora_down.weight": torch.ones(2, 128), f"{LAYER}.lora_up.weight": torch.ones(16, 2)}
OF_PEFT = {
    name.replace("lora_unet_", "unet.").replace("_down", "_A").replace("_up", "_B"): t for name, t in PAIR.items()
}


@pytest.mark.parametrize(
    ("tensors", "metadata", "message"),
    [
        ({f"{LAYER}.hada_w1_a": torch.ones(2, 2)}, None, r"holds a LoHa \(LyCORIS\), which is not supported"),
        ({f"{LAYER}.lokr_w1": torch.ones(2, 2), f"{LAYER}.alpha": torch.tensor(1.0)}, None, "holds a LoKr"),
        ({**PAIR, f"{LAYER}.dora_scale": torch.ones(16, 1)}, None, "holds a DoRA in the layout of LyCORIS"),
        ({**PAIR, f"{LAYER}.lora_mid.weight": torch.ones(2, 2, 3, 3)}, None, "Tucker decomposition"),
        ({f"{LAYER}.diff": torch.ones(16, 128)}, None, "differences of whole layers"),
        ({"emb_params": torch.ones(2, 128)}, None, r"holds a learned token \(textual inversion\)"),
        ({}, None, "has no tensors"),
        ({**PAIR, f"{LAYER}.alpha": torch.tensor(0.0)}, None, r"the alpha of mid_block\S+ is 0; expected"),
        ({**PAIR, f"{LAYER}.alpha": torch.ones(3)}, None, r"alpha is 3, expected 1"),
        ({**PAIR, "lora_te2_text_projection.alpha": torch.tensor(1.0)}, None, r"1 tensor is not part .*\(lora_te2_"),
        ({f"{LAYER}.alpha": torch.tensor(1.0)}, None, r"1 tensor is not part of the model"),
        (
            {name.replace("mid_block", "middle_block"): tensor for name, tensor in PAIR.items()},
            {"ss_base_model_version": "sdxl_base_v1-0"},
            r"\(made for sdxl_base_v1-0\): 2 tensors are not part of the model",
        ),
        ({**PAIR, f"{LAYER}.lora_up.weight": torch.ones(24, 2)}, None, r"up.weight is 24×2, expected 16×2"),
        ({**PAIR, f"{LAYER}.lora_down.weight": torch.ones(2, 64)}, None, r"down.weight is 2×64, expected 2×128"),
        (OF_PEFT, {"lora_adapter_metadata": "{"}, "lora_adapter_metadata: this is not valid JSON"),
        (OF_PEFT, {"lora_adapter_metadata": "[]"}, "expected a JSON object, found a list"),
        (OF_PEFT, header(r=4), r"the rank of mid_block\S+ is 4; its tensors have 2"),
        (OF_PEFT, header(r=2, peft_type="LOHA"), "this adapter is a LOHA"),
        (
            OF_PEFT,
            header(r=2, use_dora=True),
            r"1 tensor of this LoRA is missing \(unet.mid_block\S+magnitude_vector\)",
        ),
        (OF_PEFT, header(r=2, init_lora_weights="pissa"), "started by pissa, which changes the model's own weights"),
        (
            {**OF_PEFT, f"{LAYER}.alpha": torch.tensor(1.0)},
            header(r=2, lora_alpha=4),
            r"the alpha of mid_block\S+ is 1 in a tensor and 4 in its settings",
        ),
    ],
)
def test_what_is_no_lora_of_this_model_is_refused(
    tensors: Tensors, metadata: Mapping[str, str] | None, message: str, tmp_path: Path
) -> None:
    save_file(tensors, tmp_path / "style.safetensors", metadata=None if metadata is None else dict(metadata))
    pipeline: Any = small_pipeline()
    before = {name: weight.clone() for name, weight in layers(pipeline).items()}
    with pytest.raises(InputError, match=message):
        add_lora(pipeline, str(tmp_path))
    assert all(torch.equal(weight, before[name]) for name, weight in layers(pipeline).items())


def test_of_several_files_one_is_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_file(PAIR, tmp_path / f"{name}.safetensors")
    with pytest.raises(InputError, match=r"several files \(one.safetensors, two.safetensors\); name one of them"):
        add_lora(small_pipeline(), str(tmp_path))
