"""Train the autoencoder of the embedded model on scenes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TrainScenesAutoencoder
from infodecomp.runs.durable import put_in_place
from infodecomp.runs.progress import Progress
from infodecomp.training.autoencoder import pictures, psnr, train_autoencoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder for vae/")


def run(args: argparse.Namespace) -> None:
    """Train and save the autoencoder, and print its PSNR on held-out scenes."""
    settings = parse(TrainScenesAutoencoder, args.settings)
    with Progress("train_scenes_autoencoder", settings.training.steps, "steps") as progress:
        vae = train_autoencoder(
            seed=settings.seed, steps=settings.training.steps, batch=8, report=lambda step, loss: progress.advance()
        )
    partial = args.output_dir / f".vae.{os.getpid()}"
    vae.save_pretrained(partial)
    put_in_place(partial, args.output_dir / "vae")
    print(f"held-out PSNR {psnr(vae, pictures(settings.seed, 'validation', 0, 200)):.1f} dB")
