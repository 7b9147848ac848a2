"""A LoRA on top of the model, in today's format and in that of 2023."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from infodecomp.config import ModelSection
from infodecomp.estimator.condition import Condition
from infodecomp.jobs.configured_model import model_identity
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from tests.conftest import ROOT

MODEL = str(ROOT / "data/models/scenes")
PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")


@pytest.fixture(scope="module")
def adapted() -> LatentDiffusion:
    """The embedded model with an active, random adapter."""
    model = LatentDiffusion.load(MODEL)
    torch.manual_seed(0)
    model.denoiser.add_adapter(LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=list(PROJECTIONS)))
    return model


@pytest.fixture(scope="module")
def folder(adapted: LatentDiffusion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lora")
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(adapted.denoiser))
    adapted.pipeline.save_lora_weights(path, unet_lora_layers=layers)
    return path


def old_format(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same layers under the names of the attention processors of 2023, without a prefix."""
    renamed = {}
    for name, tensor in weights.items():
        old = name.removeprefix("unet.")
        for projection in PROJECTIONS:
            short = projection.removesuffix(".0")
            old = old.replace(f".{projection}.lora.", f".processor.{short}_lora.")
            old = old.replace(f".{projection}.lora_A.", f".processor.{short}_lora.down.")
            old = old.replace(f".{projection}.lora_B.", f".processor.{short}_lora.up.")
        renamed[old] = tensor
    return renamed


def predict(model: LatentDiffusion) -> torch.Tensor:
    x = torch.linspace(-1, 1, 2 * 8 * 16 * 16).reshape(2, 8, 16, 16)
    return model(x, torch.tensor([0.0, 2.0]), Condition.stack(model.encode_prompts(["a red dog", ""])))


def test_both_formats_change_the_model_as_the_adapter_does(
    adapted: LatentDiffusion, folder: Path, tmp_path: Path
) -> None:
    weights = load_file(folder / "pytorch_lora_weights.safetensors")
    old = old_format(weights)
    assert all("processor.to_" in name and not name.startswith("unet.") for name in old)
    torch.save(old, tmp_path / "pytorch_lora_weights.bin")
    save_file(old, tmp_path / "old.safetensors")
    plain, expected = predict(LatentDiffusion.load(MODEL)), predict(adapted)
    assert (expected - plain).abs().max() > 0.01
    for lora in (folder, tmp_path, tmp_path / "old.safetensors"):
        model = LatentDiffusion.load(MODEL, lora=str(lora))
        assert torch.allclose(predict(model), expected, atol=1e-4)
        assert not any("lora" in name for name, _ in model.denoiser.named_parameters())  # fused: costs nothing


def test_the_identity_of_a_model_names_its_lora(folder: Path, tmp_path: Path) -> None:
    plain, with_lora = ModelSection(id=MODEL), ModelSection(id=MODEL, lora=str(folder))
    assert model_identity(with_lora).startswith(model_identity(plain) + "+")
    weights = {name: 2 * tensor for name, tensor in load_file(folder / "pytorch_lora_weights.safetensors").items()}
    save_file(weights, tmp_path / "pytorch_lora_weights.safetensors")
    assert model_identity(ModelSection(id=MODEL, lora=str(tmp_path))) != model_identity(with_lora)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a file, or a folder with"),
        (b"not weights", "the LoRA weights in this file cannot be read"),
        ({"conv.weight": torch.zeros(2, 2)}, r"1 tensor is not part of the model \(conv.weight\)"),
        ({"unet.elsewhere.to_q.lora.down.weight": torch.zeros(2, 4)}, "2 tensors are not part of the model"),
    ],
)
def test_bad_files_are_named(content: object, message: str, tmp_path: Path) -> None:
    file = tmp_path / "pytorch_lora_weights.safetensors"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif isinstance(content, dict):
        if any("down" in name for name in content):
            content["unet.elsewhere.to_q.lora.up.weight"] = torch.zeros(4, 2)
        save_file(content, file)
    with pytest.raises(InputError, match=message):
        LatentDiffusion.load(MODEL, lora=str(tmp_path))
