"""Weights that are not exactly those of the model are refused by name; every legitimate way of storing them loads.

Without the check a library fills the gap with random values: `test_a_gap_would_be_filled_at_random` shows it for each part.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, ModelMixin, SD3Transformer2DModel
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
)

from infodecomp.models.clip import ClipSimilarity
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.lora import add_lora
from infodecomp.models.whole_weights import load_whole
from infodecomp.runs.errors import InputError
from infodecomp.scenes.classifier import SceneClassifier, load_classifier, save_classifier
from infodecomp.scenes.clip_model import build_clip, load_text_parts, save_clip
from infodecomp.scenes.model import build_tokenizer
from tests.unit.small_model import SCENES, small_pipeline

Tensors = dict[str, torch.Tensor]

# Part → its file of weights, and a tensor that the libraries would draw at random.
PARTS = {
    "unet": ("model/unet/diffusion_pytorch_model.safetensors", "conv_in.weight"),
    "vae": ("model/vae/diffusion_pytorch_model.safetensors", "decoder.layers.0.weight"),
    "text_encoder": ("model/text_encoder/model.safetensors", "embeddings.token_embedding.weight"),
    "clip": ("clip/model.safetensors", "text_projection.weight"),
    "classifier": ("classifier/model.safetensors", "features.0.weight"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline, a CLIP and a classifier with random weights, in single precision."""
    folder = tmp_path_factory.mktemp("saved")
    pipeline = small_pipeline()
    pipeline.save_pretrained(folder / "model")
    save_clip(folder / "clip", build_clip(small_text()), build_tokenizer())
    save_classifier(folder / "classifier", SceneClassifier(widths=(4, 4, 4)))
    for record in folder.glob("*.sha256"):  # which would tell every change before its kind is looked at
        record.unlink()
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy whose files a test may change."""
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    return tmp_path


def small_text(**settings: Any) -> CLIPTextModel:
    tokenizer = build_tokenizer()
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    limit = tokenizer.model_max_length
    return CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer), max_position_embeddings=limit, **sizes, **settings))


def load(folder: Path, part: str) -> object:
    if part == "clip":
        return ClipSimilarity.load(str(folder / "clip"))
    if part == "classifier":
        return load_classifier(folder / "classifier")
    return LatentDiffusion.load(str(folder / "model"))


def change(file: Path, edit: Callable[[Tensors], Tensors]) -> None:
    save_file({name: tensor.contiguous() for name, tensor in edit(load_file(file)).items()}, file, {"format": "pt"})


def without(*names: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if name not in names}


def reshaped(name: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {**tensors, name: torch.zeros(3, 5)}


def spoilt(name: str, value: float) -> Callable[[Tensors], Tensors]:
    def edit(tensors: Tensors) -> Tensors:
        tensors[name].view(-1)[-1] = value
        return tensors

    return edit


def prefixed(tensors: Tensors) -> Tensors:
    return {f"other.{name}": tensor for name, tensor in tensors.items()}


EDITS: dict[str, tuple[Callable[[str], Callable[[Tensors], Tensors]], str]] = {
    "missing": (without, r"1 tensor of \w+ is missing \({name}\); download it again"),
    "unexpected": (lambda name: lambda tensors: {**tensors, "foo": torch.zeros(2)}, r"1 tensor is not part of \w+ \(foo\)"),
    "misshapen": (reshaped, r"1 tensor is of another shape \({name} is 3×5, expected [\d×]+\)"),
    "prefix": (lambda name: prefixed, r"\d+ tensors of \w+ are missing \([\w., ]+, …\); \d+ tensors are not part of"),
    "nan": (lambda name: spoilt(name, float("nan")), r"NaN or infinity in 1 tensor \({name}\); the file is damaged"),
    "infinity": (lambda name: spoilt(name, float("-inf")), r"NaN or infinity in 1 tensor \({name}\)"),
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", EDITS)
def test_other_tensors_are_refused_by_name(folder: Path, part: str, kind: str) -> None:
    file, name = PARTS[part]
    edit, message = EDITS[kind]
    change(folder / file, edit(name))
    with pytest.raises(InputError, match=message.replace("{name}", name)) as raised:
        load(folder, part)
    assert str(raised.value).startswith(f"{folder / file}: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("damage", ["cut off", "other format", "empty"])
def test_a_damaged_file_is_named(folder: Path, part: str, damage: str) -> None:
    file = folder / PARTS[part][0]
    whole = file.read_bytes()
    file.write_bytes({"cut off": whole[:-5], "other format": b"<html>Not found</html>", "empty": b""}[damage])
    with pytest.raises(InputError, match="not a whole safetensors file") as raised:
        load(folder, part)
    assert str(raised.value).startswith(f"{file}: ")


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "clip"])
@pytest.mark.parametrize("name", ["model.bin", "model.pt", "model.ckpt", "model.pth", "model.msgpack", "model.h5"])
def test_other_formats_are_refused(folder: Path, part: str, name: str) -> None:
    file = folder / PARTS[part][0]
    file.rename(file.with_name(name))
    with pytest.raises(InputError, match=f"has no safetensors weights, only {name}, which are refused"):
        load(folder, part)


@pytest.mark.parametrize("part", ["unet", "text_encoder"])
@pytest.mark.parametrize("listed", ["weights.bin", "../vae/diffusion_pytorch_model.safetensors", "absent.safetensors"])
def test_an_index_names_safetensors_of_its_folder_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, part: str, listed: str
) -> None:
    """Otherwise the libraries would open the pickle that it names, although safetensors are beside it."""
    file = folder / PARTS[part][0]
    torch.save(load_file(file), file.with_name("weights.bin"))
    index = {"metadata": {}, "weight_map": dict.fromkeys(load_file(file), listed)}
    file.with_name(f"{file.name}.index.json").write_text(json.dumps(index))
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: pytest.fail("a pickle was opened"))
    with pytest.raises(
        InputError, match=f"{part}: {file.name}.index.json names {listed}, which is not a safetensors file"
    ):
        load(folder, part)


def test_an_adapter_in_a_part_is_refused(folder: Path) -> None:
    """transformers would load it on top of the weights."""
    (folder / "model" / "text_encoder" / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"text_encoder holds an adapter \(adapter_config.json\)"):
        load(folder, "text_encoder")


@pytest.mark.parametrize("part", ["text_encoder", "clip"])
def test_a_gap_would_be_filled_at_random(folder: Path, part: str) -> None:
    """What the check prevents: two loads of the same files differ."""
    file, name = PARTS[part]
    change(folder / file, without(name))
    kind = CLIPTextModel if part == "text_encoder" else CLIPModel
    one, other = (kind.from_pretrained((folder / file).parent).state_dict()[name] for _ in range(2))
    assert not torch.equal(one, other)


def test_a_tensor_under_two_names_is_refused(folder: Path) -> None:
    """transformers would load one of them and drop the other."""
    file, name = PARTS["text_encoder"]
    twice = f"text_model.{name}"
    change(folder / file, lambda tensors: {**tensors, twice: torch.zeros_like(tensors[name])})
    with pytest.raises(InputError, match=rf"1 tensor is not part of CLIPTextModel \({twice}\)"):
        load(folder, "text_encoder")


def test_training_reads_whole_text_towers_alone(folder: Path) -> None:
    change(folder / PARTS["text_encoder"][0], without(PARTS["text_encoder"][1]))
    with pytest.raises(InputError, match="1 tensor of CLIPTextModel is missing"):
        load_text_parts(folder / "model")


# Files that are as they should be.


def small_autoencoder() -> AutoencoderKL:
    return AutoencoderKL(block_out_channels=(4,), norm_num_groups=2, latent_channels=2)


def small_t5(kind: Any) -> nn.Module:
    return kind(T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2))


def old_attention(tensors: Tensors) -> Tensors:
    """The names that diffusers gave the attention of autoencoders until 2023."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for new, name in old.items():
        tensors = {key.replace(f"attentions.0.{new}.", f"attentions.0.{name}."): one for key, one in tensors.items()}
    assert any("proj_attn" in name for name in tensors)
    return tensors


def with_positions(tensors: Tensors) -> Tensors:
    return {**tensors, "text_model.embeddings.position_ids": torch.arange(18)[None]}


def named_by_model(tensors: Tensors) -> Tensors:
    return {f"text_model.{name}": tensor for name, tensor in tensors.items()}


def as_is(tensors: Tensors) -> Tensors:
    return tensors


NETWORKS: dict[str, Callable[[], Any]] = {
    "AutoencoderKL": small_autoencoder,
    "CLIPTextModel": small_text,
    "CLIPTextModelWithProjection": lambda: CLIPTextModelWithProjection(small_text(projection_dim=6).config),
    "T5EncoderModel": lambda: small_t5(T5EncoderModel),
    "SD3Transformer2DModel": lambda: SD3Transformer2DModel(
        sample_size=8, num_layers=1, attention_head_dim=4, num_attention_heads=2, joint_attention_dim=8,
        caption_projection_dim=8, pooled_projection_dim=8, in_channels=4, out_channels=4, pos_embed_max_size=8,
    ),
    "FluxTransformer2DModel": lambda: FluxTransformer2DModel(
        in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=8, pooled_projection_dim=8, axes_dims_rope=(2, 2, 4),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "how", [{}, {"max_shard_size": 1500}, {"variant": "fp16"}], ids=["one file", "several", "fp16"]
)
def test_networks_of_every_family_load_as_saved(tmp_path: Path, name: str, how: dict[str, Any]) -> None:
    network = NETWORKS[name]()
    if "variant" in how:
        network = network.half()
    network.save_pretrained(tmp_path, **how)
    if "max_shard_size" in how:
        assert len(list(tmp_path.glob("*-of-*.safetensors"))) > 1
    loaded = load_whole(type(network), tmp_path, variant=how.get("variant"))
    before, after = network.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys() and {tensor.dtype for tensor in after.values()} == {torch.float32}
    assert all(torch.equal(before[name].float(), after[name]) for name in before)


@pytest.mark.parametrize("name", ["T5EncoderModel", "FluxTransformer2DModel", "SD3Transformer2DModel"])
def test_networks_of_other_families_are_refused_too(tmp_path: Path, name: str) -> None:
    network = NETWORKS[name]()
    network.save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    lost = max(load_file(file))
    change(file, without(lost))
    with pytest.raises(InputError, match=rf"of {name} (is|are) missing \(.*{lost}\)"):
        load_whole(type(network), tmp_path)


@pytest.mark.parametrize("network", [small_autoencoder, small_text], ids=["diffusers", "transformers"])
def test_several_files_hold_what_their_index_lists(tmp_path: Path, network: Callable[[], Any]) -> None:
    network().save_pretrained(tmp_path, max_shard_size=1500)
    shard, (index,) = sorted(tmp_path.glob("*-of-*.safetensors"))[1], tmp_path.glob("*.index.json")
    whole = load_file(shard)
    for edit, message in (
        (without(min(whole)), f"1 tensor of this index is missing \\({min(whole)}\\)"),
        (lambda tensors: {**tensors, "foo": torch.zeros(2)}, r"1 tensor is not part of this index \(foo\)"),
    ):
        change(shard, edit)
        with pytest.raises(InputError, match=message) as raised:
            load_whole(type(network()), tmp_path)
        assert str(raised.value).startswith(f"{index}: ")
        save_file(whole, shard, {"format": "pt"})


@pytest.mark.parametrize(
    ("network", "edit"),
    [
        (small_autoencoder, old_attention),
        (small_text, with_positions),
        (small_text, named_by_model),
        (small_text, lambda tensors: {name: tensor.double() for name, tensor in tensors.items()}),
    ],
    ids=["old attention", "stored positions", "text_model.", "double"],
)
def test_other_ways_of_storing_the_same_load_the_same(
    tmp_path: Path, network: Callable[[], ModelMixin], edit: Callable[[Tensors], Tensors]
) -> None:
    made = network()
    made.save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    change(file, edit)
    loaded = load_whole(type(made), tmp_path).state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in made.state_dict().items())


def test_an_encoder_loads_from_the_whole_model(tmp_path: Path) -> None:
    """T5EncoderModel leaves out the decoder on purpose."""
    whole = small_t5(T5ForConditionalGeneration)
    whole.save_pretrained(tmp_path)  # type: ignore[operator]
    loaded = load_whole(T5EncoderModel, tmp_path).state_dict()
    assert all(torch.equal(whole.state_dict()[name], tensor) for name, tensor in loaded.items())


def test_half_precision_may_not_overflow(tmp_path: Path) -> None:
    made = small_text()
    made.final_layer_norm.bias.data[0] = 1e5
    made.save_pretrained(tmp_path)
    assert load_whole(CLIPTextModel, tmp_path).final_layer_norm.bias[0] == 1e5
    with pytest.raises(InputError, match=r"NaN or infinity in 1 tensor \(final_layer_norm.bias\)"):
        load_whole(CLIPTextModel, tmp_path, dtype=torch.float16)


# LoRA.

LAYERS = {
    "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k": (128, 8),
    "text_encoder.encoder.layers.0.self_attn.q_proj": (128, 128),
}
# How the factors of these layers end, A and B, in the format of peft and in that of diffusers.
SPELLINGS = {
    "peft": [("lora_A", "lora_B"), ("lora_A", "lora_B")],
    "diffusers": [("lora.down", "lora.up"), ("lora_linear_layer.down", "lora_linear_layer.up")],
}


def factors(spelling: str) -> Tensors:
    generator = torch.Generator().manual_seed(0)
    return {
        f"{layer}.{name}.weight": torch.randn(shape, generator=generator)
        for (layer, (inputs, outputs)), (down, up) in zip(LAYERS.items(), SPELLINGS[spelling], strict=True)
        for name, shape in ((down, (2, inputs)), (up, (outputs, 2)))
    }


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_lora_lacks_no_factor(tmp_path: Path, spelling: str, lost: int) -> None:
    """peft would draw A at random, and leave B zero."""
    tensors = factors(spelling)
    name = list(tensors)[lost]
    save_file(without(name)(tensors), tmp_path / "pytorch_lora_weights.safetensors")
    with pytest.raises(InputError, match=rf"1 tensor of this LoRA is missing \({name}\)"):
        add_lora(small_pipeline(), str(tmp_path))


@pytest.mark.parametrize("layer", ["unet.elsewhere.to_k", "text_encoder.encoder.layers.7.self_attn.q_proj"])
def test_a_lora_has_no_layer_of_another_model(tmp_path: Path, layer: str) -> None:
    other = {f"{layer}.lora_A.weight": torch.ones(2, 128), f"{layer}.lora_B.weight": torch.ones(128, 2)}
    save_file({**factors("peft"), **other}, tmp_path / "pytorch_lora_weights.safetensors")
    with pytest.raises(InputError, match=rf"2 tensors are not part of the model \({layer}.lora_A.weight, "):
        add_lora(small_pipeline(), str(tmp_path))


def test_a_lora_is_finite(tmp_path: Path) -> None:
    tensors = factors("peft")
    save_file(spoilt(max(tensors), float("nan"))(tensors), tmp_path / "pytorch_lora_weights.safetensors")
    with pytest.raises(InputError, match="NaN or infinity in 1 tensor"):
        add_lora(small_pipeline(), str(tmp_path))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_whole_lora_changes_both_networks(tmp_path: Path, spelling: str, dtype: torch.dtype) -> None:
    tensors = {name: tensor.to(dtype) for name, tensor in factors(spelling).items()}
    save_file(tensors, tmp_path / "pytorch_lora_weights.safetensors")
    plain, pipeline = small_pipeline(), small_pipeline()
    add_lora(pipeline, str(tmp_path))
    for layer, (down, up) in zip(LAYERS, SPELLINGS[spelling], strict=True):
        part, _, name = layer.partition(".")
        before, after = (getattr(one, part).get_submodule(name).weight for one in (plain, pipeline))
        added = tensors[f"{layer}.{up}.weight"].float() @ tensors[f"{layer}.{down}.weight"].float()
        assert torch.allclose(after, before + added, atol=1e-4)


def test_the_shipped_model_is_whole() -> None:
    LatentDiffusion.load(str(SCENES), lora=str(SCENES.with_name("scenes_hardneg")))
    ClipSimilarity.load(str(SCENES.with_name("scenes_clip")))
    load_classifier(SCENES.with_name("scenes_classifier"))
