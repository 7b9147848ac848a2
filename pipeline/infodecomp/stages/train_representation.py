"""Train a representation model, and write its folder: decoder/, encoder/ if it has a code, and model.json.

A checkpoint is written regularly; a killed run resumes from the last one, unless the recipe or the code has changed since.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TrainRepresentation
from infodecomp.models.devices import set_precision
from infodecomp.training.representation import checkpoint_folder, train_model
from infodecomp.training.workers import Worker, run_workers, training_device

STAGE = "train_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON [--images PATH] --work-dir PATH --output-dir PATH [--processes N] [--device NAME]`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--images", type=Path, help="folder of prepared images; without it, the embedded factor world")
    parser.add_argument("--work-dir", required=True, type=Path, help="folder for checkpoints and distances from Bayes")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the model to write")
    parser.add_argument("--processes", default=1, type=int, help="worker processes; with a GPU, those that draw noise")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")


def run(args: argparse.Namespace) -> None:
    """Train with one process on a GPU, or with several single-thread processes on a CPU."""
    settings, device = parse(TrainRepresentation, args.settings), training_device(args.device)
    if device != "cpu":
        set_precision("tf32")
    checkpoints = args.work_dir / checkpoint_folder(STAGE, settings, args.images)
    processes = min(args.processes, settings.training.batch)
    run_workers(_work, processes, device, settings, args.images, checkpoints, args.output_dir)


def _work(worker: Worker, settings: TrainRepresentation, images: Path | None, checkpoints: Path, output: Path) -> None:
    train_model(settings, images, checkpoints, output, worker)
