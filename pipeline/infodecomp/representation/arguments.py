"""Command-line arguments that the stages of descriptions have in common."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_description_arguments(parser: argparse.ArgumentParser) -> None:
    """Which description, from which settings, and where the result goes."""
    parser.add_argument("--model", required=True, help="factors, components, or the folder of a trained model")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", required=True, type=int, help="random seed of the study")
    parser.add_argument("--images", default=None, type=Path, help="folder of prepared images (default: they are drawn)")
    parser.add_argument("--output", required=True, type=Path, help="file to write")
    parser.add_argument("--threads", default=None, type=int, help="CPU threads")
