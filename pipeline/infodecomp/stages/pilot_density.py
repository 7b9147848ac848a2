"""Fit the density of log-SNRs to one dataset and model by a pilot on a few images, for `density: adaptive`."""

from __future__ import annotations

import argparse
import json

from infodecomp.config import parse
from infodecomp.config.settings import PilotDensity
from infodecomp.information.pilot import run_pilot
from infodecomp.jobs.arguments import add_model_arguments
from infodecomp.jobs.model_job import ModelJob
from infodecomp.runs.storage import write_text

STAGE = "pilot_density"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of a stage that runs the model."""
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Run the pilot and write the density."""
    section = parse(PilotDensity, args.settings)
    stage = ModelJob.open(args, STAGE, section.model_dump(mode="json"))
    record = run_pilot(stage, section)
    write_text(args.output, json.dumps(record, indent=2) + "\n")
    stage.write_provenance()
    print(f"{STAGE}: {len(record['images'])} images, {record['evaluations']} evaluations", flush=True)
