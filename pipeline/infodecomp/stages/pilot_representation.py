"""Fit the density of log-SNRs to one description of images by a pilot with the exact denoiser."""

from __future__ import annotations

import argparse
import json

import torch

from infodecomp.config import parse
from infodecomp.config.settings import PilotRepresentation
from infodecomp.information.pilot_file import density_record
from infodecomp.models.batch_size import ON_CPU
from infodecomp.representation.arguments import add_description_arguments
from infodecomp.representation.described_images import describe
from infodecomp.representation.image_sets import open_images
from infodecomp.representation.noise_draws import pilot_density
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text

STAGE = "pilot_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage on one description."""
    add_description_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Find the range, run the pilot and write the density."""
    torch.set_num_threads(args.threads or 1)
    settings = parse(PilotRepresentation, args.settings)
    described = describe(args.model, open_images(settings.images, args.images), settings.components)
    density, record = pilot_density(described, settings.estimation, args.seed, ON_CPU)
    write_text(args.output, json.dumps({**density_record(density), **record}, indent=2) + "\n")
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra={"described by": args.model, "seed": args.seed},
    )
    interval = density.interval
    print(f"{STAGE}: log-SNRs {interval.low:g} … {interval.high:g}, {record['evaluations']} evaluations", flush=True)
