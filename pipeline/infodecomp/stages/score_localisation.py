"""Score every map of a dataset against the mask of its word: IoU at thresholds, average precision, pointing game."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from infodecomp.config import parse
from infodecomp.config.settings import ScoreLocalisation
from infodecomp.datasets.cases import read_cases
from infodecomp.localisation.failed_scores import FailedScores
from infodecomp.localisation.masks import Masks
from infodecomp.localisation.scoring import score_cases
from infodecomp.maps.sources import MapSources, add_map_arguments
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.runs.memory_allocator import keep_freed_memory
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table_rows

STAGE = "score_localisation"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases, the shards with the statuses of their maps, and the folders of the maps."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    add_map_arguments(parser)
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument(
        "--seed", type=int, required=True, help="seed of the study; pairs images for the method shuffled"
    )
    parser.add_argument("--output", type=Path, required=True, help="scores.parquet to write")


def run(args: argparse.Namespace) -> None:
    """Read cases, maps and masks, score them, write the scores and their provenance."""
    keep_freed_memory()  # every map needs the same few MiB
    settings = parse(ScoreLocalisation, args.settings)
    section = settings.localisation
    cases = read_cases(args.cases).sort_values("position", kind="stable")
    sources = MapSources.of(args)
    maps = sources.maps(cases, args.seed)
    masks = Masks(settings.source, section.map_size, settings.resize)
    rows, failures = 0, FailedScores()

    def frames() -> Iterator[pd.DataFrame]:
        nonlocal rows
        for frame in score_cases(cases, maps, masks, section):
            rows += len(frame)
            failures.add(frame)
            yield frame

    write_table_rows(args.output, frames(), SCORE_COLUMNS)
    if failures.lines():
        print(f"{STAGE}: rows without a score, by method and status:\n{failures.lines()}")
    failures.check(args.cases.parent.name, settings.max_failed_fraction)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=settings.model_dump(mode="json"),
        extra={"seed": args.seed, "resize": settings.resize, "rows": rows},
    )
