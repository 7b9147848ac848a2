"""The word pairs whose maps are drawn, chosen at even ranks of redundancy, and the maps and numbers of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config.settings import PlotPartialInformation
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.figures import pair_maps
from infodecomp.metrics.partial_information import ATOMS, decompose
from infodecomp.pairs.estimates import CONDITIONS, read_information
from infodecomp.pictures.images import Resize, fit_image, load_image

PICTURE = 128  # pixels, side of a picture in a row of maps


@dataclass(frozen=True)
class PairMapSource:
    """A dataset to draw: its tables, maps and images, how images are fitted, and how information is decomposed."""

    name: str
    cases: Path
    pairs: Path
    maps: Path
    images: Path
    resize: Resize
    settings: PlotPartialInformation


def at_even_ranks(table: pd.DataFrame, count: int) -> list[str]:
    """Case ids of `count` word pairs, from the smallest share of redundancy in the information of both words to the largest.

    table: rows of one condition. Only the rank of the share decides; equal shares are ordered by case id.
    """
    ranked = table.assign(share=table["redundancy"] / table["information_both"]).sort_values(["share", "case_id"])
    places = np.unique(np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int))
    return [str(case) for case in ranked["case_id"].to_numpy()[places]]


def map_rows(source: PairMapSource, table: pd.DataFrame, count: int) -> list[pair_maps.Row]:
    """What is drawn of each chosen word pair; empty without any pair.

    Args:
        source: the dataset.
        table: its finished rows of the decomposition, of one estimator at the level of the image.
        count: number of rows.

    Raises:
        InputError: a map or image is missing.
    """
    of_condition = {name: table[table["condition"] == name].set_index("case_id") for name in CONDITIONS}
    alone = of_condition["alone"]
    if alone.empty:
        return []
    pairs = read_pairs(source.pairs).set_index("case_id")
    prior = surprisals(read_cases(source.cases), [*alone["first"], *alone["second"]], source.settings.word_prior)
    rows = []
    for case in at_even_ranks(alone.reset_index(), count):
        pair: Any = pairs.loc[case]
        surprisal = prior[pair["first"].lower()], prior[pair["second"].lower()]
        maps = _atom_maps(source, case, surprisal)
        image = load_image(source.images / pair["image_path"], int(pair["orientation"]))
        picture = fit_image(image, (PICTURE, PICTURE), source.resize)
        rows.append(
            pair_maps.Row(
                caption=pair["prompt_full"],
                first=pair["first"],
                second=pair["second"],
                image=np.asarray(picture),
                alone=maps["alone"],
                given_rest=maps["given_rest"],
                totals=_numbers(of_condition, case, ""),
                errors=_numbers(of_condition, case, "_error"),
            )
        )
    return rows


def _atom_maps(source: PairMapSource, case: str, surprisal: tuple[float, float]) -> dict[str, np.ndarray]:
    """Condition → the four parts of i^o, cell by cell, (4, h, w), nats."""
    found = read_information(source.maps / f"{case}.npz")
    maps = {}
    for condition in CONDITIONS:
        mean = found[condition, "orthogonal"].apply(lambda one: one.mean(0))
        atoms = decompose(mean, source.settings.redundancy, surprisal)
        maps[condition] = np.stack([getattr(atoms, name) for name in ATOMS])
    return maps


def _numbers(of_condition: Mapping[str, pd.DataFrame], case: str, suffix: str) -> np.ndarray:
    return np.array([[of_condition[name].loc[case, f"{atom}{suffix}"] for atom in ATOMS] for name in CONDITIONS], float)
