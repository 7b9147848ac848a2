"""How far the flow transformer has come: its error by band of log-SNR on held-out scenes, and pictures that it makes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTokenizer

from infodecomp.scenes.flow_model import build_flow_scheduler
from infodecomp.scenes.model import LATENT_CHANNELS, LATENT_SIZE
from infodecomp.scenes.swaps import plain_caption
from infodecomp.scenes.world import sample_scene, scene_rng
from infodecomp.training.averages import averaged
from infodecomp.training.batches import Batch, Sample, collate, draw_noise, token_ids, training_logsnr
from infodecomp.training.flow_state import FlowState, noised_paths, predicted_velocity
from infodecomp.training.samples import CAPTIONS

# Log-SNRs of the U-Net's channel. Words carry most information in the middle ones.
BANDS = ((-5.0, -2.4), (-2.4, -1.0), (-1.0, 0.5), (0.5, 2.0), (2.0, 3.5), (3.5, 6.5))


@dataclass(frozen=True)
class BandErrors:
    """In every band of `BANDS`: ‖ε̂ − ε‖²/d given the caption, given nothing, and ‖ε̂(caption) − ε̂(nothing)‖²/d."""

    caption: tuple[float, ...]
    nothing: tuple[float, ...]
    effect: tuple[float, ...]

    def line(self, step: int) -> str:
        """The errors of a step times 1000, as a line of JSON."""
        errors = {
            name: [round(1000 * value, 2) for value in getattr(self, name)] for name in ("caption", "nothing", "effect")
        }
        return json.dumps({"step": step, **errors})


def held_out_batch(scenes: int, tokenizer: CLIPTokenizer) -> Batch:
    """The captions of `scenes` held-out scenes of two things, each at one noise level of every band."""
    levels, samples = training_logsnr(), []
    for number in range(scenes):
        rng = scene_rng(0, "validation", number)
        scene = sample_scene(rng, kind="pair")
        for low, high in BANDS:
            position = int(np.searchsorted(levels, rng.uniform(low, high)))
            samples.append(Sample(scene, position, plain_caption(scene), draw_noise(rng)))
    return collate(samples, range(len(samples)), tokenizer, hide_padding=0.0)


def band_errors(state: FlowState, vae: AutoencoderTiny, batch: Batch, tokenizer: CLIPTokenizer) -> BandErrors:
    """The errors of the averaged weights on a batch of `held_out_batch`."""
    paths, velocity, times = noised_paths(batch, vae)
    nothing = token_ids(tokenizer, [""] * len(batch.ids))
    with averaged(state), torch.no_grad():
        told, silent = (
            predicted_velocity(state.transformer, state.tower, paths, times, ids) for ids in (batch.ids, nothing)
        )

    def by_band(difference: torch.Tensor) -> tuple[float, ...]:
        squares = ((1 - times) * difference.square().mean((1, 2, 3)).sqrt()).square()
        return tuple(squares.reshape(-1, len(BANDS)).mean(0).tolist())

    return BandErrors(by_band(told - velocity), by_band(silent - velocity), by_band(told - silent))


def flow_sheet(
    state: FlowState,
    tokenizer: CLIPTokenizer,
    vae: AutoencoderTiny,
    *,
    steps: int = 20,
    guidance: float = 2.0,
    seed: int = 0,
) -> np.ndarray:
    """One picture for each of six captions side by side, uint8 (64, 6·64, 3), of the averaged weights.

    Euler steps with classifier-free guidance.
    """
    shape = (len(CAPTIONS), LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    noise = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    scheduler = build_flow_scheduler()
    scheduler.set_timesteps(steps)
    ids = token_ids(tokenizer, [*CAPTIONS, *[""] * len(CAPTIONS)])
    latents = torch.from_numpy(noise).to(vae.device)
    with averaged(state), torch.no_grad():
        for timestep in scheduler.timesteps:
            times = (timestep / 1000).to(vae.device).expand(len(ids))
            told, silent = predicted_velocity(
                state.transformer, state.tower, latents.repeat(2, 1, 1, 1), times, ids
            ).chunk(2)
            latents = scheduler.step(silent + guidance * (told - silent), timestep, latents).prev_sample
        pictures = vae.decode(latents / vae.config.scaling_factor).sample.clamp(-1, 1).cpu()
    pixels = ((pictures + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return np.concatenate(list(pixels), axis=1)


@dataclass
class FlowProgress:
    """Prints the errors by band of a state, and draws its sheet of samples."""

    tokenizer: CLIPTokenizer
    vae: AutoencoderTiny
    scenes: int = 24

    def sheet(self, state: FlowState) -> np.ndarray:
        """The sheet of samples; prints a line of errors."""
        held_out = held_out_batch(self.scenes, self.tokenizer)
        print(band_errors(state, self.vae, held_out, self.tokenizer).line(state.step), flush=True)
        return flow_sheet(state, self.tokenizer, self.vae)
