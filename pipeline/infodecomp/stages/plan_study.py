"""Plan a study before anything runs: jobs, denoiser evaluations, hours and gigabytes on this machine.

Evaluations are counted from the cases. Hours come from a few full batches of the model, timed here. Without the model the
plan gives evaluations only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from infodecomp.config import Config, parse
from infodecomp.config.generated import GENERATED, makes_images, with_generated
from infodecomp.datasets.cases import cases_table, read_cases
from infodecomp.datasets.prompts import generated_cases, prompt_table
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.runs.named_paths import named_path
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text
from infodecomp.study.plan import plan_notes, plan_table
from infodecomp.study.plan_markdown import plan_markdown
from infodecomp.study.representations import plan_representations
from infodecomp.study.timing import time_model
from infodecomp.study.work import study_work
from infodecomp.tables.text import csv_text

STAGE = "plan_study"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases that are known, and the sections that decide how much is done with them."""
    parser.add_argument("--cases", nargs="*", default=[], metavar="DATASET=PATH", help="cases tables that exist")
    parser.add_argument(
        "--images", default=None, type=Path, help="folder of prepared images of representations, if any"
    )
    parser.add_argument("--settings", required=True, help="configuration of the study, as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Count the work, time the model, write the plan and print it."""
    config = parse(Config, args.settings)
    machine = config.machine
    paths = named_path("--cases", args.cases)
    cases = {
        name: read_retrieval_cases(path) if name in config.retrieval_datasets else read_cases(path)
        for name, path in paths.items()
    }
    if makes_images(config):
        config = with_generated(config)
        cases[GENERATED] = cases_table(generated_cases(GENERATED, prompt_table(config.generate.source)))
    speed, no_speed = time_model(config.model, machine)
    described = plan_representations(config, args.images)
    works = [*study_work(config, cases), *described.works]
    table = plan_table(works, speed, machine.minutes_per_job, described.speeds)
    notes = [*plan_notes(config, cases, speed, no_speed), *described.notes]
    text = plan_markdown(table, notes, machine.minutes_per_job)
    write_text(args.output_dir / "plan.csv", csv_text(table))
    write_text(args.output_dir / "plan.md", text)
    write_provenance(
        args.output_dir / "plan.provenance.json",
        stage=STAGE,
        section=config.model_dump(mode="json"),
        extra={"speed": None if speed is None else speed.__dict__, "no_pilot": no_speed},
    )
    print(text, flush=True)
