"""A model folder of the shape of Stable Diffusion 2.1-base loads and runs.

Its files are those of the published pipeline with small widths, oddities included: the autoencoder's configuration has no
scaling factor, the text tower's names an old end token, and the pipeline's index names a class that transformers has since
renamed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import integration_interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.flows.ddim import Ddim
from infodecomp.models.attention import Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.words.occurrences import find_word, word_token_positions

SMALL_UNET = {
    "block_out_channels": [20, 40, 80, 80],
    "attention_head_dim": [1, 2, 4, 4],
    "norm_num_groups": 4,
    "cross_attention_dim": 32,
    "layers_per_block": 1,
    "sample_size": 16,
}
SMALL_VAE = {"block_out_channels": [4, 4, 8, 8], "norm_num_groups": 2, "layers_per_block": 1}
SMALL_TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3}


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    return reference / "sd21_base"


@pytest.fixture(scope="module")
def folder(published: Path, reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published files with small widths, random weights, and the small tokenizer of the recorded data."""
    folder = tmp_path_factory.mktemp("sd21") / "model"
    shutil.copytree(published, folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
        shutil.copyfile(reference / "tiny_sd" / "tokenizer" / name, folder / "tokenizer" / name)
    words = len(json.loads((folder / "tokenizer" / "vocab.json").read_text()))
    torch.manual_seed(0)
    unet = rewrite(folder / "unet" / "config.json", SMALL_UNET)
    weights(UNet2DConditionModel.from_config(unet), folder / "unet")
    vae = rewrite(folder / "vae" / "config.json", SMALL_VAE)
    weights(AutoencoderKL.from_config(vae), folder / "vae")
    text = rewrite(folder / "text_encoder" / "config.json", {**SMALL_TEXT, "vocab_size": words})
    weights(CLIPTextModel(CLIPTextConfig(**text)), folder / "text_encoder")
    return folder


def rewrite(file: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Change values that the file has; everything else stays as published."""
    content = json.loads(file.read_text())
    assert set(values) <= set(content)
    file.write_text(json.dumps({**content, **values}))
    return {**content, **values}


def weights(network: Any, folder: Path) -> None:
    """Save the weights, and put the published configuration back that saving has completed."""
    config = (folder / "config.json").read_text()
    network.save_pretrained(folder)
    (folder / "config.json").write_text(config)


@pytest.fixture(scope="module")
def model(folder: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(folder))


def test_the_oddities_are_still_there(folder: Path) -> None:
    """Otherwise this file would test nothing."""
    assert "scaling_factor" not in json.loads((folder / "vae" / "config.json").read_text())
    assert json.loads((folder / "text_encoder" / "config.json").read_text())["eos_token_id"] == 2
    index = json.loads((folder / "model_index.json").read_text())
    assert index["feature_extractor"] == ["transformers", "CLIPFeatureExtractor"]
    assert index["scheduler"] == ["diffusers", "PNDMScheduler"]


def test_settings_are_the_published_ones(model: LatentDiffusion) -> None:
    assert model.pipeline.vae.config.scaling_factor == 0.18215
    assert model.family.channel.prediction == "epsilon"
    assert (model.latent_shape, model.image_size) == ((4, 16, 16), 128)
    assert model.logsnr_range == pytest.approx((-5.364, 7.069), abs=1e-3)
    assert model.denoiser.config.use_linear_projection and model.denoiser.config.attention_head_dim == [1, 2, 4, 4]
    heads = [block.attentions[0].transformer_blocks[0].attn2.heads for block in model.denoiser.down_blocks[:3]]
    assert heads == [1, 2, 4]
    assert model.pipeline.feature_extractor is None and model.pipeline.safety_checker is None


def test_latents_are_scaled(model: LatentDiffusion) -> None:
    pixels = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        mean = model.pipeline.vae.encode(pixels).latent_dist.mean[0]
    assert torch.allclose(model.encode_pixels(pixels), 0.18215 * mean, atol=1e-6)
    assert model.decode(model.encode_pixels(pixels)[None]).shape == (1, 3, 128, 128)


def test_the_old_end_token_changes_no_state(model: LatentDiffusion) -> None:
    """Only the pooled state, which nothing here uses, depends on it."""
    states = Condition.stack(model.encode_prompts(["a dog", "a cat and a dog", ""])).states
    assert states.shape == (3, 77, 32) and states.isfinite().all()
    assert not torch.allclose(states[0], states[2])
    tower = CLIPTextModel(
        CLIPTextConfig(**{**model.pipeline.text_encoder.config.to_dict(), "eos_token_id": 679})
    ).eval()
    tower.load_state_dict(model.pipeline.text_encoder.state_dict())
    ids = model.pipeline.tokenizer(["a dog"], padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.allclose(tower(input_ids=ids).last_hidden_state[0], states[0], atol=1e-5)


def test_the_whole_chain_runs_on_it(model: LatentDiffusion) -> None:
    """An estimate with attention recorded in the same calls, and a DDIM path there and back."""
    caption = "a cat and a dog"
    prompts = dict(zip(("empty", "word"), model.encode_prompts(["", caption]), strict=True))
    pixels = torch.rand(1, 3, 128, 96, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x = model.encode_pixels(pixels)
    interval = integration_interval(
        loc=1.0, scale=2.0, clip=3.0, trained=model.logsnr_range, beyond_trained_range=False
    )
    assert (interval.low, interval.high) == (-5.0, 7.0)
    draws = sample_draws(
        shape=(4, 16, 12),
        steps=[2],
        density="logistic",
        design="stratified",
        antithetic_eps=False,
        interval=interval,
        rng=np.random.default_rng(0),
    )
    (tokens,) = word_token_positions(model.token_offsets(caption), find_word(caption, "dog"))
    with model.recording() as recorder:
        recorder.expect([Tap(1, "dog", tokens), Tap(3, "dog", tokens)])
        result = estimate(model, x, prompts, [("empty", "word")], draws)
        heat = word_map(recorder.pop("dog"), range(len(tokens)), (16, 12))
    for found in (result.standard, result.orthogonal):
        assert found["empty", "word"].map.shape == (16, 12) and np.isfinite(found["empty", "word"].map).all()
    assert heat.shape == (16, 12) and heat.min() >= 0 and heat.max() > 0
    path = Ddim(model, 3)
    assert path.timesteps == [667, 334, 1]
    assert path.generate(path.reverse(x[None], prompts["word"][None]), prompts["word"][None]).isfinite().all()
