"""The maps of the figure: of a few images, by part, exact beside those of a trained decoder where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.figures.representation_maps import MapRow
from infodecomp.representation.estimates_table import read_images
from infodecomp.representation.quantities import alone, rest
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays

# A share of the panels of the study, since each image has many maps.
_PANELS_AN_IMAGE = 3


def shown_maps(
    tables: Mapping[str, pd.DataFrame], shards: Mapping[str, Sequence[Path]], panels: int
) -> tuple[str, list[str], list[MapRow]]:
    """The model whose maps are shown, its parts, and a row an image.

    The model is the first with a trained decoder that knows the factors, else the first. panels: of the study's figures.
    Raises InputError if no map of the model was kept.
    """
    model = _shown_model(tables["information"], tables["by_dimension"], tables["by_factor"])
    of_model = tables["by_dimension"][tables["by_dimension"]["model"] == model]
    parts = list(dict.fromkeys(of_model["part"]))
    rows: list[MapRow] = []
    folder = shards[model][0].parent / "maps"
    for case in read_images(shards[model])["case_id"]:
        arrays = read_arrays(folder / f"{case}.npz")
        if "picture" in arrays:
            rows.append(_row(arrays, parts))
        if len(rows) == max(1, panels // _PANELS_AN_IMAGE):
            break
    if not rows:
        raise InputError(f"{folder}: no image of this model has maps; run estimate_representation again.")
    return model, parts, rows


def _shown_model(information: pd.DataFrame, dimensions: pd.DataFrame, factors: pd.DataFrame) -> str:
    models = list(information["model"])
    trained = set(information["model"][information["decoder"] == "trained"])
    of_factors = [
        model
        for model in models
        if set(dimensions["part"][dimensions["model"] == model]) == set(factors["factor"][factors["model"] == model])
    ]
    return next((model for model in of_factors if model in trained), (of_factors or models)[0])


def _row(arrays: Mapping[str, np.ndarray], parts: Sequence[str]) -> MapRow:
    """Exact and the model's CMI maps; of the exact denoiser alone, MI and CMI maps."""

    def stacked(prefix: str, pair: Callable[[str], str]) -> np.ndarray:
        return np.stack([arrays[f"{prefix}map/{pair(part)}/orthogonal"] for part in parts])

    if f"exact_map/{rest(parts[0])}/orthogonal" in arrays:
        return MapRow(arrays["picture"], {"exact": stacked("exact_", rest), "model": stacked("", rest)})
    return MapRow(arrays["picture"], {"alone": stacked("", alone), "given rest": stacked("", rest)})
