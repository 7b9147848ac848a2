"""Diffusers pipelines as denoisers: predictions, latents, prompts, and what a wrong folder says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError


@pytest.fixture(scope="module")
def folder(reference: Path) -> Path:
    return reference / "tiny_sd"


@pytest.fixture(scope="module")
def model(folder: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(folder))


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A copy whose files a test may change."""
    target = tmp_path / "model"
    shutil.copytree(folder, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


class StubUnet(torch.nn.Module):
    """Knows the clean image and answers with the exact noise or the exact velocity of what it is given."""

    def __init__(self, model: LatentDiffusion, x: torch.Tensor, kind: str) -> None:
        super().__init__()
        self.config, self.dtype, self.x, self.kind = model.denoiser.config, torch.float32, x, kind
        self.table = model.logsnr_table
        self.timesteps: list[int] = []

    def forward(self, x_alpha: torch.Tensor, timesteps: torch.Tensor, encoder_hidden_states: torch.Tensor) -> object:
        self.timesteps += timesteps.tolist()
        logsnr = self.table[timesteps][:, None, None, None]
        signal, noise = torch.sigmoid(logsnr).sqrt(), torch.sigmoid(-logsnr).sqrt()
        eps = (x_alpha - signal * self.x) / noise
        output = eps if self.kind == "epsilon" else signal * eps - noise * self.x
        return SimpleNamespace(sample=output.float())


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_both_kinds_of_prediction_become_noise(copied: Path, kind: str) -> None:
    change(copied / "scheduler" / "scheduler_config.json", prediction_type=kind)
    model = LatentDiffusion.load(str(copied))
    assert model.family.channel.prediction == kind
    generator = torch.Generator().manual_seed(0)
    x, eps = torch.randn(2, 4, 6, 5, generator=generator), torch.randn(2, 4, 6, 5, generator=generator)
    timesteps = [700, 30]
    logsnr = model.logsnr_table[timesteps]
    signal, noise = (torch.sigmoid(sign * logsnr).sqrt()[:, None, None, None].float() for sign in (1, -1))
    stub = StubUnet(model, x, kind)
    model.denoiser = stub  # type: ignore[assignment]
    eps_hat = model(signal * x + noise * eps, logsnr, Condition.of(torch.zeros(2, 77, 32)))
    assert stub.timesteps == timesteps
    assert eps_hat.dtype == torch.float32
    assert torch.allclose(eps_hat, eps, atol=1e-4)


def test_another_kind_of_prediction_is_refused_by_name(copied: Path) -> None:
    change(copied / "scheduler" / "scheduler_config.json", prediction_type="sample")
    with pytest.raises(InputError, match=r"prediction_type is 'sample'; supported are epsilon and v_prediction$"):
        LatentDiffusion.load(str(copied))


def test_a_folder_without_a_pipeline_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model → id") as raised:
        LatentDiffusion.load(str(tmp_path))
    assert str(tmp_path) in str(raised.value) and "it lacks model_index.json" in str(raised.value)


def test_an_incomplete_folder_says_what_was_looked_for(copied: Path) -> None:
    (copied / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(InputError, match="unet has no safetensors weights") as raised:
        LatentDiffusion.load(str(copied))
    assert f"model → id '{copied}'" in str(raised.value)


def test_the_trained_range_is_the_schedules(model: LatentDiffusion) -> None:
    alphas = model.pipeline.scheduler.alphas_cumprod.double()
    assert model.logsnr_table.shape == (1000,) and model.logsnr_table.dtype == torch.float64
    assert torch.allclose(torch.sigmoid(model.logsnr_table), alphas)
    assert model.logsnr_range == (float(model.logsnr_table[-1]), float(model.logsnr_table[0]))
    assert model.logsnr_range == pytest.approx((-5.364, 7.069), abs=1e-3)
    assert (model.latent_shape, model.image_size) == ((4, 16, 16), 128)


def test_log_snrs_beyond_the_schedule_use_its_ends(model: LatentDiffusion) -> None:
    x, text = (
        torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0)),
        Condition.of(torch.zeros(1, 77, 32)),
    )
    low, high = model.logsnr_range
    for asked, end in ((low - 3, low), (high + 3, high)):
        assert torch.equal(model(x, torch.tensor([asked]), text), model(x, torch.tensor([end]).double(), text))


def test_rows_with_their_own_log_snr_and_prompt(model: LatentDiffusion) -> None:
    generator = torch.Generator().manual_seed(1)
    x, logsnr = torch.randn(3, 4, 16, 16, generator=generator), torch.tensor([-2.0, 0.5, 4.0])
    text = Condition.stack(model.encode_prompts(["a dog", "", "a cat and a dog"]))
    together = model(x, logsnr, text)
    for row in range(3):
        assert torch.allclose(
            model(x[row : row + 1], logsnr[row : row + 1], text[row : row + 1])[0], together[row], atol=1e-5
        )
    assert not together.requires_grad


def test_latents_are_the_posteriors_mean_times_the_scale(model: LatentDiffusion) -> None:
    pixels = torch.rand(1, 3, 128, 96, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        posterior = model.pipeline.vae.encode(pixels).latent_dist
    assert model.pipeline.vae.config.scaling_factor == 0.18215
    latent = model.encode_pixels(pixels)
    assert latent.shape == (4, 16, 12) and latent.dtype == torch.float32
    assert torch.allclose(latent, posterior.mean[0] * 0.18215, atol=1e-6)
    drawn, again = (model.encode_pixels(pixels, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(drawn, again) and not torch.equal(drawn, latent)
    noise = torch.from_numpy(np.random.default_rng(5).standard_normal((1, 4, 16, 12), dtype=np.float32))
    assert torch.allclose(drawn, (posterior.mean + posterior.std * noise)[0] * 0.18215, atol=1e-6)


def test_the_autoencoders_own_scale_and_shift_count(copied: Path, model: LatentDiffusion) -> None:
    change(copied / "vae" / "config.json", scaling_factor=0.5, shift_factor=0.25)
    other = LatentDiffusion.load(str(copied))
    pixels = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(3)) * 2 - 1
    raw = model.encode_pixels(pixels) / 0.18215
    latent = other.encode_pixels(pixels)
    assert torch.allclose(latent, (raw - 0.25) * 0.5, atol=1e-5)
    # Decoding undoes both: equal pictures from equal raw latents.
    decoded = other.decode(latent[None])
    assert decoded.shape == (1, 3, 128, 128) and decoded.abs().max() <= 1
    assert torch.allclose(decoded, model.decode(raw[None] * 0.18215), atol=1e-4)


def test_an_image_is_read_in_the_range_of_the_model(model: LatentDiffusion) -> None:
    values = np.random.default_rng(4).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    pixels = torch.from_numpy(values).permute(2, 0, 1)[None].float() / 127.5 - 1
    assert torch.allclose(model.encode_image(Image.fromarray(values)), model.encode_pixels(pixels), atol=1e-5)


def test_prompts_are_the_text_towers_states(model: LatentDiffusion) -> None:
    prompts = ["a dog", "", "a dog and a cat " * 40]
    states = Condition.stack(model.encode_prompts(prompts)).states
    assert states.shape == (3, 77, 32) and states.dtype == torch.float32
    filled = {"padding": "max_length", "max_length": 77, "truncation": True, "return_tensors": "pt"}
    ids = model.pipeline.tokenizer(prompts, **filled).input_ids
    with torch.no_grad():
        expected = model.pipeline.text_encoder(ids).last_hidden_state
    assert torch.allclose(states, expected, atol=1e-5)
    assert torch.equal(model.encode_prompts(prompts[:1])[0].states, states[0])  # no row depends on the others


def test_token_offsets_point_into_the_caption(model: LatentDiffusion) -> None:
    caption = "A dog, and a catfish"
    offsets = model.token_offsets(caption)
    assert offsets[0] == offsets[-1] == (0, 0)
    pieces = [caption[start:end] for start, end in offsets[1:-1]]
    assert "".join(pieces) == caption.replace(" ", "")
    assert pieces[:2] == ["A", "dog"]
    assert len(offsets) == len(model.pipeline.tokenizer(caption).input_ids)


def test_token_offsets_end_where_the_model_stops_reading(model: LatentDiffusion) -> None:
    caption = "dog " * 100 + "cat"
    offsets = model.token_offsets(caption)
    assert len(offsets) == model.pipeline.tokenizer.model_max_length == 77
    assert offsets[-1] == (0, 0) and offsets[-2][1] < len(caption) - 3
    assert model.token_offsets("") == [(0, 0), (0, 0)]


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_only_the_denoiser_is_in_half_precision(folder: Path, model: LatentDiffusion, precision: str) -> None:
    half = LatentDiffusion.load(str(folder), precision=precision)
    assert half.denoiser.dtype == getattr(torch, precision)
    assert half.pipeline.vae.dtype == half.pipeline.text_encoder.dtype == torch.float32
    pixels = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(half.encode_pixels(pixels), model.encode_pixels(pixels))
    prompts = Condition.stack(model.encode_prompts(["a dog"]))
    assert Condition.stack(half.encode_prompts(["a dog"])).equal(prompts)
    x, logsnr = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([0.5])
    found, expected = half(x, logsnr, prompts), model(x, logsnr, prompts)
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < 0.05 * expected.abs().max()


def test_tf32_is_refused_on_a_cpu(folder: Path) -> None:
    with pytest.raises(InputError, match="precision is 'tf32', but the device is cpu"):
        LatentDiffusion.load(str(folder), precision="tf32")


def test_a_compiled_denoiser_records_attention(folder: Path) -> None:
    """Also when the recording begins after the first compiled call."""
    model = LatentDiffusion.load(str(folder))
    x, logsnr = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([0.5, -1.0])
    prompts = Condition.stack(model.encode_prompts(["a dog", "a cat"]))

    def recorded() -> tuple[torch.Tensor, np.ndarray]:
        with model.recording() as recorder:
            recorder.expect([Tap(1, "key", [1, 2])])
            eps_hat = model(x, logsnr, prompts)
            return eps_hat, word_map(recorder.pop("key"), [0, 1], (16, 16))

    plain, heat = recorded()
    model.compile(backend="eager")
    model(x, logsnr, prompts)
    compiled, heat_of_compiled = recorded()
    assert torch.allclose(compiled, plain, atol=1e-5)
    np.testing.assert_allclose(heat_of_compiled, heat, atol=1e-6)
    assert torch.allclose(model(x, logsnr, prompts), plain, atol=1e-5)
