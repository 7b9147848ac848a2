"""A model in one file, under the names of the original code: the printed command makes the folder of the same model."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.single_file import VERSION_1, VERSION_2, conversion
from tests.unit.small_model import small_pipeline

# Names of diffusers → names of the original code, for a denoiser and an autoencoder of two levels with one layer each.
UNET = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "down_blocks.0.resnets.0": "input_blocks.1.0",
    "down_blocks.0.attentions.0": "input_blocks.1.1",
    "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
    "down_blocks.1.resnets.0": "input_blocks.3.0",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "up_blocks.0.resnets.0": "output_blocks.0.0",
    "up_blocks.0.resnets.1": "output_blocks.1.0",
    "up_blocks.0.upsamplers.0": "output_blocks.1.1",
    "up_blocks.1.resnets.0": "output_blocks.2.0",
    "up_blocks.1.attentions.0": "output_blocks.2.1",
    "up_blocks.1.resnets.1": "output_blocks.3.0",
    "up_blocks.1.attentions.1": "output_blocks.3.1",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE = {
    "encoder.down_blocks.0.resnets.0": "encoder.down.0.block.0",
    "encoder.down_blocks.0.downsamplers.0": "encoder.down.0.downsample",
    "encoder.down_blocks.1.resnets.0": "encoder.down.1.block.0",
    "decoder.up_blocks.0.upsamplers.0": "decoder.up.1.upsample",
    "conv_norm_out": "norm_out",
    "mid_block.attentions.0": "mid.attn_1",
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "conv_shortcut": "nin_shortcut",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
for level in (0, 1):
    for layer in (0, 1):
        VAE[f"decoder.up_blocks.{level}.resnets.{layer}"] = f"decoder.up.{1 - level}.block.{layer}"


def renamed(name: str, names: dict[str, str]) -> str:
    """A name with each part that the table has replaced."""
    for ours, theirs in names.items():
        name = re.sub(rf"(^|\.){re.escape(ours)}\.", rf"\g<1>{theirs}.", name)
    return name


def in_one_file(folder: Path) -> Path:
    """A small pipeline in one file, and in a folder of its own with the settings that the command is to use."""
    pipeline = small_pipeline()
    torch.manual_seed(1)
    pipeline.vae = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
    ).eval()
    pipeline.save_pretrained(folder / "original")
    tensors = {}
    for name, tensor in pipeline.unet.state_dict().items():
        inner = renamed(name, UNET)
        inner = renamed(inner, UNET_RESNET) if ".resnets." in name else inner
        tensors[f"model.diffusion_model.{inner}"] = tensor
    for name, tensor in pipeline.vae.state_dict().items():
        tensors[f"first_stage_model.{renamed(name, VAE)}"] = tensor
    for name, tensor in pipeline.text_encoder.state_dict().items():
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "one.safetensors")
    return folder / "one.safetensors"


def test_the_command_makes_the_folder_of_the_same_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With settings of a folder in place of the repository's, which takes a network."""
    file = in_one_file(tmp_path)
    command = shlex.split(conversion(file).split("`")[1])
    assert command[:2] == ["python", "-c"] and command[-1] == VERSION_1
    monkeypatch.setattr(sys, "argv", ["-c", *command[3:5], str(tmp_path / "original")])
    exec(command[2], {})
    original, converted = (LatentDiffusion.load(str(tmp_path / name)).pipeline for name in ("original", "one"))
    for part in ("unet", "vae", "text_encoder"):
        expected, found = (getattr(one, part).state_dict() for one in (original, converted))
        assert expected.keys() == found.keys()
        assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())


@pytest.mark.parametrize(("width", "repository"), [(1024, VERSION_2), (768, VERSION_1)])
def test_the_settings_are_those_of_its_version(width: int, repository: str, tmp_path: Path) -> None:
    name = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
    save_file({name: torch.zeros(2, width)}, tmp_path / "one.safetensors")
    sentence = conversion(tmp_path / "one.safetensors")
    assert shlex.split(sentence.split("`")[1])[-1] == repository
    assert ("predicts v" in sentence) == (width == 1024)


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"\x04" + b"\0" * 7 + b"\xff\xfe{}"]
)
def test_a_damaged_file_is_taken_for_the_first_version(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "one.safetensors").write_bytes(content)
    assert VERSION_1 in conversion(tmp_path / "one.safetensors")
