"""Train the denoiser of the embedded model on scenes drawn on the fly.

Every scene is drawn once and never again: sample k of the run is scene k of the split `train`, whatever the number of
worker processes. Workers average their gradients after each step, so that two single-thread processes use two cores
without the waits of threaded kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from diffusers import AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.scenes.captions import BINDING, training_prompt
from pipeline.scenes.cycles import CYCLES, Cycle, cycle_of, learning_rate_factor
from pipeline.scenes.drawing import draw_scene
from pipeline.scenes.model import build_scheduler, build_unet
from pipeline.scenes.train_autoencoder import to_signed
from pipeline.scenes.world import BINDING_KIND_SHARES, KIND_SHARES, sample_scene, scene_rng

# Log-SNRs between which an object's place and identity become visible in a scene.
FOCUS = (-2.4, 3.0)


@dataclass(frozen=True)
class Recipe:
    """How the denoiser is trained. Learning rates are peaks, which each cycle takes its share of."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    text_learning_rate: float
    ema: float
    bind_from: int  # between these two steps most scenes hold two things and most captions say which is where
    bind_until: int
    hide_padding: float  # share of prompts whose end and padding tokens are hidden, so that words are read at all
    silence: float  # share of prompts left empty where the scene is plain to see, so that the denoiser learns to look
    cycles: tuple[Cycle, ...] = CYCLES


@dataclass
class TrainState:
    """The networks under training, their running averages, the optimizer and the step reached."""

    unet: UNet2DConditionModel
    text: CLIPTextModel
    averages: dict[str, torch.Tensor]
    optimizer: torch.optim.AdamW
    step: int = 0

    def parameters(self) -> dict[str, torch.nn.Parameter]:
        """All trained parameters by name; text parameters carry the prefix `text.`."""
        named = {f"unet.{name}": p for name, p in self.unet.named_parameters()}
        return named | {f"text.{name}": p for name, p in self.text.named_parameters()}


def new_state(recipe: Recipe, text: CLIPTextModel, device: str = "cpu") -> TrainState:
    """Fresh networks; the text tower continues from its pre-training."""
    torch.manual_seed(recipe.seed)
    unet = build_unet().to(device)
    text = text.to(device)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(unet.parameters()), "scale": recipe.learning_rate},
            {"params": list(text.parameters()), "scale": recipe.text_learning_rate},
        ],
        betas=(0.9, 0.99),
        weight_decay=1e-4,
    )
    state = TrainState(unet, text, {}, optimizer)
    state.averages = {name: p.detach().clone() for name, p in state.parameters().items()}
    return state


def load_checkpoint(state: TrainState, folder: Path) -> None:
    """Continue from `folder`; the optimizer's moments are stored by parameter name, as safetensors."""
    tensors = load_file(folder / "checkpoint.safetensors")
    state.step = int(tensors["step"])
    for name, parameter in state.parameters().items():
        parameter.data.copy_(tensors[f"weight/{name}"])
        state.averages[name].copy_(tensors[f"average/{name}"])
        state.optimizer.state[parameter] = {
            "step": torch.tensor(float(state.step)),
            "exp_avg": tensors[f"moment1/{name}"].clone().to(parameter.device),
            "exp_avg_sq": tensors[f"moment2/{name}"].clone().to(parameter.device),
        }


def save_checkpoint(state: TrainState, folder: Path) -> None:
    """Write everything that a later run needs to go on as if it had not stopped."""
    tensors = {"step": torch.tensor(state.step)}
    for name, parameter in state.parameters().items():
        moments = state.optimizer.state[parameter]
        tensors[f"weight/{name}"] = parameter.detach()
        tensors[f"average/{name}"] = state.averages[name]
        tensors[f"moment1/{name}"] = moments["exp_avg"]
        tensors[f"moment2/{name}"] = moments["exp_avg_sq"]
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.part"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    partial.replace(folder / "checkpoint.safetensors")


def use_averages(state: TrainState) -> None:
    """Put the running averages in place of the weights, for evaluation and export."""
    for name, parameter in state.parameters().items():
        parameter.data.copy_(state.averages[name])


@dataclass(frozen=True)
class Batch:
    """Inputs of one step: clean latents, noise, timesteps, token ids and the mask of tokens that may be read."""

    latents: torch.Tensor  # (batch, 8, 16, 16)
    eps: torch.Tensor  # (batch, 8, 16, 16)
    timesteps: torch.Tensor  # (batch,)
    ids: torch.Tensor  # (batch, tokens)
    readable: torch.Tensor  # (batch, tokens) bool


class BatchMaker:
    """Draws batches; every random choice of sample k comes from the stream of scene k."""

    def __init__(self, recipe: Recipe, tokenizer: CLIPTokenizer, vae: AutoencoderTiny) -> None:
        self.recipe, self.tokenizer, self.vae = recipe, tokenizer, vae
        alphas = build_scheduler().alphas_cumprod.double()
        self.logsnr = torch.logit(alphas).flip(0).numpy()  # ascending

    def batch(self, step: int, rank: int, ranks: int) -> Batch:
        """The share of worker `rank` in the batch of a step."""
        numbers = range(step * self.recipe.batch + rank, (step + 1) * self.recipe.batch, ranks)
        binding = self.recipe.bind_from <= step < self.recipe.bind_until
        cycle = cycle_of(step, self.recipe.steps, self.recipe.cycles)
        images, prompts, timesteps, noises = [], [], [], []
        for number in numbers:
            rng = scene_rng(self.recipe.seed, "train", number)
            scene = sample_scene(rng, shares=BINDING_KIND_SHARES if binding else KIND_SHARES)
            images.append(draw_scene(scene)[0])
            position = self._position(rng, cycle)
            timesteps.append(len(self.logsnr) - 1 - position)
            silent = rng.random() < self._silence(position, cycle) and not binding
            prompts.append("" if silent else training_prompt(scene, rng, BINDING if binding else cycle.prompts))
            noises.append(rng.standard_normal((8, 16, 16), dtype=np.float32))
        ids = self.tokenizer(prompts, padding="max_length", return_tensors="pt").input_ids
        with torch.no_grad():
            latents = self.vae.encode(to_signed(np.stack(images))).latents * self.vae.config.scaling_factor
        return Batch(
            latents, torch.from_numpy(np.stack(noises)), torch.tensor(timesteps), ids, self._readable(ids, numbers)
        )

    def _position(self, rng: np.random.Generator, cycle: Cycle) -> int:
        """The place of a noise level among the ascending log-SNRs."""
        low, high = FOCUS if rng.random() < cycle.focus else (self.logsnr[0], self.logsnr[-1])
        return min(int(np.searchsorted(self.logsnr, rng.uniform(low, high))), len(self.logsnr) - 1)

    def _silence(self, position: int, cycle: Cycle) -> float:
        """Chance that a prompt is left empty outside of the binding phase; it rises smoothly around `plain`.

        A denoiser that always has the caption at hand need not recognise anything. It then gains from a word even where
        an exact model would not, and its information exceeds what a word can tell, −ln p(word). Binding, though, is
        learnt from captions of things in plain sight.
        """
        return self.recipe.silence / (1 + math.exp(2 * (cycle.plain - self.logsnr[position])))

    def _readable(self, ids: torch.Tensor, numbers: range) -> torch.Tensor:
        end = int(self.tokenizer.eos_token_id)
        hidden = torch.tensor([_unit(number) < self.recipe.hide_padding for number in numbers])
        return ~(hidden[:, None] & (ids == end) & (torch.arange(ids.shape[1]) > 1))


def _unit(number: int) -> float:
    """A fixed pseudo-random number in [0, 1) for a sample number (golden-ratio sequence)."""
    return (number * 0.6180339887498949) % 1.0


def denoising_loss(state: TrainState, batch: Batch, alphas: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the predicted noise, ‖ε − ε̂(√ᾱ x + √(1−ᾱ) ε | prompt)‖² / d."""
    device = state.unet.device
    kept = alphas[batch.timesteps][:, None, None, None].to(device)
    latents, eps = batch.latents.to(device), batch.eps.to(device)
    predicted = state.unet(
        kept.sqrt() * latents + (1 - kept).sqrt() * eps,
        batch.timesteps.to(device),
        encoder_hidden_states=state.text(input_ids=batch.ids.to(device)).last_hidden_state,
        encoder_attention_mask=batch.readable.to(device),
    ).sample
    return (predicted - eps).square().mean()


def _average_gradients(parameters: list[torch.nn.Parameter], ranks: int) -> None:
    if ranks == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= ranks
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def train_unet(
    recipe: Recipe,
    state: TrainState,
    batches: BatchMaker,
    *,
    rank: int,
    ranks: int,
    report: Callable[[TrainState, float], None],
) -> None:
    """Train from `state.step` to `recipe.steps`; `report(state, mean loss)` is called on every worker after each step."""
    named = state.parameters()
    parameters = list(named.values())
    alphas = build_scheduler().alphas_cumprod
    while state.step < recipe.steps:
        for group in state.optimizer.param_groups:
            group["lr"] = group["scale"] * learning_rate_factor(state.step, recipe.steps, recipe.cycles)
        loss = denoising_loss(state, batches.batch(state.step, rank, ranks), alphas)
        state.optimizer.zero_grad()
        loss.backward()
        _average_gradients(parameters, ranks)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        state.optimizer.step()
        state.step += 1
        decay = min(recipe.ema, (1 + state.step) / (10 + state.step))
        with torch.no_grad():
            for name, parameter in named.items():
                state.averages[name].lerp_(parameter, 1 - decay)
        report(state, float(loss.detach()))
