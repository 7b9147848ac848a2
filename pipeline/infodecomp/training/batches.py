"""What a training step of the denoiser sees: scenes, noise, noise levels and prompts.

Every scene is drawn once and never again: sample k of a run is scene k of its stream, whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from infodecomp.scenes.captions import MAX_TOKENS
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.model import LATENT_CHANNELS, LATENT_SIZE, build_scheduler
from infodecomp.scenes.world import Scene
from infodecomp.training.autoencoder import to_signed
from infodecomp.training.recorded_denoiser import RecordedDenoiser

# Log-SNRs between which an object's place and identity become visible in a scene.
FOCUS = (-2.4, 3.0)


@dataclass(frozen=True)
class Batch:
    """Inputs of one step: pictures, noise, timesteps, token ids and the mask of tokens that may be read."""

    pictures: torch.Tensor  # uint8 (batch, 64, 64, 3)
    eps: torch.Tensor  # (batch, 8, 16, 16)
    timesteps: torch.Tensor  # (batch,)
    ids: torch.Tensor  # (batch, tokens)
    readable: torch.Tensor  # (batch, tokens) bool


@dataclass(frozen=True)
class Sample:
    """One scene of a step, the place of its noise level among the ascending log-SNRs, its prompt, and its noise."""

    scene: Scene
    position: int
    prompt: str
    eps: np.ndarray  # (8, 16, 16)


def sample_numbers(step: int, batch: int, rank: int, ranks: int) -> range:
    """The samples of a step that worker `rank` draws; all workers together draw `batch` of them."""
    return range(step * batch + rank, (step + 1) * batch, ranks)


def collate(
    samples: Sequence[Sample],
    numbers: Sequence[int],
    tokenizer: CLIPTokenizer,
    hide_padding: float,
) -> Batch:
    """Samples of these numbers as one batch; a share `hide_padding` of them hides its end and padding tokens."""
    ids = token_ids(tokenizer, [sample.prompt for sample in samples])
    last = len(build_scheduler().alphas_cumprod) - 1
    return Batch(
        torch.from_numpy(np.stack([draw_scene(sample.scene)[0] for sample in samples])),
        torch.from_numpy(np.stack([sample.eps for sample in samples])),
        torch.tensor([last - sample.position for sample in samples]),
        ids,
        readable_tokens(ids, int(tokenizer.eos_token_id), numbers, hide_padding),
    )


def training_logsnr() -> np.ndarray:
    """The log-SNRs of the schedule, ascending."""
    return torch.logit(build_scheduler().alphas_cumprod.double()).flip(0).numpy()


def draw_level(rng: np.random.Generator, logsnr: np.ndarray, focus: float, between: tuple[float, float] = FOCUS) -> int:
    """The place of a noise level among the ascending log-SNRs: in a share `focus` of draws between two of them."""
    low, high = between if rng.random() < focus else (logsnr[0], logsnr[-1])
    return min(int(np.searchsorted(logsnr, rng.uniform(low, high))), len(logsnr) - 1)


def draw_noise(rng: np.random.Generator) -> np.ndarray:
    """Noise of a latent."""
    return rng.standard_normal((LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE), dtype=np.float32)


def noised_latents(batch: Batch, vae: AutoencoderTiny, alphas: torch.Tensor) -> torch.Tensor:
    """x_α = √ᾱ x + √(1−ᾱ) ε of a batch, (batch, 8, 16, 16), on the autoencoder's device; alphas: ᾱ of every timestep."""
    kept = alphas[batch.timesteps][:, None, None, None].to(vae.device)
    with torch.no_grad():
        latents = vae.encode(to_signed(batch.pictures.to(vae.device))).latents * vae.config.scaling_factor
    return kept.sqrt() * latents + (1 - kept).sqrt() * batch.eps.to(vae.device)


def token_ids(tokenizer: CLIPTokenizer, prompts: list[str]) -> torch.Tensor:
    """(n, `MAX_TOKENS`) ids of prompts, cut and padded to that."""
    return tokenizer(
        prompts, padding="max_length", truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    ).input_ids


def readable_tokens(ids: torch.Tensor, end: int, numbers: Sequence[int], hide_padding: float) -> torch.Tensor:
    """(n, tokens) bool: a share `hide_padding` of the samples hides its end and padding tokens, so that words are read."""
    hidden = torch.tensor([_unit(number) < hide_padding for number in numbers])
    return ~(hidden[:, None] & (ids == end) & (torch.arange(ids.shape[1]) > 1))


def _unit(number: int) -> float:
    """A fixed pseudo-random number in [0, 1) for a sample number (golden-ratio sequence)."""
    return (number * 0.6180339887498949) % 1.0


def predicted_noise(
    unet: UNet2DConditionModel | RecordedDenoiser, text: CLIPTextModel, noisy: torch.Tensor, batch: Batch
) -> torch.Tensor:
    """ε̂(x_α | prompt) of a batch, (batch, 8, 16, 16)."""
    predicted: torch.Tensor = unet(
        noisy,
        batch.timesteps.to(noisy.device),
        encoder_hidden_states=text(input_ids=batch.ids.to(noisy.device)).last_hidden_state,
        encoder_attention_mask=batch.readable.to(noisy.device),
    ).sample
    return predicted
