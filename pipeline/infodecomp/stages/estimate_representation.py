"""Estimate what one description says about one shard's images: maps, totals, standard errors, curves.

Images that an interrupted run finished are not estimated again: see `infodecomp.runs.shards`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from infodecomp.config import parse
from infodecomp.config.settings import EstimateRepresentation
from infodecomp.information.pilot_file import read_density
from infodecomp.jobs.arguments import add_device_arguments
from infodecomp.models.batch_size import AUTO, ON_CPU
from infodecomp.models.devices import resolve_device
from infodecomp.representation.arguments import add_description_arguments
from infodecomp.representation.described_images import describe
from infodecomp.representation.estimated_images import estimated_images
from infodecomp.representation.image_job import finish, open_shard, pending_images
from infodecomp.representation.image_sets import open_images
from infodecomp.runs.progress import Progress

STAGE = "estimate_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage on one description, of a shard, and of the machine."""
    add_description_arguments(parser)
    add_device_arguments(parser)
    parser.add_argument("--pilot", required=True, type=Path, help="density.json of pilot_representation")
    parser.add_argument("--shard", required=True, type=int, help="number of the shard, from 0")
    parser.add_argument("--shards", required=True, type=int, help="number of shards")
    parser.add_argument("--maps", required=True, type=Path, help="folder for the arrays, one file an image")
    parser.add_argument(
        "--max-failed-fraction", required=True, type=float, help="largest share of images that may fail"
    )


def run(args: argparse.Namespace) -> None:
    """Estimate the images of one shard."""
    torch.set_num_threads(args.threads or 1)
    settings = parse(EstimateRepresentation, args.settings)
    images = open_images(settings.images, args.images)
    shard = open_shard(args, STAGE, settings, images)
    if pending := pending_images(shard):
        described = describe(args.model, images, settings.components, resolve_device(args.device))
        rows = ON_CPU if args.batch_size == AUTO else args.batch_size
        found = estimated_images(
            described, pending, settings.estimation.draws, read_density(args.pilot), args.seed, rows
        )
        with Progress(f"{STAGE} shard {args.shard}", len(pending), "images") as progress:
            for case, arrays in found:
                shard.store(case, arrays)
                progress.advance()
    finish(args, STAGE, shard)
