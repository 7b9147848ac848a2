"""Run the estimator on points of one closed-form problem, with every density and design."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch

from infodecomp.config import parse
from infodecomp.config.settings import ValidateEstimator
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table
from infodecomp.validation.estimator_runs import problem_runs
from infodecomp.validation.problems import PROBLEMS
from infodecomp.validation.summary import RUN_COLUMNS

STAGE = "validate_estimator"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One problem; densities, designs and numbers of draws come from the configuration."""
    parser.add_argument("--problem", required=True, help="name of the problem")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of points and draws")
    parser.add_argument("--output", type=Path, required=True, help="Parquet table of the runs")


def run(args: argparse.Namespace) -> None:
    """Draw the points, run every design on each, write the rows."""
    torch.set_num_threads(1)  # the problems are small
    if args.problem not in PROBLEMS:
        raise InputError(f"--problem is {args.problem!r}; allowed are {', '.join(PROBLEMS)}.")
    settings = parse(ValidateEstimator, args.settings)
    rows = pd.DataFrame(problem_runs(args.problem, settings, args.seed), columns=list(RUN_COLUMNS))
    write_table(args.output, rows, RUN_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra={"problem": args.problem, "seed": args.seed},
    )
