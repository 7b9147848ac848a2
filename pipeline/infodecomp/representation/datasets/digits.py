"""The 1,797 handwritten digits of 8×8 that scikit-learn ships: they need no network. Source: UCI, Alpaydin, Kaynak, 1998."""

from __future__ import annotations

import numpy as np

from infodecomp.representation.datasets.records import Attribute, Given, ImageRecords, in_memory, numbered

_WHITE = 16  # the largest grey of the set


def read_digits(given: Given) -> ImageRecords:
    """All digits, greys 0 to 16 scaled to 0 to 255; there is no published split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    greys = np.rint(digits.images * (255 / _WHITE)).astype(np.uint8)
    return ImageRecords(
        names=numbered(len(greys)),
        pictures=in_memory(greys),
        attributes={"digit": Attribute(digits.target.astype(np.int64), tuple("0123456789"))},
    )
