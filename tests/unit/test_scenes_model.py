"""The embedded model's networks: tokenizer, linear encoder, and a folder that loads like Stable Diffusion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTokenizer

from infodecomp.estimator.condition import Condition
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.scenes.captions import MAX_TOKENS, vocabulary
from infodecomp.scenes.model import (
    CAPTION_TOKENS,
    LATENT_CHANNELS,
    LATENT_SIZE,
    LATENT_STD,
    SCALING,
    TEXT_WIDTH,
    build_autoencoder,
    build_scheduler,
    build_text_encoder,
    build_tokenizer,
    build_unet,
    byte_alphabet,
    save_pipeline,
)
from infodecomp.training.autoencoder import pictures, psnr, to_signed


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return pictures(0, "validation", 0, 60)


@pytest.fixture(scope="module")
def vae(images: np.ndarray) -> AutoencoderTiny:
    torch.manual_seed(0)
    return build_autoencoder(images)


def test_the_alphabet_covers_every_byte_once() -> None:
    assert len(set(byte_alphabet())) == 256


def test_words_are_one_token_and_others_fall_into_pieces(tokenizer: CLIPTokenizer) -> None:
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    for word in vocabulary():
        ids = tokenizer(word).input_ids
        assert ids[0] == start and ids[-1] == end and len(ids) == 3
        assert tokenizer.decode(ids[1:-1]).strip() == word
    unknown = tokenizer("quixotic").input_ids[1:-1]
    assert len(unknown) > 1 and tokenizer.decode(unknown).strip() == "quixotic"
    assert tokenizer("Dog").input_ids == tokenizer("dog").input_ids
    assert len(tokenizer("dogma").input_ids) > 3  # the token of a word is no prefix of another word
    assert tokenizer("café 犬").input_ids.count(tokenizer.unk_token_id) == 1  # nothing but the end token itself


def test_the_tokenizer_survives_saving(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path)
    assert len(again) == len(tokenizer) and again.model_max_length == MAX_TOKENS
    texts = [
        "",
        "a red dog on the grass",
        "a _ left of a teddy bear",
        "a quixotic café, isn't it?",
        "Zebra",
        "two people",
    ]
    texts += list(vocabulary())
    for text in texts:
        assert again(text).input_ids == tokenizer(text).input_ids
        settings = {"padding": "max_length", "truncation": True, "return_offsets_mapping": True}
        assert again(text, **settings) == tokenizer(text, **settings)
        assert len(again(text, **settings).input_ids) == MAX_TOKENS


def test_the_encoder_is_exactly_linear(vae: AutoencoderTiny, images: np.ndarray) -> None:
    """e(x + y) − e(x) − e(y) + e(0) = 0 for pictures and for anything else."""

    def encode(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return vae.encode(x).latents

    x, y = to_signed(images[:4]).double(), torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 64, 64)))
    vae = vae.double()
    zero = torch.zeros_like(x)
    assert (encode(x + y) - encode(x) - encode(y) + encode(zero)).abs().max() < 1e-10
    assert encode(x).abs().max() > 0.5
    vae.float()


def test_a_latent_cell_sees_its_own_patch_only(vae: AutoencoderTiny, images: np.ndarray) -> None:
    picture = to_signed(images[:1])
    changed = picture.clone()
    changed[..., 20:24, 40:44] += 0.5
    with torch.no_grad():
        difference = (vae.encode(changed).latents - vae.encode(picture).latents).abs().sum(1)[0]
    touched = torch.zeros(LATENT_SIZE, LATENT_SIZE, dtype=torch.bool)
    touched[5, 10] = True
    assert difference[5, 10] > 0.1 and difference[~touched].max() < 1e-5


def test_latents_have_the_stated_spread(vae: AutoencoderTiny, images: np.ndarray) -> None:
    with torch.no_grad():
        latents = vae.encode(to_signed(images)).latents
        fresh = vae.encode(to_signed(pictures(0, "validation", 500, 40))).latents
    assert latents.shape == (60, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    channels = latents.transpose(0, 1).flatten(1)
    # Root mean square over channels; the mean picture is the origin.
    assert float(channels.var(1).mean().sqrt()) == pytest.approx(LATENT_STD, rel=0.02)
    assert float(channels.mean(1).abs().max()) < 1e-3
    assert float(fresh.std()) == pytest.approx(LATENT_STD, rel=0.15)
    correlation = torch.corrcoef(channels) - torch.eye(LATENT_CHANNELS)
    assert correlation.abs().max() < 1e-2  # principal components


def test_fidelity_is_measured_against_the_picture(vae: AutoencoderTiny, images: np.ndarray) -> None:
    assert 0 < psnr(vae, images[:4]) < 15  # the decoder is not trained

    class Perfect:
        def encode(self, x: torch.Tensor) -> object:
            return type("Encoded", (), {"latents": x})

        def decode(self, x: torch.Tensor) -> object:
            return type("Decoded", (), {"sample": x + 0.02})

    assert psnr(Perfect(), images[:2] // 2 + 60) == pytest.approx(40, abs=1e-3)  # type: ignore[arg-type]


def test_the_schedule_is_stable_diffusions(reference: Path) -> None:
    import json

    published = json.loads((reference / "sd21_base" / "scheduler" / "scheduler_config.json").read_text())
    ours = build_scheduler().config
    for name in ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type", "steps_offset"):
        assert ours[name] == published[name]
    assert ours["set_alpha_to_one"] is published["set_alpha_to_one"] and ours["clip_sample"] is published["clip_sample"]


def test_a_saved_folder_loads_as_a_latent_diffusion_model(
    tokenizer: CLIPTokenizer, vae: AutoencoderTiny, images: np.ndarray, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    text, unet = build_text_encoder(tokenizer), build_unet()
    save_pipeline(tmp_path / "model", text_encoder=text, unet=unet, vae=vae)
    names = {str(path.relative_to(tmp_path / "model")) for path in (tmp_path / "model").rglob("*.safetensors")}
    assert len(names) == 3
    assert sum(path.stat().st_size for path in (tmp_path / "model").rglob("*.safetensors")) < 16e6
    model = LatentDiffusion.load(str(tmp_path / "model"))
    assert model.latent_shape == (LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE) and model.image_size == 64
    assert model.logsnr_range == pytest.approx((-5.36, 7.07), abs=0.01)
    conditions = Condition.stack(model.encode_prompts(["a red dog", ""]))
    assert conditions.states.shape == (2, CAPTION_TOKENS, TEXT_WIDTH)
    ids = tokenizer(["a red dog"], padding="max_length", return_tensors="pt").input_ids
    short = text.half().float()(input_ids=ids).last_hidden_state
    assert torch.allclose(
        conditions.states[0, :MAX_TOKENS], short[0], atol=1e-4
    )  # the longer tower reads them the same
    latent = model.encode_pixels(to_signed(images[:1]))
    with torch.no_grad():
        expected = SCALING * vae.float().encode(to_signed(images[:1])).latents[0]
        assert torch.allclose(latent, expected, atol=0.01)  # half precision
    eps_hat = model(latent[None].repeat(2, 1, 1, 1), torch.tensor([0.0, 2.0]), conditions)
    assert eps_hat.shape == (2, 8, 16, 16) and eps_hat.isfinite().all()
    assert model.decode(latent[None]).shape == (1, 3, 64, 64)
