"""Prepare the images that codes are learned from: chosen, checked, cropped, resized, in one array."""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.config.settings import PrepareRepresentationImages
from infodecomp.representation.datasets.records import Given
from infodecomp.representation.datasets.table import DATA
from infodecomp.representation.image_preparation import prepare_images
from infodecomp.runs.provenance import write_provenance

STAGE = "prepare_representation_images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--settings JSON --output-dir PATH`."""
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Read the dataset, write its images, attributes and provenance, and print their number."""
    settings = parse(PrepareRepresentationImages, args.settings)
    section = settings.images
    description = prepare_images(section, given_files(section), args.output_dir)
    write_provenance(
        args.output_dir / "images.provenance.json",
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra=description,
    )
    print(
        f"{description['images']} images of {section.dataset} in {args.output_dir}, {description['size']} x "
        f"{description['size']} pixels, {description['held_out']} held out"
    )


def given_files(section: RepresentationImagesSection) -> Given:
    """Where the files of the dataset are: the user's own, or those below `data/`."""
    if section.dataset != "own":
        return Given(DATA / section.dataset, seed=section.seed)
    own = Path(section.list) if section.list else None
    return Given(Path(section.root) if section.root else own.parent if own else Path(), own, section.seed)
