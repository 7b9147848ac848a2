"""The figures of word pairs: maps of their four parts, matrices of captions, and redundancy against omission."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from infodecomp.config.settings import PlotPartialInformation
from infodecomp.figures import omissions, pair_maps, pair_matrices
from infodecomp.figures.style import sentence_figure
from infodecomp.pairs.map_rows import PairMapSource, map_rows
from infodecomp.pairs.matrices import caption_matrices
from infodecomp.pairs.omitted_words import image_weights, read_omitted

MATRICES = 6  # captions
NOTHING = "No word pair has been estimated: there is nothing to show."


def dataset_figures(source: PairMapSource, table: pd.DataFrame, rows: int) -> dict[str, Figure]:
    """Figures of one dataset by name.

    Args:
        source: the dataset.
        table: its finished rows of the decomposition, of one estimator at the level of the image.
        rows: number of word pairs whose maps are drawn.
    """
    redundancy = source.settings.redundancy
    alone = table[table["condition"] == "alone"]
    found = map_rows(source, table, rows)
    matrices = caption_matrices(alone, MATRICES)
    return {
        f"pair_maps-{source.name}": (
            pair_maps.draw(found, pair_maps.note(len(found), len(alone), source.name, redundancy))
            if found
            else sentence_figure(pair_maps.HEADING, NOTHING)
        ),
        f"pair_matrices-{source.name}": (
            pair_matrices.draw(matrices, source.name, redundancy)
            if matrices
            else sentence_figure(pair_matrices.HEADING, NOTHING)
        ),
    }


def omission_figure(omitted: Path, section: PlotPartialInformation, seed: int) -> Figure:
    """Redundancy against the change when a word is omitted. omitted: table of the omitted words. seed: of the bootstrap."""
    words = read_omitted(omitted)
    words["image"], weights = image_weights(words, section.statistics, seed)
    return omissions.draw(words, weights, section.redundancy, section.statistics.confidence)
