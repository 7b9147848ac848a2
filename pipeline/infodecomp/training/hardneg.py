"""Train a LoRA that makes the embedded denoiser prefer true captions to false ones: the model of `hardneg_diffitm`.

As HardNeg-DiffITM (Krojer et al., 2023) does for Stable Diffusion: the denoiser must predict the noise better under the true
caption y of a scene than under a false one y′ made of the same words,

    L = L(y) + max(0, L(y) − L(y′) + margin),   L(y) = ‖ε − ε̂(x_α|y)‖²/d,

at log-SNRs where words carry information. False captions are those of the embedded retrieval sets: relation, attributes or
noun exchanged. Only the low-rank change of the attention projections is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count as integers
from pathlib import Path

import numpy as np
import torch
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict

from infodecomp.config.settings import TrainScenesHardneg
from infodecomp.estimator.channel import nearest_timestep, noised
from infodecomp.estimator.condition import Condition
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.scenes.aro import PAIR_FILES
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.world import sample_scene, scene_rng
from infodecomp.training.autoencoder import to_signed
from infodecomp.training.batches import FOCUS

# Added to the seed of the recipe, so that these scenes are others than those of the denoiser and the CLIP.
STREAM = 2_000_000_011

PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
WARM_UP = 20


@dataclass(frozen=True)
class HardnegRecipe:
    """How the LoRA is trained: learning rate with linear warm-up over 20 steps, then linear decay to 0."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    rank: int
    margin: float

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        return self.learning_rate * min((step + 1) / WARM_UP, 1 - step / self.steps)

    @classmethod
    def of(cls, settings: TrainScenesHardneg) -> HardnegRecipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(
            seed=settings.seed,
            steps=settings.training.steps,
            batch=settings.training.batch,
            learning_rate=settings.training.learning_rate,
            rank=settings.training.rank,
            margin=settings.training.margin,
        )


@dataclass(frozen=True)
class HardBatch:
    """Pictures (batch, 3, 64, 64) in [−1, 1], true and false captions, log-SNRs (batch,) and noise (batch, 8, 16, 16)."""

    pictures: torch.Tensor
    true: list[str]
    false: list[str]
    logsnr: torch.Tensor
    eps: torch.Tensor


def hard_batches(recipe: HardnegRecipe, shape: tuple[int, int, int]) -> Iterator[HardBatch]:
    """Batches without end; sample k follows from scene numbers alone, whatever the batch size."""
    samples = _samples(recipe, shape)
    while True:
        pictures, true, false, logsnr, eps = zip(*(next(samples) for _ in range(recipe.batch)), strict=True)
        yield HardBatch(
            to_signed(np.stack(pictures)),
            list(true),
            list(false),
            torch.tensor(logsnr),
            torch.from_numpy(np.stack(eps)),
        )


def _samples(
    recipe: HardnegRecipe, shape: tuple[int, int, int]
) -> Iterator[tuple[np.ndarray, str, str, float, np.ndarray]]:
    kinds = list(PAIR_FILES.values())
    for number in integers():
        rng = scene_rng(STREAM + recipe.seed, "train", number)
        scene = sample_scene(rng, kind="pair")
        captions = kinds[number % len(kinds)](scene)
        if captions is not None:
            eps = rng.standard_normal(shape, dtype=np.float32)
            yield draw_scene(scene)[0], captions["true_caption"], captions["false_caption"], rng.uniform(*FOCUS), eps


def hardneg_loss(model: LatentDiffusion, batch: HardBatch, margin: float) -> tuple[torch.Tensor, float]:
    """The loss of a batch, and the share of its samples in which the true caption has the smaller error."""
    latents = torch.stack([model.encode_pixels(picture[None]) for picture in batch.pictures])
    x_alpha = noised(latents, batch.logsnr, batch.eps)
    conditions = Condition.stack(model.encode_prompts([*batch.true, *batch.false]))
    timesteps = nearest_timestep(batch.logsnr, model.logsnr_table)
    predicted = model.denoiser(
        x_alpha.repeat(2, 1, 1, 1), timesteps.repeat(2), encoder_hidden_states=conditions.states
    ).sample
    errors = (predicted - batch.eps.repeat(2, 1, 1, 1)).square().mean((1, 2, 3))
    true, false = errors.chunk(2)
    loss = (true + (true - false + margin).clamp(min=0)).mean()
    return loss, float((true < false).float().mean())


def train_hardneg(recipe: HardnegRecipe, model: LatentDiffusion, report: Callable[[int, float, float], None]) -> None:
    """Add a LoRA to the model's denoiser and train it; `report(step, loss, share preferred)` after each step."""
    torch.manual_seed(recipe.seed)
    model.denoiser.add_adapter(
        LoraConfig(
            r=recipe.rank, lora_alpha=recipe.rank, target_modules=list(PROJECTIONS), init_lora_weights="gaussian"
        )
    )
    trained = [weight for weight in model.denoiser.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe.learning_rate, weight_decay=0.0)
    batches = hard_batches(recipe, model.latent_shape)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        loss, preferred = hardneg_loss(model, next(batches), recipe.margin)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(step + 1, float(loss.detach()), preferred)


def save_hardneg(model: LatentDiffusion, folder: Path) -> None:
    """Write the LoRA as diffusers does, in half precision: `pytorch_lora_weights.safetensors`."""
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(model.denoiser))
    halves = {name: weight.half().contiguous() for name, weight in layers.items()}
    model.pipeline.save_lora_weights(folder, unet_lora_layers=halves)
