"""Train the CLIP of the embedded study on scenes drawn on the fly.

The loss is CLIP's symmetric InfoNCE (Radford et al. 2021): every picture of a batch must pick its own caption among those
of the batch, and every caption its own picture,

    L = ½ · mean_k [ −ln softmax_j(s · cos(x_k, y_j)) − ln softmax_j(s · cos(x_j, y_k)) ] at j = k,

with a learnt scale s ≤ 100. The text tower stays as it is: its end state, which CLIP reads, was trained to hold the layout.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from infodecomp.config.settings import TrainScenesClip
from infodecomp.runs.durable import put_in_place
from infodecomp.scenes.captions import PromptMix, training_prompt
from infodecomp.scenes.clip_model import build_clip
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.world import sample_scene, scene_rng
from infodecomp.training.autoencoder import to_signed

# Added to the seed of the recipe, so that these scenes are others than those of the denoiser. The split keeps them apart
# from the scenes of every evaluation, whatever the seeds.
STREAM = 1_000_000_007

# Whole captions only: a contrastive model learns nothing from prompts that are true of many pictures of a batch.
CAPTIONS = PromptMix({"caption": 1.0}, lose_a_word=0.0, relation=0.65, tinted=0.5)

WARM_UP = 100
WEIGHT_DECAY = 0.05
LARGEST_SCALE = 100.0


@dataclass(frozen=True)
class ClipRecipe:
    """How the CLIP is trained. Learning rate: linear warm-up over 100 steps, then half a cosine down to 0."""

    seed: int
    steps: int
    batch: int
    learning_rate: float

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / WARM_UP)
        return self.learning_rate * warm * (1 + math.cos(math.pi * step / self.steps)) / 2

    @classmethod
    def of(cls, settings: TrainScenesClip) -> ClipRecipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(
            seed=settings.seed,
            steps=settings.training.steps,
            batch=settings.training.batch,
            learning_rate=settings.training.learning_rate,
        )


@dataclass
class ClipState:
    """The CLIP under training, the optimizer of its trained weights and the step reached."""

    clip: CLIPModel
    optimizer: torch.optim.AdamW
    step: int = 0

    def parameters(self) -> dict[str, nn.Parameter]:
        """The trained weights by name: all but the text tower's."""
        return {name: weight for name, weight in self.clip.named_parameters() if weight.requires_grad}


class Score(NamedTuple):
    """Loss (nats) of a batch, and the share of its pictures whose own caption is the most similar one."""

    loss: float
    accuracy: float


def new_state(recipe: ClipRecipe, text_encoder: CLIPTextModel, device: str = "cpu") -> ClipState:
    """A fresh image tower with the given text tower."""
    torch.manual_seed(recipe.seed)
    clip = build_clip(text_encoder).to(device)
    trained = [weight for weight in clip.parameters() if weight.requires_grad]
    # Only matrices decay: biases, norms and the scale of the similarities have no reason to be small.
    groups = [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return ClipState(clip, torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98)))


def draw_batch(recipe: ClipRecipe, step: int) -> tuple[torch.Tensor, list[str]]:
    """Pictures, float32 (batch, 3, 64, 64) in [−1, 1], and a caption of each.

    Sample k of the run is scene k of the stream, whatever the size of a batch.
    """
    pictures, captions = [], []
    for number in range(step * recipe.batch, (step + 1) * recipe.batch):
        rng = scene_rng(STREAM + recipe.seed, "train", number)
        scene = sample_scene(rng)
        pictures.append(draw_scene(scene)[0])
        captions.append(training_prompt(scene, rng, CAPTIONS))
    return to_signed(np.stack(pictures)), captions


def contrastive_loss(clip: CLIPModel, pixels: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Symmetric InfoNCE of a batch, and its logits (pictures, captions).

    pixels: (batch, 3, H, W); ids: (batch, tokens), padded with end tokens: the tower is read at the first of them.
    """
    with torch.no_grad():
        ends = clip.text_model(input_ids=ids).pooler_output
    text = nn.functional.normalize(clip.text_projection(ends), dim=-1)
    image = nn.functional.normalize(clip.visual_projection(clip.vision_model(pixels).pooler_output), dim=-1)
    logits = clip.logit_scale.exp() * image @ text.T
    own = torch.arange(len(logits), device=logits.device)
    entropy = nn.functional.cross_entropy
    return (entropy(logits, own) + entropy(logits.T, own)) / 2, logits


def train_clip(
    recipe: ClipRecipe, state: ClipState, tokenizer: CLIPTokenizer, report: Callable[[ClipState, Score], None]
) -> None:
    """Train from `state.step` to `recipe.steps`; `report(state, score of the batch)` is called after each step."""
    weights = list(state.parameters().values())
    device = state.clip.device
    state.clip.train()
    while state.step < recipe.steps:
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.rate(state.step)
        pixels, captions = draw_batch(recipe, state.step)
        ids = tokenizer(captions, padding=True, truncation=True, return_tensors="pt").input_ids
        loss, logits = contrastive_loss(state.clip, pixels.to(device), ids.to(device))
        state.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        state.optimizer.step()
        with torch.no_grad():
            state.clip.logit_scale.clamp_(max=math.log(LARGEST_SCALE))
        state.step += 1
        accuracy = (logits.argmax(1) == torch.arange(len(logits), device=device)).float().mean()
        report(state, Score(float(loss.detach()), float(accuracy)))


def save_checkpoint(state: ClipState, path: Path) -> None:
    """Write everything that a later run needs to continue as if it had not stopped, as safetensors."""
    tensors = {"step": torch.tensor(state.step)}
    for name, weight in state.parameters().items():
        moments = state.optimizer.state[weight]
        tensors[f"weight/{name}"] = weight.detach()
        tensors[f"moment1/{name}"] = moments["exp_avg"]
        tensors[f"moment2/{name}"] = moments["exp_avg_sq"]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial)
    put_in_place(partial, path)


def load_checkpoint(state: ClipState, path: Path) -> None:
    """Continue from a checkpoint of the same recipe."""
    tensors = load_file(path)
    state.step = int(tensors["step"])
    for name, weight in state.parameters().items():
        weight.data.copy_(tensors[f"weight/{name}"])
        state.optimizer.state[weight] = {
            "step": torch.tensor(float(state.step)),
            "exp_avg": tensors[f"moment1/{name}"].to(weight.device),
            "exp_avg_sq": tensors[f"moment2/{name}"].to(weight.device),
        }
