"""Denoiser evaluations and bytes of judging maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from infodecomp.config import Config
from infodecomp.faithfulness.case_pairs import CaseWordPairs
from infodecomp.faithfulness.curves import curve_evaluations
from infodecomp.faithfulness.repeated_maps import MapRecipe
from infodecomp.jobs.work import ARRAY_BYTES, FLOAT64_BYTES, Bytes, Work, usable
from infodecomp.maps.setting import Setting
from infodecomp.methods import METHODS
from infodecomp.pairs.pairing import word_pairs
from infodecomp.pairs.readable import planned_reader

# Arrays without extent that are kept of a case: the information of the image and of the filling.
_SCALARS = 4


def faithfulness_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """Information of images with cells removed, and maps made again twice.

    At most, because captions that cases share are walked only once.
    """
    if dataset not in config.judged_datasets:
        return
    cases = usable(cases)
    section = config.faithfulness.judging
    images = set(cases["image_id"].head(section.cases))
    judged = cases[cases["image_id"].isin(images)]
    settings = _settings(config)
    recorded = list(dict.fromkeys(part for setting in settings for part in setting.parts))
    recipe = MapRecipe(
        config.information,
        config.attention,
        CaseWordPairs(config.pairs.map_redundancy, _pairs_of_cases(config, dataset, cases, judged["case_id"]), {}),
        section.repeated_draws,
    )
    repeated = sum(2 * recipe.evaluations(recorded, case_id) for case_id in judged["case_id"])
    evaluations = len(judged) * curve_evaluations(len(settings), section.fractions, section.draws) + repeated
    curves = 2 * len(settings) * ((len(section.fractions) + 2) * FLOAT64_BYTES + ARRAY_BYTES)
    leaves = Bytes(fixed=len(judged) * (curves + _SCALARS * ARRAY_BYTES), maps=len(judged) * 3 * len(recorded))
    work = Work.of(config, dataset, "judge_maps", judged, evaluations, leaves, at_most=True)
    yield replace(work, jobs=config.faithfulness.shards)


def _settings(config: Config) -> list[Setting]:
    """The maps that the study will judge."""
    place = 0 if config.faithfulness.judging.judged == "first" else -1
    steps = {
        "information": config.information.budget.steps[place],
        "attention": config.attention.steps[place],
        "gradients": config.gradients.steps[place],
        "pairs": config.pairs.sampling.steps * config.pairs.sampling.replicates,
    }
    return [
        Setting(method, estimator, steps[Setting(method, estimator, 0).parts[0].source])
        for method in config.judged_methods
        for estimator in (config.faithfulness.judging.estimators if METHODS[method].estimators else ("-",))
    ]


def _pairs_of_cases(config: Config, dataset: str, cases: pd.DataFrame, case_ids: pd.Series) -> dict[str, list[Any]]:
    """Case id → the word pairs that the case is in; empty for a dataset without word pairs."""
    if not config.datasets[dataset].word_pairs:
        return {}
    pairs = usable(word_pairs(dataset, cases, config.pairs.selection, planned_reader(config.model)).table)
    return {
        case_id: list(
            pairs[(pairs["case_first"] == case_id) | (pairs["case_second"] == case_id)].itertuples(index=False)
        )
        for case_id in case_ids
    }
