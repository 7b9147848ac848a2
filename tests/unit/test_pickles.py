"""No file that can run code is ever opened: pickled weights, parts with code of their own, pickled LoRAs."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from infodecomp.models.clip import ClipSimilarity
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.lora import add_lora
from infodecomp.runs.errors import InputError
from tests.conftest import ROOT
from tests.unit.bomb import Bomb

MODELS = ROOT / "data" / "models"


def save_torch(path: Path, bomb: Bomb) -> None:
    torch.save({"weight": bomb}, path)


def save_pickle(path: Path, bomb: Bomb) -> None:
    path.write_bytes(pickle.dumps({"weight": bomb}))


@pytest.fixture
def opened(tmp_path: Path) -> Path:
    """The file that tells that a pickle was opened."""
    return tmp_path / "opened"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copytree(MODELS / "scenes", tmp_path / "model")
    return tmp_path / "model"


def test_the_bomb_goes_off(opened: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(opened))).close()
    assert opened.exists()


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
@pytest.mark.parametrize("save", [save_torch, save_pickle])
@pytest.mark.parametrize("suffix", [".bin", ".pt"])
def test_a_part_with_pickled_weights_alone(
    model: Path, opened: Path, part: str, save: Callable[[Path, Bomb], None], suffix: str
) -> None:
    (weights,) = (model / part).glob("*.safetensors")
    names = {
        ".bin": "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin",
        ".pt": "model.pt",
    }
    weights.unlink()
    save(model / part / names[suffix], Bomb(opened))
    with pytest.raises(InputError, match=f"{part} has no safetensors weights, only {names[suffix]}, which are refused"):
        LatentDiffusion.load(str(model))
    assert not opened.exists()


def test_pickles_beside_safetensors_are_not_opened(model: Path, opened: Path) -> None:
    for part, name in {"unet": "diffusion_pytorch_model.bin", "text_encoder": "pytorch_model.bin"}.items():
        save_torch(model / part / name, Bomb(opened))
    save_pickle(model / "tokenizer" / "tokenizer.pkl", Bomb(opened))
    LatentDiffusion.load(str(model))
    assert not opened.exists()


def test_a_part_with_code_of_its_own(model: Path, opened: Path) -> None:
    index = model / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "unet": ["own_unet", "Unet"]}))
    (model / "unet" / "own_unet.py").write_text(f"open({str(opened)!r}, 'w')\n")
    with pytest.raises(InputError, match=r"unet is \['own_unet', 'Unet'\], allowed is a class of diffusers"):
        LatentDiffusion.load(str(model))
    assert not opened.exists()


def test_a_clip_with_pickled_weights_alone(tmp_path: Path, opened: Path) -> None:
    shutil.copytree(MODELS / "scenes_clip", tmp_path / "clip")
    (tmp_path / "clip" / "model.safetensors").unlink()
    save_torch(tmp_path / "clip" / "pytorch_model.bin", Bomb(opened))
    with pytest.raises(InputError, match=r"clip → id .* has no safetensors weights, only pytorch_model.bin"):
        ClipSimilarity.load(str(tmp_path / "clip"))
    assert not opened.exists()


@pytest.mark.parametrize("save", [save_torch, save_pickle])
def test_a_lora_that_holds_more_than_tensors(tmp_path: Path, opened: Path, save: Callable[[Path, Bomb], None]) -> None:
    """The published LoRA of 2023 is a .bin: its tensors are read without making any other object."""
    file = tmp_path / "pytorch_lora_weights.bin"
    save(file, Bomb(opened))
    with pytest.raises(InputError, match="the LoRA weights in this file cannot be read"):
        add_lora(None, str(file))  # type: ignore[arg-type]
    assert not opened.exists()
