"""What the stages that train the embedded denoiser share: checkpoints of a recipe, progress, and samples."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from PIL import Image

from infodecomp.config import Section, parse, section_json
from infodecomp.config.settings import (
    TrainScenesConsistency,
    TrainScenesFlowConsistency,
    TrainScenesTransformer,
    TrainScenesUnet,
)
from infodecomp.models.devices import set_precision
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.contents import folder_sha256
from infodecomp.runs.progress import Progress
from infodecomp.runs.storage import atomic_path
from infodecomp.training.state import StateType, load_checkpoint, save_checkpoint
from infodecomp.training.workers import run_workers, training_device

EVERY = 500
Recipe = TypeVar("Recipe", TrainScenesUnet, TrainScenesConsistency, TrainScenesTransformer, TrainScenesFlowConsistency)


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --output-dir PATH [--processes N] [--device NAME]`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="pipeline folder to write")
    parser.add_argument("--processes", default=1, type=int, help="worker processes; with a GPU, those that draw scenes")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")


def run_training(args: argparse.Namespace, cls: type[Recipe], work: Callable[..., None], *folders: Path) -> None:
    """`work(worker, settings, *folders)` in one process on a GPU, or in several single-thread ones on a CPU."""
    settings, device = parse(cls, args.settings), training_device(args.device)
    if device != "cpu":
        set_precision("tf32")
    run_workers(work, min(args.processes, settings.training.batch), device, settings, *folders)


def checkpoint_folder(stage: str, settings: Section, parts: Path, names: tuple[str, ...]) -> Path:
    """The folder of checkpoints of this recipe, the stage's code, and the parts that training starts from."""
    content = [section_json(settings), code_digest(f"infodecomp.stages.{stage}")]
    content += [folder_sha256(parts / name) for name in names]
    return Path("checkpoints") / hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class DenoiserTraining(Generic[StateType]):
    """One training: its stage, its steps, and the folders of its checkpoints and of its sheets of samples.

    sheet: samples of a state, uint8 (height, width, 3). every: steps between checkpoints.
    """

    stage: str
    steps: int
    checkpoints: Path
    samples: Path
    sheet: Callable[[StateType], np.ndarray]
    every: int = EVERY

    def resume(self, state: StateType) -> None:
        """Continue from the last checkpoint, if there is one."""
        if (self.checkpoints / "checkpoint.safetensors").is_file():
            load_checkpoint(state, self.checkpoints)

    def run(self, rank: int, state: StateType, train: Callable[..., None]) -> None:
        """Run `train(report=…)`; the first worker reports progress and regularly writes a checkpoint and samples."""
        if rank > 0:
            train(report=lambda state, loss: None)
            return
        with Progress(self.stage, self.steps, "steps", every_seconds=60, before=state.step) as progress:

            def report(state: StateType, loss: float) -> None:
                progress.advance()
                if state.step % self.every == 0 or state.step == self.steps:
                    save_checkpoint(state, self.checkpoints)
                    self._show(state)

            train(report=report)

    def _show(self, state: StateType) -> None:
        with atomic_path(self.samples / f"{state.step:06d}.png") as temporary:
            Image.fromarray(self.sheet(state)).save(temporary)
