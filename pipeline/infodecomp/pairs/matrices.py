"""The captions with the most words, with redundancy and synergy of every two of their words as matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from infodecomp.figures.pair_matrices import Matrix


def caption_matrices(table: pd.DataFrame, most: int) -> list[Matrix]:
    """At most `most` captions, those with the most words first.

    table: rows of one condition, estimator and level.
    """
    found = []
    for (_, caption), rows in table.groupby(["image_id", "caption"], sort=False):
        words = sorted({*rows["first"], *rows["second"]}, key=lambda word: (str(caption).find(word), word))
        place = {word: number for number, word in enumerate(words)}
        redundancy, synergy = (np.full((len(words), len(words)), np.nan) for _ in range(2))
        information = np.full(len(words), np.nan)
        for row in rows.to_dict("records"):
            first, second = place[row["first"]], place[row["second"]]
            redundancy[first, second] = redundancy[second, first] = row["redundancy"]
            synergy[first, second] = synergy[second, first] = row["synergy"]
            information[first], information[second] = row["information_first"], row["information_second"]
        found.append(Matrix(str(caption), words, redundancy, synergy, information))
    return sorted(found, key=lambda matrix: -len(matrix.words))[:most]
