"""Train the text tower of the embedded model on captions alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.settings import TrainScenesText
from infodecomp.runs.progress import Progress
from infodecomp.training.text import save_text, train_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder for text_encoder/ and tokenizer/")


def run(args: argparse.Namespace) -> None:
    """Train and save the tower and its tokenizer."""
    settings = parse(TrainScenesText, args.settings)
    with Progress("train_scenes_text", settings.training.steps, "steps") as progress:
        tower, tokenizer = train_text(
            seed=settings.seed, steps=settings.training.steps, batch=128, report=lambda step, loss: progress.advance()
        )
    save_text(args.output_dir, tower, tokenizer)
