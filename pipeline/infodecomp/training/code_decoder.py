"""Train a decoder on exact posterior means, given what is known of an image, where the world is finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from infodecomp.config.representation_model import RepresentationTrainingSection
from infodecomp.estimator.condition import Condition
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.runs.seeds import generator
from infodecomp.training.code_distances import Distances
from infodecomp.training.code_draws import CodeDraw, CodeDraws, MaskShares, NoiseLevels
from infodecomp.training.code_images import TrainingImages
from infodecomp.training.code_knowledge import Knowledge, judged_conditions
from infodecomp.training.code_loss import ExactTarget, exact_loss
from infodecomp.training.code_optimizers import optimizers
from infodecomp.training.code_phases import Phase, averaged
from infodecomp.training.code_samples import sampled, sheet
from infodecomp.training.state import TrainState

JUDGED = 64
# Held-out images whose reconstructions are shown.
SHOWN = 12


def exact_phase(
    decoder: torch.nn.Module,
    world: FiniteWorld,
    knowledge: Knowledge,
    images: TrainingImages,
    settings: RepresentationTrainingSection,
    *,
    names: tuple[str, ...],
    seed: int,
) -> Phase:
    """The phase in which a decoder alone learns; its networks are on the world's device. names: of parts judged alone."""
    levels = noise_levels(settings)
    target = ExactTarget(world, knowledge.likelihood)

    def loss(drawn: CodeDraw) -> torch.Tensor:
        conditions = [knowledge.known(drawn.numbers, drawn.code_noise, mask) for mask in drawn.masks]
        return exact_loss(decoder, target, conditions, drawn, levels)

    rates = settings.matrix_learning_rate, settings.learning_rate
    state = TrainState({"decoder": decoder}, optimizers([decoder], *rates))
    draws = exact_draws(knowledge.parts, images, settings, seed=seed)
    distances = held_out_distances(target, knowledge, images.held, levels, names=names, seed=seed)

    def judge(state: TrainState) -> dict[str, float]:
        return distances.of(averaged(state, "decoder"))

    def show(state: TrainState) -> np.ndarray:
        numbers = torch.from_numpy(generator(seed, "representation", "shown").permutation(images.held)[:SHOWN])
        noise = torch.zeros(len(numbers), knowledge.parts, device=world.images.device)
        masks = (torch.ones_like(noise), torch.zeros_like(noise))
        known = [knowledge.known(numbers.to(noise.device), noise, mask) for mask in masks]
        return decoded_sheet(averaged(state, "decoder"), images, numbers, known, settings.range, seed)

    return Phase("exact", state, draws, loss, settings.exact_steps, judge, show)


def decoded_sheet(
    decoder: torch.nn.Module,
    images: TrainingImages,
    numbers: torch.Tensor,
    known: Sequence[Condition],
    interval: tuple[float, float],
    seed: int,
) -> np.ndarray:
    """Images of these numbers, and below them what the decoder makes of the same noise under each of several conditions."""
    decoded = [sampled(decoder, each, images.shape, interval, seed) for each in known]
    return sheet([images.images(numbers), *decoded])


def noise_levels(settings: RepresentationTrainingSection) -> NoiseLevels:
    """The noise levels of a training."""
    return NoiseLevels(*settings.range, settings.focus)


def exact_draws(parts: int, images: TrainingImages, settings: RepresentationTrainingSection, *, seed: int) -> CodeDraws:
    """The draws of the phase: two masks an image, or one if there is nothing to be known."""
    shares = settings.masks
    return CodeDraws(
        seed,
        "exact",
        images.train,
        images.shape,
        parts,
        settings.batch if parts else 2 * settings.batch,
        noise_levels(settings),
        MaskShares(shares.none, shares.all, shares.one, shares.rest),
        views=2 if parts else 1,
    )


def held_out_distances(
    target: ExactTarget,
    knowledge: Knowledge,
    held: np.ndarray,
    levels: NoiseLevels,
    *,
    names: tuple[str, ...],
    seed: int,
) -> Distances:
    """The judge of a phase, on 64 held-out images or all if there are fewer."""
    rng = generator(seed, "representation", "judged")
    numbers, device = rng.permutation(held)[:JUDGED], target.world.images.device
    noise = torch.from_numpy(rng.standard_normal((len(numbers), knowledge.parts), dtype=np.float32))
    conditions = judged_conditions(knowledge, torch.from_numpy(numbers).to(device), noise.to(device), names)
    return Distances.draw(target, conditions, numbers, levels, seed=seed)
