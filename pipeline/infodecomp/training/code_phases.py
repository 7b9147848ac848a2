"""A phase of the training of a representation model: its networks, its loss, its checkpoints, and how far it has come."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from PIL import Image

from infodecomp.config.representation_model import RepresentationTrainingSection
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.storage import atomic_path
from infodecomp.training.cycles import Pace
from infodecomp.training.state import TrainState, load_checkpoint, save_checkpoint, train
from infodecomp.training.workers import Worker

# Losses are hundreds of nats at first; gradients of a tenth of them are clipped at 1 less and less as training goes on.
SCALE = 0.1
WARM_UP = 100


class Draws(Protocol):
    """What a phase draws: `step(step, rank, ranks)` is the share of a worker, which moves `to(device)`."""

    @property
    def images_a_step(self) -> int: ...

    @property
    def step(self) -> Callable[[int, int, int], Any]: ...


@dataclass(frozen=True, eq=False)
class Phase:
    """`steps` steps of `loss(draw)` over the draws of `draws`; `judge` measures what has been learnt, where it can.

    show: a picture of what the decoder makes, uint8 (H, W, 3).
    """

    name: str
    state: TrainState
    draws: Draws
    loss: Callable[[Any], torch.Tensor]
    steps: int
    judge: Callable[[TrainState], Mapping[str, float]] | None
    show: Callable[[TrainState], np.ndarray]


def run_phase(phase: Phase, settings: RepresentationTrainingSection, folder: Path, worker: Worker) -> None:
    """Train from the last checkpoint in `folder`, if there is one, to the end.

    The first worker writes a checkpoint every `checkpoint_every` steps and, every `judge_every`, a row of progress.csv and
    a picture in samples/.
    Raises InputError if the loss or a weight is no longer finite; the last checkpoint then stays.
    """
    state = phase.state
    if (folder / "checkpoint.safetensors").is_file():
        load_checkpoint(state, folder)
    if worker.rank > 0:
        _descend(phase, settings, folder, worker, lambda state, loss: None)
        return
    with Progress(f"train_representation {phase.name}", phase.steps, "steps", 60, before=state.step) as progress:

        def report(state: TrainState, loss: float) -> None:
            progress.advance()
            last = state.step == phase.steps
            if state.step % settings.judge_every == 0 or last:
                _judge(phase, loss, folder)
            if state.step % settings.checkpoint_every == 0 or last:
                _refuse_not_finite(all(bool(p.isfinite().all()) for p in state.parameters().values()), state, folder)
                save_checkpoint(state, folder)

        _descend(phase, settings, folder, worker, report)


def _descend(
    phase: Phase,
    settings: RepresentationTrainingSection,
    folder: Path,
    worker: Worker,
    report: Callable[[TrainState, float], None],
) -> None:
    def loss_of(drawn: Any) -> torch.Tensor:
        loss = SCALE * phase.loss(drawn.to(torch.device(worker.device)))
        _refuse_not_finite(math.isfinite(loss.item()), phase.state, folder)
        return loss

    draw = phase.draws.step
    train(
        phase.state,
        lambda number: draw(number, worker.rank, worker.ranks),
        loss_of,
        steps=phase.steps,
        cycles=[Pace(share=1, rate=1.0, hold=settings.hold, warm_up=WARM_UP)],
        ema=settings.ema,
        worker=worker,
        report=report,
    )


def averaged(state: TrainState, network: str) -> torch.nn.Module:
    """A copy of a network with its running averages as weights, and frozen."""
    module = copy.deepcopy(state.networks[network]).eval().requires_grad_(False)
    for name, parameter in module.named_parameters():
        parameter.copy_(state.averages[f"{network}.{name}"])
    return module


def _judge(phase: Phase, loss: float, folder: Path) -> None:
    row = {
        "step": phase.state.step,
        "images": phase.state.step * phase.draws.images_a_step,
        "loss": loss / SCALE,
    }
    if phase.judge is not None:
        row |= phase.judge(phase.state)
    path = folder / "progress.csv"
    earlier = [pd.read_csv(path)] if path.is_file() else []
    rows = pd.concat([*earlier, pd.DataFrame([row])]).drop_duplicates("step", keep="last")
    with atomic_path(path) as temporary:
        rows.to_csv(temporary, index=False, float_format="%.4g")
    with atomic_path(folder / "samples" / f"{phase.state.step:06d}.png") as temporary:
        Image.fromarray(phase.show(phase.state)).save(temporary)
    print(", ".join(f"{name} {value:.4g}" for name, value in row.items() if "ortho" not in name), flush=True)


def _refuse_not_finite(finite: bool, state: TrainState, folder: Path) -> None:
    if not finite:
        kept = folder / "checkpoint.safetensors"
        where = f"the last good state stays in {kept}" if kept.is_file() else "no state has been kept yet"
        raise InputError(
            f"train_representation: the loss or a weight is NaN or infinite at step {state.step}; {where}. Lower "
            "representation_model → training → matrix_learning_rate and learning_rate, and start again."
        )
