"""Command-line arguments that the stages which run the model have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.models.batch_size import AUTO, rows_or_auto


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of every stage that runs the model on a shard of cases."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table (Parquet)")
    parser.add_argument("--images", required=True, type=Path, help="folder that image paths are relative to")
    parser.add_argument("--shard", required=True, type=int, help="number of the shard, from 0")
    parser.add_argument("--shards", required=True, type=int, help="number of shards")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--model", required=True, help="the model section of the configuration, as JSON")
    parser.add_argument("--seed", required=True, type=int, help="random seed of the study")
    parser.add_argument("--max-failed-fraction", required=True, type=float, help="largest share of cases that may fail")
    parser.add_argument("--maps", required=True, type=Path, help="folder for the maps, one file a case")
    parser.add_argument("--output", required=True, type=Path, help="table of the shard to write (Parquet)")
    parser.add_argument("--threads", default=None, type=int, help="CPU threads")
    parser.add_argument("--compile", default=0, type=int, choices=(0, 1), help="1: compile the denoiser")
    add_device_arguments(parser)


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the model runs, and on how many rows at once."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument(
        "--batch-size", default=AUTO, type=rows_or_auto, help="rows in one call of the denoiser, or auto"
    )


def add_pilot_argument(parser: argparse.ArgumentParser) -> None:
    """The argument of stages whose draws may follow a pilot."""
    parser.add_argument("--pilot", type=Path, help="density.json of pilot_density; required for `density: adaptive`")
