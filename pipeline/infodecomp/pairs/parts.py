"""What each word contributes uniquely, redundantly and synergistically: maps of the parts, averaged over its word pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config.settings import GatherParts
from infodecomp.maps.rounding import rounded_map
from infodecomp.metrics.partial_information import Information
from infodecomp.metrics.word_parts import CONDITION, PARTS, average_parts
from infodecomp.pairs.estimates import ESTIMATORS, read_information
from infodecomp.runs.storage import write_arrays

# One row per case of the dataset. pairs: case_id of each of its word pairs that has an estimate.
PARTS_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("case_id", "status", "reason"), "string"),
    "pairs": "list<string>",
}


def write_parts(
    case: Any,
    pairs: pd.DataFrame,
    pair_maps: Path,
    maps: Path,
    section: GatherParts,
    prior: Mapping[str, float],
) -> dict[str, Any]:
    """Write the maps of a case if one of its word pairs has an estimate; its row of `PARTS_COLUMNS`.

    Args:
        case: its row of the cases table.
        pairs: all word pairs of the dataset with their status, from `estimates.read_shards`.
        pair_maps: folder of <case_id>.npz of the word pairs.
        maps: folder for <case_id>.npz of the cases.
        section: which redundancy.
        prior: word in lower case → surprisal, nats.
    """
    of_case = pairs[(pairs["case_first"] == case.case_id) | (pairs["case_second"] == case.case_id)]
    estimated = of_case[of_case["status"] == "ok"]
    if not estimated.empty:
        write_arrays(maps / f"{case.case_id}.npz", _arrays(case, estimated, pair_maps, section, prior))
    return {"case_id": case.case_id, **_status(case, of_case), "pairs": list(estimated["case_id"])}


def parts_summary(table: pd.DataFrame) -> str:
    """How many words have parts, and why others have none: one line each. table: rows of `PARTS_COLUMNS`."""
    counts = table["status"].value_counts()
    finished = counts.pop("ok") if "ok" in counts else 0
    lost = [f"{status}: {count}" for status, count in counts.items()]
    return "\n".join([f"{finished} of {len(table)} words have parts", *lost])


def _arrays(
    case: Any, pairs: pd.DataFrame, folder: Path, section: GatherParts, prior: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """<part>/<estimator>/<draws>: (h, w) float32, nats; pair_draws: the number of draws of all its pairs together."""
    arrays: dict[str, np.ndarray] = {"pair_draws": np.array(int(pairs["draws"].sum()))}
    draws = int(pairs["draws"].max())
    for estimator in ESTIMATORS:
        parts = average_parts(_means(pairs, folder, estimator), section.map_redundancy, prior)[case.case_id]
        arrays |= {f"{part}/{estimator}/{draws}": rounded_map(parts[part]) for part in PARTS}
    return arrays


def _means(pairs: pd.DataFrame, folder: Path, estimator: str) -> Iterator[tuple[Any, Information]]:
    """Each word pair with its information, the mean over replicates."""
    for pair in pairs.itertuples(index=False):
        replicates = read_information(folder / f"{pair.case_id}.npz")[CONDITION, estimator]
        yield pair, replicates.apply(lambda maps: maps.mean(0))


def _status(case: Any, pairs: pd.DataFrame) -> dict[str, str]:
    """Status and reason of a case: its own; that it has no pair; or that of its pairs if all of them failed."""
    if case.status != "ok":
        return {"status": case.status, "reason": case.reason}
    if pairs.empty:
        return {"status": "no_pair", "reason": "the word is in no word pair."}
    if (pairs["status"] == "ok").any():
        return {"status": "ok", "reason": ""}
    return {"status": str(pairs["status"].iloc[0]), "reason": str(pairs["reason"].iloc[0])}
