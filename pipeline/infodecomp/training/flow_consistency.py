"""Make the flow transformer consistent, as `infodecomp.training.consistency` does the U-Net.

The teacher is the transformer's own running average, given the fullest caption; scenes, prompts and cycles are those of the
U-Net's training of this kind, of a stream of their own. Velocities take the place of noises: at a given z_t one is the other
but for a factor.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderTiny, SD3Transformer2DModel

from infodecomp.config.settings import TrainScenesFlowConsistency
from infodecomp.training.consistency import ConsistencyRecipe, TaughtBatch, TaughtBatches
from infodecomp.training.flow import STREAM
from infodecomp.training.flow_state import FlowState, noised_paths, predicted_velocity, velocity_error
from infodecomp.training.state import train
from infodecomp.training.workers import Worker


@dataclass(frozen=True)
class FlowConsistencyRecipe(ConsistencyRecipe):
    """The recipe of the U-Net, and the learning rate of the blocks' matrices."""

    matrix_learning_rate: float = 0.001

    @classmethod
    def of_flow(cls, settings: TrainScenesFlowConsistency) -> FlowConsistencyRecipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(seed=STREAM + settings.seed, hide_padding=0.0, **settings.training.model_dump())


def frozen_copy(transformer: SD3Transformer2DModel) -> SD3Transformer2DModel:
    """The teacher: the transformer as it is now, never to change."""
    teacher: SD3Transformer2DModel = copy.deepcopy(transformer).requires_grad_(False)
    return teacher


def flow_consistency_loss(
    state: FlowState, teacher: SD3Transformer2DModel, vae: AutoencoderTiny, batch: TaughtBatch
) -> torch.Tensor:
    """The weighted error of the velocity for a shorter prompt, against the teacher's for the fullest caption."""
    paths, _, times = noised_paths(batch.asked, vae)
    with torch.no_grad():
        target = predicted_velocity(teacher, state.tower, paths, times, batch.taught.ids)
    predicted = predicted_velocity(state.transformer, state.tower, paths, times, batch.asked.ids)
    return velocity_error(predicted, target, times)


def train_flow_consistency(
    recipe: FlowConsistencyRecipe,
    state: FlowState,
    teacher: SD3Transformer2DModel,
    vae: AutoencoderTiny,
    batches: TaughtBatches,
    *,
    worker: Worker,
    report: Callable[[FlowState, float], None],
) -> None:
    """Train from `state.step` to `recipe.steps`; `report(state, mean loss)` is called on every worker after each step."""
    train(
        state,
        lambda step: batches.batch(step, worker.rank, worker.ranks),
        lambda batch: flow_consistency_loss(state, teacher, vae, batch),
        steps=recipe.steps,
        cycles=recipe.cycles,
        ema=recipe.ema,
        worker=worker,
        report=report,
    )
