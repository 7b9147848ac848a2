"""Judge the maps of one shard's cases: information without their highest cells, and the maps made again.

`tabulate_faithfulness` reads what is stored of a case (see `infodecomp.faithfulness.judging`).
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from infodecomp.config import (
    AttentionSection,
    FaithfulnessSection,
    GradientsSection,
    InformationSection,
    PartialInformationSection,
    given,
    parse_section,
)
from infodecomp.config.designs import resolved
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
    parser.add_argument("--information-section", required=True, help="the information section as JSON")
    parser.add_argument("--attention-section", required=True, help="the attention section as JSON")
    parser.add_argument("--gradients-section", required=True, help="the gradients section as JSON")
    parser.add_argument("--pairs-section", default="{}", help="the partial_information section as JSON")
    parser.add_argument("--word-pairs", type=Path, help="pairs.parquet of the dataset; needed with --pairs")


def run(args: argparse.Namespace) -> None:
    """Judge the maps of one shard."""
    section = parse_section(FaithfulnessSection, args.section)
    pairs_section = parse_section(PartialInformationSection, args.pairs_section)
    recipe = MapRecipe(
        resolved(parse_section(InformationSection, args.information_section), "maps"),
        parse_section(AttentionSection, args.attention_section),
        parse_section(GradientsSection, args.gradients_section),
        read_case_pairs(args.cases, args.word_pairs, args.pairs, pairs_section),
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
            "information": given(recipe.information),
            "attention": given(recipe.attention),
            "gradients": given(recipe.gradients),
            "pairs": given(recipe.pairs.section),
            "repeated_draws": recipe.draws,
        },
        **pilot_identity(args.pilot),
    )
    MapJudge(stage, section, recipe, maps, [setting for setting in settings if setting.steps]).judge()
    stage.finish(SHARD_COLUMNS, lambda arrays: {name: arrays[name].tolist() for name in list(SHARD_COLUMNS)[4:]})
