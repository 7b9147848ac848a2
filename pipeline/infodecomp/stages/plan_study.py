"""Say before anything runs how many jobs, denoiser evaluations, hours and gigabytes a study takes on this machine.

Evaluations are counted from the cases. Hours come from a pilot: a few full batches of the model, timed. Without the model
there are evaluations only.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch

from infodecomp.config import Config, MachineSection, ModelSection, parse_section
from infodecomp.config.generated import GENERATED, makes_images, with_generated
from infodecomp.datasets.cases import cases_table, read_cases
from infodecomp.datasets.prompts import generated_cases, prompt_table
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.jobs.configured_model import load_model
from infodecomp.models.speed import Speed, measure, settled_batch_size
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_path
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_text
from infodecomp.study.plan_markdown import plan_markdown
from infodecomp.study.size import Work, study_work
from infodecomp.tables.text import csv_text

STAGE = "plan_study"
_GIGABYTE = 1e9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases that are known, and the sections that decide how much is done with them."""
    parser.add_argument("--cases", nargs="*", default=[], metavar="DATASET=PATH", help="cases tables that are there")
    parser.add_argument("--section", required=True, help="what the study does, as JSON of the configuration's keys")
    parser.add_argument("--machine", required=True, help="the machine section as JSON")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Count, measure, write the plan and print it."""
    config, machine = parse_section(Config, args.section), parse_section(MachineSection, args.machine)
    paths = named_path("--cases", args.cases)
    cases = {
        name: read_retrieval_cases(path) if name in config.retrieval_datasets else read_cases(path)
        for name, path in paths.items()
    }
    if makes_images(config):
        config = with_generated(config)
        cases[GENERATED] = cases_table(generated_cases(GENERATED, prompt_table(config.generate)))
    speed, reason = pilot(config.model, machine)
    table = plan_table(list(study_work(config, cases)), speed, machine.minutes_per_job)
    text = plan_markdown(table, list(_notes(config, paths, speed, reason)), machine.minutes_per_job)
    write_text(args.output_dir / "plan.csv", csv_text(table))
    write_text(args.output_dir / "plan.md", text)
    write_provenance(
        args.output_dir / "plan.provenance.json",
        stage=STAGE,
        section={**config.model_dump(mode="json"), "machine": machine.model_dump(mode="json")},
        inputs=list(paths.values()),
        extra={"speed": None if speed is None else speed.__dict__, "no_pilot": reason},
    )
    print(text, flush=True)


def pilot(settings: ModelSection, machine: MachineSection) -> tuple[Speed | None, str]:
    """The speed of the model here; None, and why, when it cannot be loaded."""
    if machine.threads:
        torch.set_num_threads(machine.threads)
    started = time.perf_counter()
    try:
        model = load_model(settings, machine.device, batch_size=machine.batch_size)
    except InputError as error:
        return None, str(error).split("\n", maxsplit=1)[0]
    start_up = time.perf_counter() - started
    return measure(model, settled_batch_size(model), start_up), ""


def plan_table(works: list[Work], speed: Speed | None, minutes_per_job: int) -> pd.DataFrame:
    """A row a dataset and stage. hours: of one device; shards_advised: 0 without a pilot."""
    rows = []
    for work in works:
        seconds = math.nan if speed is None else speed.seconds(work.evaluations, work.recorded, work.jobs)
        size = math.nan if speed is None else work.leaves.total(speed.latent_shape, speed.image_size)
        own = 0.0 if speed is None else speed.seconds(work.evaluations, work.recorded, 0)
        rows.append(
            {
                "dataset": work.dataset,
                "stage": work.stage,
                "cases": work.cases,
                "images": work.images,
                "jobs": work.jobs,
                "evaluations": work.evaluations,
                "at_most": work.at_most,
                "hours": seconds / 3600,
                "minutes_a_job": seconds / 60 / work.jobs,
                "shards_advised": math.ceil(max(own, 1) / 60 / minutes_per_job) if speed else 0,
                "gigabytes": size / _GIGABYTE,
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = [
    *("dataset", "stage", "cases", "images", "jobs", "evaluations", "at_most"),
    *("hours", "minutes_a_job", "shards_advised", "gigabytes"),
]


def _notes(config: Config, paths: dict[str, Path], speed: Speed | None, reason: str) -> Iterator[str]:
    counted = {*paths, *([GENERATED] if makes_images(config) else [])}
    missing = [name for name in (*config.datasets, *config.retrieval_datasets) if name not in counted]
    if missing:
        yield (
            f"Not counted, because their files are not there yet: {', '.join(missing)}. "
            "`snakemake fetch` gets those that can be fetched."
        )
    if speed is None:
        yield f"No hours and no disk, because no pilot could run: {reason.rstrip('.')}."
    else:
        yield (
            f"Hours are those of one device ({speed.device}), one job after another, from a pilot on this machine: "
            f"{1 / speed.plain:.3g} evaluations/s in batches of {speed.batch_size}, {1 / speed.recorded:.3g}/s with "
            f"attention recorded, {speed.start_up:.0f} s to load the model. Divide them by the number of devices."
        )
        yield "Disk is that of maps, latents and pictures; tables, figures and downloads come on top."
    if config.retrieval.stopping == "racing" and config.retrieval_datasets:
        yield "≤: a race ends most cases before their whole budget is drawn."
    yield "Shards: set `datasets.<name>.shards`; of several stages of a dataset, take the largest number."
    yield "CLIP, tables and figures are not counted: they take minutes."
