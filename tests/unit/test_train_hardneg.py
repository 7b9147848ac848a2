"""The LoRA that prefers true captions: its samples, its loss, and that a few steps of training change the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.training.batches import FOCUS
from infodecomp.training.hardneg import HardnegRecipe, hard_batches, hardneg_loss, save_hardneg, train_hardneg
from tests.conftest import ROOT

MODEL = str(ROOT / "data/models/scenes")
SHAPE = (8, 16, 16)
RECIPE = HardnegRecipe(seed=0, steps=6, batch=4, learning_rate=2e-3, rank=2, margin=0.01)


def test_false_captions_hold_the_same_scene_told_wrongly() -> None:
    batch = next(hard_batches(replace(RECIPE, batch=30), SHAPE))
    assert batch.pictures.shape == (30, 3, 64, 64) and batch.eps.shape == (30, *SHAPE)
    assert all(true != false for true, false in zip(batch.true, batch.false, strict=True))
    swapped = [
        sorted(true.split()) == sorted(false.split()) for true, false in zip(batch.true, batch.false, strict=True)
    ]
    assert 0 < sum(swapped) < 30  # relations and attributes keep their words, nouns do not
    assert batch.logsnr.min() > FOCUS[0] and batch.logsnr.max() < FOCUS[1]


def test_batches_do_not_change_samples() -> None:
    whole = next(hard_batches(replace(RECIPE, batch=6), SHAPE))
    parts = hard_batches(replace(RECIPE, batch=3), SHAPE)
    first, second = next(parts), next(parts)
    assert whole.true == first.true + second.true
    assert torch.equal(whole.eps, torch.cat([first.eps, second.eps]))


def test_the_loss_asks_for_a_margin() -> None:
    model = LatentDiffusion.load(MODEL)
    batch = next(hard_batches(RECIPE, SHAPE))
    with torch.no_grad():
        small, told = hardneg_loss(model, batch, 0.0)
        large, _ = hardneg_loss(model, batch, 10.0)
        same, _ = hardneg_loss(model, replace(batch, false=batch.true), 0.25)
        plain, _ = hardneg_loss(model, replace(batch, false=batch.true), 0.0)
    assert 0 <= told <= 1 and large > small + 9
    assert float(same - plain) == pytest.approx(0.25, abs=1e-5)


def test_a_few_steps_train_a_lora_that_loads(tmp_path: Path) -> None:
    model = LatentDiffusion.load(MODEL)
    frozen = {name: weight.clone() for name, weight in model.denoiser.state_dict().items()}
    losses: list[float] = []
    train_hardneg(RECIPE, model, lambda step, loss, told: losses.append(loss))
    assert len(losses) == 6 and np.isfinite(losses).all()
    after = model.denoiser.state_dict()
    assert all(torch.equal(weight, after.get(name, after.get(_wrapped(name)))) for name, weight in frozen.items())
    save_hardneg(model, tmp_path)
    files = list(tmp_path.iterdir())
    assert [file.name for file in files] == ["pytorch_lora_weights.safetensors"] and files[0].stat().st_size < 1e6
    x, prompts = (
        torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(0)),
        Condition.stack(model.encode_prompts(["a red dog"])),
    )
    trained = model(x, torch.tensor([0.0]), prompts)
    loaded = LatentDiffusion.load(MODEL, lora=str(tmp_path))(x, torch.tensor([0.0]), prompts)
    plain = LatentDiffusion.load(MODEL)(x, torch.tensor([0.0]), prompts)
    assert torch.allclose(loaded, trained, atol=5e-3) and (loaded - plain).abs().max() > 1e-3


def _wrapped(name: str) -> str:
    """Where PEFT keeps the frozen weight of a layer that it has given an adapter."""
    stem, _, kind = name.rpartition(".")
    return f"{stem}.base_layer.{kind}"
