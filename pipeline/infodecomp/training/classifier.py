"""Train the classifier of the embedded study on scenes drawn on the fly, each once, and measure it on held-out ones.

The loss is the binary cross-entropy of every category. Half of the pictures went through the embedded autoencoder, whose
marks all pictures bear that the model makes; latents, place, size, sharpness and pixels are changed a little, so that the
network reads shapes and not exact values. Edited pictures can also show what no scene of the world shows, a thing off the
grid or a yellow elephant: half of the pictures are moved, and half are of scenes whose things have any colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import nn

from infodecomp.config.settings import TrainScenesClassifier
from infodecomp.models.recorded_hashes import check_recorded_hashes
from infodecomp.models.whole_weights import load_whole
from infodecomp.runs.errors import InputError
from infodecomp.scenes.classifier import SceneClassifier
from infodecomp.scenes.drawing import draw_scene
from infodecomp.scenes.world import CATEGORIES, IMAGE_SIZE, TINTS, Scene, sample_scene, scene_rng
from infodecomp.training.autoencoder import to_signed

# Added to the seed of the recipe, so that these scenes are others than those of the denoiser, the CLIP and the LoRA.
STREAM = 3_000_000_019

HELD_OUT_SCENES = 400
WARM_UP = 50
WEIGHT_DECAY = 0.01
# Largest standard deviations of the noise: latents have 0.5 themselves, pixels reach from −1 to 1.
LATENT_NOISE = 0.1
PIXEL_NOISE = 0.06
# How far a picture is moved, in pixels, and how much larger or smaller it gets.
SHIFT = 3.0
ZOOM = 0.1
# Pictures of a network are a little soft.
BLUR = torch.tensor([1.0, 2.0, 1.0]).outer(torch.tensor([1.0, 2.0, 1.0])) / 16


@dataclass(frozen=True)
class ClassifierRecipe:
    """How the classifier is trained. Learning rate: linear warm-up over 50 steps, then half a cosine down to 0."""

    seed: int
    steps: int
    batch: int
    learning_rate: float

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / WARM_UP)
        return self.learning_rate * warm * (1 + math.cos(math.pi * step / self.steps)) / 2

    @classmethod
    def of(cls, settings: TrainScenesClassifier) -> ClassifierRecipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(
            seed=settings.seed,
            steps=settings.training.steps,
            batch=settings.training.batch,
            learning_rate=settings.training.learning_rate,
        )


@dataclass(frozen=True)
class HeldOut:
    """Balanced accuracy of each category, (sensitivity + specificity)/2 at probability ½, float64 (categories,).

    drawn: scenes as drawn. decoded: the same encoded and decoded. unusual: the same with every thing up to two pixels off
    its place, up to two larger or smaller, and of any colour. NaN where no scene, or every scene, shows the category.
    """

    drawn: np.ndarray
    decoded: np.ndarray
    unusual: np.ndarray


def load_autoencoder(model: Path) -> AutoencoderTiny:
    """The autoencoder of a pipeline folder in float32; InputError if it has none."""
    if not (model / "vae").is_dir():
        raise InputError(f"{model}: it has no folder vae; expected a diffusers pipeline folder.")
    check_recorded_hashes(model)
    return load_whole(AutoencoderTiny, model / "vae").requires_grad_(False).eval()


def draw_batch(recipe: ClassifierRecipe, step: int, vae: AutoencoderTiny) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures, float32 (batch, 3, 64, 64), around [−1, 1], and what they show, float32 (batch, categories) of 0 and 1.

    Sample k of the run is scene k of the stream, whatever the size of a batch; those of odd k are encoded and decoded.
    """
    numbers = range(step * recipe.batch, (step + 1) * recipe.batch)
    rngs = [scene_rng(STREAM + recipe.seed, "train", number) for number in numbers]
    scenes = [_training_scene(rng) for rng in rngs]
    pixels = to_signed(np.stack([draw_scene(scene)[0] for scene in scenes]))
    odd = [place for place, number in enumerate(numbers) if number % 2]
    if odd:
        pixels[odd] = _decoded_noisily(vae, pixels[odd], [rngs[place] for place in odd])
    return _softened(_shifted(pixels, rngs), rngs), shown(scenes)


def shown(scenes: list[Scene]) -> torch.Tensor:
    """Which categories are in each scene: float32 (scenes, categories) of 0 and 1."""
    return torch.tensor([[float(name in scene.categories) for name in CATEGORIES] for scene in scenes])


def recoloured(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with things of any tint, or in their own colours, whatever their category."""
    colours = (*TINTS, None)
    things = tuple(replace(thing, tint=colours[rng.integers(len(colours))]) for thing in scene.things)
    return replace(scene, things=things)


def train_classifier(
    recipe: ClassifierRecipe, vae: AutoencoderTiny, report: Callable[[int, float], None]
) -> SceneClassifier:
    """Train for `recipe.steps` on the CPU; `report(step, loss)` after each step. Returns it in evaluation mode."""
    torch.manual_seed(recipe.seed)
    classifier = SceneClassifier()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=recipe.learning_rate, weight_decay=WEIGHT_DECAY)
    classifier.train()
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate(step)
        pixels, labels = draw_batch(recipe, step, vae)
        loss = nn.functional.binary_cross_entropy_with_logits(classifier(pixels), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(step + 1, float(loss.detach()))
    return classifier.requires_grad_(False).eval()


def measure(classifier: SceneClassifier, vae: AutoencoderTiny, seed: int, scenes: int = HELD_OUT_SCENES) -> HeldOut:
    """How well the classifier does on scenes that it was not trained on."""
    rngs = [scene_rng(seed, "validation", number) for number in range(scenes)]
    held_out = [sample_scene(rng) for rng in rngs]
    truth = shown(held_out).bool().numpy()

    def accuracy(change: Callable[[torch.Tensor], torch.Tensor], scenes: list[Scene]) -> np.ndarray:
        batches = to_signed(np.stack([draw_scene(scene)[0] for scene in scenes])).split(50)
        with torch.inference_mode():
            logits = torch.cat([classifier(change(batch)) for batch in batches])
        return balanced_accuracy(logits.numpy() >= 0, truth)

    return HeldOut(
        drawn=accuracy(lambda batch: batch, held_out),
        decoded=accuracy(lambda batch: _decode(vae, vae.encode(batch).latents), held_out),
        unusual=accuracy(
            lambda batch: batch,
            [_off_grid(recoloured(scene, rng), rng) for scene, rng in zip(held_out, rngs, strict=True)],
        ),
    )


def balanced_accuracy(said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(sensitivity + specificity)/2 of each column of bool (n, categories): float64 (categories,), NaN where undefined."""
    with np.errstate(invalid="ignore"):
        sensitivity = (said & truth).sum(0) / truth.sum(0)
        specificity = (~said & ~truth).sum(0) / (~truth).sum(0)
    return (sensitivity + specificity) / 2


def _decode(vae: AutoencoderTiny, latents: torch.Tensor) -> torch.Tensor:
    return vae.decode(latents).sample.clamp(-1, 1)


def _decoded_noisily(vae: AutoencoderTiny, pixels: torch.Tensor, rngs: list[np.random.Generator]) -> torch.Tensor:
    """Pictures encoded and decoded; latents that the model makes are not exactly those of any picture."""
    with torch.no_grad():
        latents = vae.encode(pixels).latents
        return _decode(vae, latents + _noise(latents, rngs, LATENT_NOISE))


def _training_scene(rng: np.random.Generator) -> Scene:
    scene = sample_scene(rng)
    return recoloured(scene, rng) if rng.random() < 0.5 else scene


def _off_grid(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with every thing at another place, and of another size, by up to two pixels."""
    things = []
    for thing in scene.things:
        right, down, larger = (int(change) for change in rng.integers(-2, 3, 3))
        things.append(replace(thing, x=thing.x + right, y=thing.y + down, size=thing.size + larger))
    return replace(scene, things=tuple(things))


def _shifted(pixels: torch.Tensor, rngs: list[np.random.Generator]) -> torch.Tensor:
    """Half of the pictures moved and zoomed by a little; what comes in at an edge repeats the edge."""
    maps = torch.eye(2, 3).repeat(len(rngs), 1, 1)
    for row, rng in zip(maps, rngs, strict=True):
        if rng.random() < 0.5:
            row[:, :2] *= rng.uniform(1 - ZOOM, 1 + ZOOM)
            # From −1 to 1, a picture is two units wide.
            row[:, 2] = torch.from_numpy(rng.uniform(-SHIFT, SHIFT, 2) * 2 / IMAGE_SIZE)
    grid = nn.functional.affine_grid(maps, list(pixels.shape), align_corners=False)
    return nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def _softened(pixels: torch.Tensor, rngs: list[np.random.Generator]) -> torch.Tensor:
    """Pictures blurred by a random share, with noise of a random strength."""
    share = torch.tensor([rng.random() for rng in rngs], dtype=torch.float32)[:, None, None, None]
    padded = nn.functional.pad(pixels, (1, 1, 1, 1), mode="replicate")
    blurred = nn.functional.conv2d(padded, BLUR.expand(3, 1, 3, 3), groups=3)
    return torch.lerp(pixels, blurred, share) + _noise(pixels, rngs, PIXEL_NOISE)


def _noise(like: torch.Tensor, rngs: list[np.random.Generator], largest: float) -> torch.Tensor:
    """Gaussian noise of the shape of `like`; the standard deviation of each row is uniform in [0, `largest`]."""
    rows = [rng.uniform(0, largest) * rng.standard_normal(like.shape[1:], dtype=np.float32) for rng in rngs]
    return torch.from_numpy(np.stack(rows).astype(np.float32))
