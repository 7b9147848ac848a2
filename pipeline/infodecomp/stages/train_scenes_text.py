"""Train the text tower of the embedded model on captions alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import ScenesModelSection, parse_section
from infodecomp.runs.progress import Progress
from infodecomp.training.text import save_text, train_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--section JSON --output-dir PATH`."""
    parser.add_argument("--section", required=True, help="the section `scenes_model` of the configuration as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder for text_encoder/ and tokenizer/")


def run(args: argparse.Namespace) -> None:
    """Train and save the tower and its tokenizer."""
    section = parse_section(ScenesModelSection, args.section)
    with Progress("train_scenes_text", section.text_steps, "steps") as progress:
        tower, tokenizer = train_text(
            seed=section.seed, steps=section.text_steps, batch=128, report=lambda step, loss: progress.advance()
        )
    save_text(args.output_dir, tower, tokenizer)
