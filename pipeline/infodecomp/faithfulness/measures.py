"""Measures of every judged map (`infodecomp.metrics.faithfulness`): areas under its curves, and likeness to other maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.config import JudgingSection
from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import read_edit_maps, read_edits
from infodecomp.faithfulness.judged_maps import RECORDED, SEED, WEIGHTS, judged_settings, read_judged_cases
from infodecomp.maps.outcomes import read_statuses
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.methods import SOURCES
from infodecomp.metrics.faithfulness import AREAS, CURVES, MEASURES, QUANTITIES, area, likeness
from infodecomp.runs.storage import read_arrays


class OmissionChanges:
    """How the latents of a dataset's cases changed when their word was left out of the prompt, from the editing study."""

    def __init__(self, cases: Path, edits: Sequence[Path], maps: Path) -> None:
        found = read_edits(edits, read_cases(cases))
        self._done = set(found.loc[found["status"] == "ok", "case_id"])
        self._maps = maps

    def of(self, case_id: str) -> np.ndarray | None:
        """The map of change of the latent, (h, w); None for a case that was not edited."""
        if case_id not in self._done:
            return None
        return read_edit_maps(self._maps / f"{case_id}.npz", swapped=False).change["latent_l2", "omit"]


@dataclass(frozen=True)
class MeasuredMaps:
    """Measures of the maps of one dataset.

    cases: the judged ones; image: (n,) int64, number of the image of each; settings: of the maps.

    values: (n, maps, measures) float64, NaN if unknown. curves: (curve, quantity) → (n, maps, shares) float64, in nats.
    fractions: (shares,), from 0 to 1.
    """

    name: str
    cases: pd.DataFrame
    image: np.ndarray
    settings: Sequence[Setting]
    values: np.ndarray
    curves: Mapping[tuple[str, str], np.ndarray]
    fractions: np.ndarray


def measure_maps(
    name: str,
    table: Path,
    shards: Sequence[Path],
    folder: Path,
    changes: OmissionChanges | None,
    methods: Sequence[str],
    section: JudgingSection,
    seed: int,
) -> MeasuredMaps:
    """Every measure of every map of a dataset's judged cases.

    Args:
        name: of the dataset.
        table: its cases table.
        shards, folder: tables and <case_id>.npz of judge_maps.
        changes: of its edits, if it has them.
        methods: whose maps are judged.
        section: which cases, maps and shares.
        seed: of the study; it pairs images for the method shuffled.
    """
    cases = read_judged_cases(table, section.cases)
    statuses = dict.fromkeys(SOURCES, read_statuses(shards))
    recorded, again, forgotten = (
        Maps(cases, statuses, {"information": folder}, seed, part) for part in (RECORDED, SEED, WEIGHTS)
    )
    settings = judged_settings(recorded, methods, section)
    fractions = np.array([0.0, *section.fractions, 1.0])
    shape = (len(cases), len(settings))
    values = np.full((*shape, len(MEASURES)), np.nan)
    curves = {key: np.full((*shape, len(fractions)), np.nan) for key in product(CURVES, QUANTITIES)}
    for row, case_id in enumerate(cases["case_id"]):
        path = folder / f"{case_id}.npz"
        if statuses["information"].get(case_id, 0) is not None or not path.is_file():
            continue
        arrays, change = read_arrays(path), changes.of(case_id) if changes else None
        for column, setting in enumerate(settings):
            for (curve, quantity), nats in curves.items():
                nats[row, column] = arrays.get(f"{curve}/{quantity}/{setting}", np.nan)
            heat = recorded.heat(case_id, setting)
            if isinstance(heat, np.ndarray):
                alike = [_likeness(heat, other.heat(case_id, setting)) for other in (again, forgotten)]
                found = {
                    **{
                        name: area(fractions, nats[row, column], name)
                        for name, nats in zip(AREAS, _in_order(curves), strict=True)
                    },
                    "editing": _likeness(heat, change),
                    **dict(zip(("stability", "weights"), alike, strict=True)),
                    "sanity": alike[0] - alike[1],
                }
                values[row, column] = [found[measure] for measure in MEASURES]
    image, _ = pd.factorize(cases["image_id"], sort=True)
    return MeasuredMaps(name, cases, image, settings, values, curves, fractions)


def _in_order(curves: Mapping[tuple[str, str], np.ndarray]) -> Iterator[np.ndarray]:
    """The curves in the order of `AREAS`."""
    yield from (curves[curve, quantity] for quantity in QUANTITIES for curve in CURVES)


def _likeness(heat: np.ndarray, other: object) -> float:
    return likeness(heat, other) if isinstance(other, np.ndarray) else float("nan")
