"""Train the LoRA of `hardneg_diffitm` in the embedded study: a denoiser trained to prefer true captions to false ones."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from infodecomp.config import parse
from infodecomp.config.settings import TrainScenesHardneg
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.recorded_hashes import put_model_in_place
from infodecomp.runs.progress import Progress
from infodecomp.training.hardneg import HardnegRecipe, save_hardneg, train_hardneg

STAGE = "train_scenes_hardneg"
EVERY = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --model PATH --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--model", required=True, help="pipeline folder of the embedded model")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the LoRA to write")


def run(args: argparse.Namespace) -> None:
    """Train, and write the LoRA; every 50 steps, print how often the true caption had the smaller error."""
    recipe = HardnegRecipe.of(parse(TrainScenesHardneg, args.settings))
    model = LatentDiffusion.load(args.model)
    shares: list[float] = []
    with Progress(STAGE, recipe.steps, "steps") as progress:

        def report(step: int, loss: float, preferred: float) -> None:
            progress.advance()
            shares.append(preferred)
            if step % EVERY == 0 or step == recipe.steps:
                print(
                    f"step {step}: loss {loss:.4f}, true caption preferred {np.mean(shares[-EVERY:]):.3f}", flush=True
                )

        train_hardneg(recipe, model, report)
    partial = args.output_dir.with_name(f".{args.output_dir.name}.{os.getpid()}")
    save_hardneg(model, partial)
    put_model_in_place(partial, args.output_dir)
