"""The embedded world of 18,000 pictures, every combination of six factors: drawn on demand, nothing is read."""

from __future__ import annotations

import numpy as np

from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords, in_memory, numbered
from infodecomp.representation.factor_world import FACTORS, draw_images, factor_table, split


def read_factors(given: Given) -> ImageRecords:
    """All pictures with their factors; a tenth of the combinations, by the seed, is held out."""
    table = factor_table()
    _, held_out = split(given.seed)
    return ImageRecords(
        names=numbered(len(table)),
        pictures=in_memory(draw_images().transpose(0, 2, 3, 1)),
        attributes={
            name: Attribute(column, tuple(map(str, values)))
            for (name, values), column in zip(FACTORS.items(), table.T, strict=True)
        },
        held_out=np.isin(np.arange(len(table)), held_out),
    )
