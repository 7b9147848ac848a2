"""The masks that maps of words are scored against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from infodecomp.config import DatasetSource
from infodecomp.datasets.masks import MaskSource
from infodecomp.maps.outcomes import Failure, Outcome
from infodecomp.pictures.images import Resize, fit_mask
from infodecomp.runs.errors import InputError


class CaseMask(NamedTuple):
    """The mask of a case, (size, size) bool, or why there is none; and whether it is made of filled boxes."""

    outcome: Outcome
    boxed: bool = False


class Masks:
    """Masks of the cases of a dataset, at the size at which maps are compared with them."""

    def __init__(self, dataset: DatasetSource, size: int, resize: Resize) -> None:
        """Open the annotations of `dataset`; InputError if they cannot be read. `size`: side of the masks in pixels."""
        self._source = MaskSource.of(dataset)
        self._size, self._resize = (size, size), resize

    def find(self, case: Mapping[str, Any]) -> CaseMask:
        """The mask of a row of the cases table; a `Failure` if there is none to score against."""
        if not case["mask"]:
            return CaseMask(Failure("no_mask", "the case has no mask."))
        try:
            reading = self._source.read(case)
        except InputError as error:
            return CaseMask(Failure("mask_unreadable", str(error)))
        mask = fit_mask(reading.mask, self._size, self._resize)
        if mask.any():
            return CaseMask(mask, reading.boxed)
        return CaseMask(Failure("empty_mask", f"the object covers no pixel of {self._size[0]}²."))

    def of(self, case: Mapping[str, Any]) -> Outcome:
        """The mask alone, (size, size) bool, or a `Failure`."""
        return self.find(case).outcome

    def read(self, case: Mapping[str, Any]) -> np.ndarray:
        """The mask, (size, size) bool, of a row that has one; InputError if it cannot be read."""
        return fit_mask(self._source.read(case).mask, self._size, self._resize)
