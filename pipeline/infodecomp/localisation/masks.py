"""The masks that maps of words are scored against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from infodecomp.config import DatasetSource
from infodecomp.datasets.annotations import open_instances
from infodecomp.datasets.folders import dataset_root, instances_file
from infodecomp.datasets.masks import load_mask
from infodecomp.maps.outcomes import Failure, Outcome
from infodecomp.pictures.images import Resize, fit_mask
from infodecomp.runs.errors import InputError


class Masks:
    """Masks of the cases of a dataset, at the size at which maps are compared with them."""

    def __init__(self, dataset: DatasetSource, size: int, resize: Resize) -> None:
        """Open the annotations of `dataset`; InputError if they cannot be read. `size`: side of the masks in pixels."""
        self._root, self._crowd = dataset_root(dataset), dataset.crowd
        instances = instances_file(dataset)
        self._instances = open_instances(instances) if instances is not None else None
        self._size, self._resize = (size, size), resize

    def of(self, case: Mapping[str, Any]) -> Outcome:
        """The mask, (size, size) bool, of a row of the cases table; a `Failure` if there is none to score against."""
        if not case["mask"]:
            return Failure("no_mask", "the case has no mask.")
        try:
            mask = self.read(case)
        except InputError as error:
            return Failure("mask_unreadable", str(error))
        return mask if mask.any() else Failure("empty_mask", f"the object covers no pixel of {self._size[0]}².")

    def read(self, case: Mapping[str, Any]) -> np.ndarray:
        """The mask, (size, size) bool, of a row that has one; InputError if it cannot be read."""
        return fit_mask(load_mask(case, self._instances, self._root, self._crowd), self._size, self._resize)
