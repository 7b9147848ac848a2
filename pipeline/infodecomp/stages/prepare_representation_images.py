"""Prepare the images of one dataset for learning representations: chosen, checked, cropped, resized, in one array."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.representation_images import ImagePreparationSection
from infodecomp.representation.datasets.records import Given
from infodecomp.representation.datasets.table import DATA, DATASETS
from infodecomp.representation.image_preparation import prepare_images
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance

STAGE = "prepare_representation_images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --settings JSON --seed N --output-dir PATH`."""
    parser.add_argument("--dataset", required=True, help="name of a dataset of images")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the images that are chosen and held out")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Read the dataset, write its images, attributes and provenance, and print their number."""
    if args.dataset not in DATASETS:
        raise InputError(f"--dataset is {args.dataset!r}; allowed are {', '.join(DATASETS)}.")
    section = parse(ImagePreparationSection, args.settings)
    given = given_files(args.dataset, section, args.seed)
    description = prepare_images(args.dataset, given, section, args.output_dir)
    write_provenance(
        args.output_dir / "images.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
        extra={**description, "seed": args.seed},
    )
    print(
        f"{description['images']} images of {args.dataset} in {args.output_dir}, {description['size']} x "
        f"{description['size']} pixels, {description['held_out']} held out"
    )


def given_files(name: str, section: ImagePreparationSection, seed: int) -> Given:
    """Where the files of a dataset are: the user's own, or those below `data/`."""
    if name != "own":
        return Given(DATA / name, seed=seed)
    own = Path(section.list) if section.list else None
    return Given(Path(section.root) if section.root else own.parent if own else Path(), own, seed)
