"""Judge one model of codes: probes and disentanglement of its codes, and quality of what it drew."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

from infodecomp.config import parse
from infodecomp.config.settings import JudgeRepresentation
from infodecomp.representation.arguments import add_description_arguments
from infodecomp.representation.drawn_file import read_drawn
from infodecomp.representation.feature_networks import load_features
from infodecomp.representation.image_sets import open_images
from infodecomp.representation.judging import judged_codes, judged_samples
from infodecomp.representation.quality_columns import QUALITY_COLUMNS, SAMPLE_COLUMNS
from infodecomp.representation.sampled_models import open_model
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table

STAGE = "judge_representation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage on one description; --output is the table of codes, that of samples lies beside it."""
    add_description_arguments(parser)
    parser.add_argument("--name", required=True, help="of the model in tables")
    parser.add_argument("--drawn", required=True, type=Path, help="what sample_representation wrote")
    parser.add_argument("--classifier", default=None, type=Path, help="folder of train_representation_classifier")


def run(args: argparse.Namespace) -> None:
    """Judge codes and samples, and write their rows."""
    torch.set_num_threads(args.threads or 1)
    settings = parse(JudgeRepresentation, args.settings)
    images = open_images(settings.images, args.images)
    judging = settings.judging
    paths = {"classifier": args.classifier, "dinov2": judging.dinov2, "inception": judging.inception}
    missing = [kind for kind in judging.features if paths[kind] is None]
    if missing:
        raise InputError(
            f"representation → judging → features has {missing[0]}, and {missing[0]} is null; give its weights there, or"
            " leave it out of features."
        )
    networks: dict[str, nn.Module] = {kind: load_features(kind, Path(paths[kind])) for kind in judging.features}
    model = open_model(args.model, images, settings.components)
    codes = judged_codes(args.name, model, images, judging, args.seed)
    samples = judged_samples(args.name, read_drawn(args.drawn), images, networks, judging, args.seed)
    write_table(args.output, codes, QUALITY_COLUMNS)
    write_table(args.output.with_name("samples.parquet"), samples, SAMPLE_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra={"model": args.model, "seed": args.seed},
    )
    print(f"{STAGE}: {len(codes)} scores of codes and {len(samples)} of samples of {args.name}", flush=True)
