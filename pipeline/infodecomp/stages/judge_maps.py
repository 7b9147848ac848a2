"""Judge the maps of one shard's cases: information without their highest cells, and the maps made again.

`tabulate_faithfulness` reads what is stored of a case (see `infodecomp.faithfulness.judging`).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from infodecomp.config import parse
from infodecomp.config.designs import resolved
from infodecomp.config.settings import JudgeMaps
from infodecomp.faithfulness.case_pairs import read_case_pairs
from infodecomp.faithfulness.judged_maps import judged_settings, maps_digest, read_judged_cases
from infodecomp.faithfulness.judging import SHARD_COLUMNS, STAGE, MapJudge
from infodecomp.faithfulness.repeated_maps import MapRecipe
from infodecomp.jobs.arguments import add_model_arguments, add_pilot_argument
from infodecomp.jobs.model_job import ModelJob, pilot_identity
from infodecomp.maps.sources import MapSources, add_map_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every stage that runs the model, the maps to judge, and the sections that they were made with."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    add_map_arguments(parser)
    parser.add_argument("--methods", nargs="+", required=True, help="methods whose maps are judged")
    parser.add_argument("--word-pairs", type=Path, help="pairs.parquet of the dataset; needed with --pairs")


def run(args: argparse.Namespace) -> None:
    """Judge the maps of one shard."""
    given = parse(JudgeMaps, args.settings)
    section, redundancy, prior = given.judging, given.map_redundancy, given.word_prior
    recipe = MapRecipe(
        resolved(given.information, "maps"),
        given.attention,
        read_case_pairs(args.cases, args.word_pairs, args.pairs, redundancy, prior),
        section.repeated_draws,
    )
    maps = MapSources.of(args).maps(read_judged_cases(args.cases, section.cases), args.seed)
    settings = judged_settings(maps, args.methods, section)
    stage = ModelJob.open(
        args,
        STAGE,
        section.model_dump(mode="json", include={"fractions", "filling", "filling_logsnr", "draws"}),
        read=partial(read_judged_cases, count=section.cases),
        own=lambda case: maps_digest(maps, settings, case.case_id),
        made_with={
            "information": recipe.information.model_dump(mode="json"),
            "attention": recipe.attention.model_dump(mode="json"),
            "pairs": {"map_redundancy": redundancy, "word_prior": prior},
            "repeated_draws": recipe.draws,
        },
        **pilot_identity(args.pilot),
    )
    MapJudge(stage, section, recipe, maps, [setting for setting in settings if setting.steps]).judge()
    stage.finish(SHARD_COLUMNS, lambda arrays: {name: arrays[name].tolist() for name in list(SHARD_COLUMNS)[4:]})
