"""Explain the images of one shard: how much each word of the caption, and each cell, contributes to scalar targets.

The targets are the denoising loss of every image and, for images that the study generated, the pixels of the picture; see
`infodecomp.attribution.explainer`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.attribution.explainer import explained_cases
from infodecomp.config import parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import ExplainImages, GenerateImages
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import COUNT_COLUMNS, ModelJob, pilot_identity

STAGE = "explain_images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model, the estimator's section, and how the images were generated, if so."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    parser.add_argument("--prompts", type=Path, help="generated images: table of their prompts")
    parser.add_argument("--trajectories", type=Path, help="generated images: folder of <image>.npz with their latents")
    parser.add_argument(
        "--given", type=Path, default=Path(), help="generated images: folder of the images they start from"
    )
    parser.add_argument(
        "--generation", help="generated images: what generate_images reads of the configuration, as JSON"
    )
    parser.add_argument(
        "--checkpointing", type=int, default=0, choices=(0, 1), help="1: compute steps twice to use less memory"
    )


def run(args: argparse.Namespace) -> None:
    """Explain the images of one shard."""
    settings = resolved(parse(ExplainImages, args.settings), "maps")
    sampling = None if args.generation is None else parse(GenerateImages, args.generation).sampling
    identity = pilot_identity(args.pilot)
    if sampling is not None:
        identity["generate"] = sampling.model_dump(mode="json")
    stage = ModelJob.open(args, STAGE, settings.model_dump(mode="json"), **identity)
    stage.compute(lambda jobs: explained_cases(stage, jobs, settings, sampling))
    stage.finish(COUNT_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})
