"""Estimate MI, CMI and attention maps of one shard's cases, with a table of totals, standard errors and curves.

Images that an interrupted run finished are not estimated again: see `infodecomp.runs.shards`. With `extendable`, cases
continue from the draws of an earlier run with fewer of them: see `infodecomp.estimator.extension`.
"""

from __future__ import annotations

import argparse

from infodecomp.config import parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import EstimateInformation
from infodecomp.information.estimated_cases import estimate_row, estimated_cases
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import ModelJob, pilot_identity

STAGE = "estimate_information"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model, and a pilot."""
    add_model_arguments(parser)
    add_pilot_argument(parser)


def run(args: argparse.Namespace) -> None:
    """Estimate the cases of one shard."""
    settings = parse(EstimateInformation, args.settings)
    section = resolved(settings.information, "maps")
    identity = {"heads": settings.heads, **pilot_identity(args.pilot)}
    stage = ModelJob.open(args, STAGE, section.model_dump(mode="json"), **identity)
    stage.compute(lambda jobs: estimated_cases(stage, jobs, section, settings.heads))
    stage.finish(SHARD_COLUMNS, estimate_row)
