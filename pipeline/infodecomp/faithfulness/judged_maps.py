"""Which cases of a dataset have their maps judged, and which of their maps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.config import JudgingSection
from infodecomp.datasets.cases import read_cases
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps

# Prefixes of the keys of maps in the file of a judged case: as recorded, made again with another seed, and made again with
# the weights shuffled.
RECORDED, SEED, WEIGHTS = "recorded/", "seed/", "weights/"


def read_judged_cases(path: Path, count: int) -> pd.DataFrame:
    """The first `count` cases of a cases table and all other cases of their images, in the order of the table."""
    cases = read_cases(path).sort_values("position", kind="stable")
    images = set(cases.loc[cases["status"] == "ok", "image_id"].head(count))
    return cases[cases["image_id"].isin(images)].reset_index(drop=True)


def judged_settings(maps: Maps, methods: Sequence[str], section: JudgingSection) -> list[Setting]:
    """One map per method and estimator: that of the first or last number of steps, or 0 steps if there is none."""
    chosen: dict[tuple[str, str], Setting] = {}
    for setting in maps.settings(methods, section.estimators):  # in order of their steps
        if section.judged == "last" or setting[:2] not in chosen:
            chosen[setting[:2]] = setting
    return list(chosen.values())


def maps_digest(maps: Maps, settings: Sequence[Setting], case_id: str) -> str:
    """A hash of the values and names of a case's maps, which changes when one of them does."""
    digest = hashlib.sha256()
    for setting in settings:
        heat = maps.heat(case_id, setting)
        digest.update(f"{setting} ".encode())
        digest.update(heat.tobytes() if isinstance(heat, np.ndarray) else heat.status.encode())
    return digest.hexdigest()[:32]
