"""Record gradient maps of one shard's cases: how far each cell's prediction moves when the text moves towards the word."""

from __future__ import annotations

import argparse

from infodecomp.config import parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import RecordGradients
from infodecomp.information.gradient_maps import gradient_maps
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import COUNT_COLUMNS, ModelJob, pilot_identity

STAGE = "record_gradients"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model, a pilot, and the estimator's section."""
    add_model_arguments(parser)
    add_pilot_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Record the gradient maps of one shard."""
    settings = resolved(parse(RecordGradients, args.settings), "maps")
    stage = ModelJob.open(args, STAGE, settings.model_dump(mode="json"), **pilot_identity(args.pilot))
    stage.compute(lambda jobs: gradient_maps(stage, jobs, settings))
    stage.finish(COUNT_COLUMNS, lambda arrays: {"evaluations": int(arrays["evaluations"])})
