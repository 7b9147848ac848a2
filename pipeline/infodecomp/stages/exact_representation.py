"""Compute what one description says about images exactly: values, curves, correlations of its parts, its factors."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from infodecomp.config import parse
from infodecomp.config.settings import ExactRepresentation
from infodecomp.information.pilot_file import read_density
from infodecomp.representation.arguments import add_description_arguments
from infodecomp.representation.described_images import describe
from infodecomp.representation.exact_computation import curve_rows, record_of, value_rows
from infodecomp.representation.exact_files import write_exact
from infodecomp.representation.image_sets import open_images
from infodecomp.runs.provenance import write_provenance

STAGE = "exact_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage on one description; the output is the table of values, and the others lie beside it."""
    add_description_arguments(parser)
    parser.add_argument("--pilot", required=True, type=Path, help="density.json of pilot_representation, for its range")


def run(args: argparse.Namespace) -> None:
    """Compute the values and curves of a description, and write them."""
    torch.set_num_threads(args.threads or 1)
    settings = parse(ExactRepresentation, args.settings)
    described = describe(args.model, open_images(settings.images, args.images), settings.components)
    interval = read_density(args.pilot).interval
    values = value_rows(described, settings.exact, args.seed)
    write_exact(
        args.output.parent,
        values,
        curve_rows(described, settings.exact, interval, args.seed),
        record_of(described, args.seed),
    )
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra={"described by": args.model, "seed": args.seed},
    )
    print(f"{STAGE}: {args.model} carries {values['whole'].mean():.3f} nats", flush=True)
