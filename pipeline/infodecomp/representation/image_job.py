"""One job of estimating a model's information: a shard of images, what determines its results, and the record of the run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import pandas as pd

from infodecomp.config.settings import EstimateRepresentation
from infodecomp.jobs.configured_model import weights_sha256
from infodecomp.representation.described_images import COMPONENTS, FACTORS
from infodecomp.representation.estimates_table import IMAGE_COLUMNS, image_row
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.prepared_images import IMAGES
from infodecomp.runs.code_digest import code_digest
from infodecomp.runs.ledger import checked_sha256
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.shards import Shard
from infodecomp.runs.shipped import shipped


def open_shard(args: argparse.Namespace, stage: str, settings: EstimateRepresentation, images: ImageSet) -> Shard:
    """The shard of images that the arguments name; its images are known by number, and need no file each."""
    return Shard.open(
        image_cases(images, settings, args.seed),
        number=args.shard,
        shards=args.shards,
        images=args.maps,
        maps=args.maps,
        identity={
            "described by": args.model,
            "model": model_identity(args.model),
            "section": settings.model_dump(mode="json"),
            "seed": args.seed,
            "pilot": checked_sha256(args.pilot),
            "images": checked_sha256(args.images / IMAGES) if args.images else "",
            "code": code_digest(f"infodecomp.stages.{stage}"),
        },
    )


def image_cases(images: ImageSet, settings: EstimateRepresentation, seed: int) -> pd.DataFrame:
    """A row for each image to estimate: its number, and whether its maps are kept."""
    section = settings.estimation
    numbers = images.chosen("images", section.images, seed, held_out=True)
    names = [images.image_id(number) for number in numbers]
    fixed = {"image_path": "", "status": "ok", "reason": ""}
    shown = [place < section.maps for place in range(len(numbers))]
    return pd.DataFrame({"case_id": names, "image_id": names, "number": numbers, "shown": shown, **fixed})


def model_identity(name: str) -> str:
    """What identifies a trained model: the hash of its files; nothing for a description that needs no training."""
    return "" if name in (FACTORS, COMPONENTS) else weights_sha256(shipped(name))


def pending_images(shard: Shard) -> Sequence[Any]:
    """The images that have no results yet."""
    return [case for job in shard.pending() for case in job.cases]


def finish(args: argparse.Namespace, stage: str, shard: Shard) -> None:
    """Write the shard's table and its provenance, and print how many images it has and how many failed."""
    print(shard.write(args.output, IMAGE_COLUMNS, image_row, args.max_failed_fraction), flush=True)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=stage,
        section=dict(shard.identity["section"]),
        extra={**shard.identity, "shard": f"{args.shard} of {args.shards}"},
    )
