"""Train the autoencoder of the embedded model on scenes."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import ScenesModelSection, parse_section
from infodecomp.runs.progress import Progress
from infodecomp.training.autoencoder import pictures, psnr, train_autoencoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--section JSON --output-dir PATH`."""
    parser.add_argument("--section", required=True, help="the section `scenes_model` of the configuration as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder for vae/")


def run(args: argparse.Namespace) -> None:
    """Train and save the autoencoder, and print its PSNR on held-out scenes."""
    section = parse_section(ScenesModelSection, args.section)
    with Progress("train_scenes_autoencoder", section.decoder_steps, "steps") as progress:
        vae = train_autoencoder(
            seed=section.seed, steps=section.decoder_steps, batch=8, report=lambda step, loss: progress.advance()
        )
    vae.save_pretrained(args.output_dir / "vae")
    print(f"held-out PSNR {psnr(vae, pictures(section.seed, 'validation', 0, 200)):.1f} dB")
