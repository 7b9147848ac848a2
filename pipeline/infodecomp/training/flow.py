"""Train the flow transformer of the embedded world on scenes drawn on the fly, of a stream of its own.

It shares scenes' kinds, prompts, noise levels and silence with the U-Net, and no scene. The text tower is that of the
embedded U-Net and stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import AutoencoderTiny
from transformers import CLIPTextModelWithProjection

from infodecomp.config.settings import TrainScenesTransformer
from infodecomp.scenes.captions import GENERAL, REFINING, SETTLING
from infodecomp.scenes.flow_model import build_transformer
from infodecomp.training.batches import Batch
from infodecomp.training.cycles import Cycle
from infodecomp.training.flow_state import FlowState, noised_paths, predicted_velocity, velocity_error
from infodecomp.training.scene_batches import BatchMaker, BatchRecipe
from infodecomp.training.state import train
from infodecomp.training.workers import Worker

# Added to the seed of the recipe, so that these scenes are others than those of all other models.
STREAM = 4_000_000_007
# The U-Net's, but that the one in which prompts lose words is the longest: a transformer learns to bind sooner.
FLOW_CYCLES = (
    Cycle(share=8, rate=1.0, hold=0.6, warm_up=50, focus=0.6, plain=1.0, prompts=GENERAL),
    Cycle(share=15, rate=0.7, hold=0.3, warm_up=50, focus=0.75, plain=0.5, prompts=REFINING),
    Cycle(share=5, rate=0.4, hold=0.0, warm_up=50, focus=0.85, plain=0.5, prompts=SETTLING),
)


@dataclass(frozen=True, kw_only=True)
class FlowRecipe(BatchRecipe):
    """How the transformer is built and trained. Learning rates are peaks, of which each cycle uses a share."""

    blocks: int
    width: int
    matrix_learning_rate: float
    learning_rate: float
    ema: float
    hide_padding: float = 0.0
    cycles: tuple[Cycle, ...] = FLOW_CYCLES

    @classmethod
    def of(cls, settings: TrainScenesTransformer) -> FlowRecipe:
        """The keys of the section `scenes_model` that this training reads."""
        return cls(seed=STREAM + settings.seed, **settings.training.model_dump())


def new_state(recipe: FlowRecipe, tower: CLIPTextModelWithProjection, device: str = "cpu") -> FlowState:
    """A fresh transformer beside the trained tower."""
    torch.manual_seed(recipe.seed)
    return FlowState(
        build_transformer(recipe.blocks, recipe.width).to(device),
        tower.to(device),
        matrix_learning_rate=recipe.matrix_learning_rate,
        learning_rate=recipe.learning_rate,
    )


def flow_loss(state: FlowState, vae: AutoencoderTiny, batch: Batch) -> torch.Tensor:
    """The weighted error of the velocity that a batch's paths are predicted to have."""
    paths, velocity, times = noised_paths(batch, vae)
    predicted = predicted_velocity(state.transformer, state.tower, paths, times, batch.ids)
    return velocity_error(predicted, velocity, times)


def train_flow(
    recipe: FlowRecipe,
    state: FlowState,
    vae: AutoencoderTiny,
    batches: BatchMaker,
    *,
    worker: Worker,
    report: Callable[[FlowState, float], None],
) -> None:
    """Train from `state.step` to `recipe.steps`; `report(state, mean loss)` is called on every worker after each step."""
    train(
        state,
        lambda step: batches.batch(step, worker.rank, worker.ranks),
        lambda batch: flow_loss(state, vae, batch),
        steps=recipe.steps,
        cycles=recipe.cycles,
        ema=recipe.ema,
        worker=worker,
        report=report,
    )
