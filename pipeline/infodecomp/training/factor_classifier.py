"""Train the classifier of factors whose features judge generated images: seconds on the embedded world."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from infodecomp.representation.factor_classifier import FactorClassifier
from infodecomp.runs.seeds import generator

# Standard deviation of the noise on training images: generated ones are not quite clean.
PIXEL_NOISE = 0.05
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class FactorClassifierRecipe:
    """How the classifier is trained: AdamW, the learning rate falling by half a cosine to 0."""

    seed: int
    steps: int
    batch: int
    learning_rate: float


def train_factor_classifier(
    images: torch.Tensor, factors: np.ndarray, recipe: FactorClassifierRecipe, report: Callable[[int, float], None]
) -> FactorClassifier:
    """Minimise the sum over factors of the cross-entropy. Returns the network in evaluation mode.

    Args:
        images: float32 (n, C, side, side) in [−1, 1].
        factors: integers (n, J), from 0 in each column.
        recipe: seeds the weights, the order of images and the noise on them.
        report: called with (step, loss in nats) after each step.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = FactorClassifier(tuple((factors.max(axis=0) + 1).tolist()), images.shape[1], images.shape[-1])
    labels, rng = torch.from_numpy(factors), generator(recipe.seed, "factor_classifier", "batches")
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=WEIGHT_DECAY)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * step / recipe.steps)) / 2
        rows = torch.from_numpy(rng.integers(len(images), size=recipe.batch))
        noise = torch.from_numpy(rng.standard_normal((recipe.batch, *images.shape[1:]), dtype=np.float32))
        logits = network.factor_logits(images[rows] + PIXEL_NOISE * noise)
        losses = [cross_entropy(of_factor, labels[rows, j]) for j, of_factor in enumerate(logits)]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report(step + 1, float(loss.detach()))
    return network.requires_grad_(False).eval()


@torch.inference_mode()
def factor_accuracy(network: FactorClassifier, images: torch.Tensor, factors: np.ndarray) -> np.ndarray:
    """Share of images with the right value of each factor, float64 (J,)."""
    said = [torch.stack([one.argmax(1) for one in network.factor_logits(part)], 1) for part in images.split(256)]
    return np.asarray((torch.cat(said).numpy() == factors).mean(axis=0))
