"""Which cases of a dataset have their maps judged, and which of their maps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.config import Config, FaithfulnessSection
from infodecomp.datasets.cases import read_cases
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.methods import METHODS

# How the keys of maps begin in the file of a judged case: as they were recorded, made again with another seed, and by the
# model with its weights shuffled.
RECORDED, SEED, WEIGHTS = "recorded/", "seed/", "weights/"


def read_judged_cases(path: Path, count: int) -> pd.DataFrame:
    """The first `count` cases of a cases table, and what else there is of their images, in their order."""
    cases = read_cases(path).sort_values("position", kind="stable")
    images = set(cases.loc[cases["status"] == "ok", "image_id"].head(count))
    return cases[cases["image_id"].isin(images)].reset_index(drop=True)


def judged_settings(maps: Maps, methods: Sequence[str], section: FaithfulnessSection) -> list[Setting]:
    """One map a method and estimator: that of the first or of the last number of steps; 0 steps where there is none."""
    chosen: dict[tuple[str, str], Setting] = {}
    for setting in maps.settings(methods, section.estimators):  # in order of their steps
        if section.judged == "last" or setting[:2] not in chosen:
            chosen[setting[:2]] = setting
    return list(chosen.values())


def planned_settings(config: Config) -> list[Setting]:
    """The maps that a study will judge, before there are any."""
    place = 0 if config.faithfulness.judged == "first" else -1
    steps = {
        "information": config.information.steps[place],
        "attention": config.attention.steps[place],
        "gradients": config.gradients.steps[place],
        "pairs": config.partial_information.steps * config.partial_information.replicates,
    }
    return [
        Setting(method, estimator, steps[Setting(method, estimator, 0).parts[0].source])
        for method in config.judged_methods
        for estimator in (config.faithfulness.estimators if METHODS[method].estimators else ("-",))
    ]


def maps_digest(maps: Maps, settings: Sequence[Setting], case_id: str) -> str:
    """What tells the maps of a case from others: a hash of their values and names."""
    digest = hashlib.sha256()
    for setting in settings:
        heat = maps.heat(case_id, setting)
        digest.update(f"{setting} ".encode())
        digest.update(heat.tobytes() if isinstance(heat, np.ndarray) else heat.status.encode())
    return digest.hexdigest()[:32]
