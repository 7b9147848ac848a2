"""When the maps of a case are precise enough: the rule of `stopping: target_error`.

A look follows each number of draws in `steps`. A case ends at the first look where, for every map, the mean standard error
over cells is at most `target_error` times the range of the map, its maximum minus its minimum. This ratio is the noise that
a picture of the map shows. It is estimated from the same draws, so chance has a small influence on when a case ends.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from infodecomp.estimator.estimates import MapEstimate


def known_within(maps: Iterable[MapEstimate], target: float) -> bool:
    """Whether every map reaches `target`; a map from fewer than three draws (or ± pairs) has no standard error and does not.

    >>> from infodecomp.estimator.mean import Mean
    >>> heat, error = np.array([[0.0, 4.0]]), np.array([[0.04, 0.04]])
    >>> known_within([MapEstimate(Mean(heat, error, error, error), Mean(heat.sum(), error, error, error))], 0.02)
    True
    """
    return all(relative_error(one) <= target for one in maps)


def relative_error(estimate: MapEstimate) -> float:
    """Mean standard error of the cells over the range of the map; 0 for an exact constant map, NaN without errors.

    >>> from infodecomp.estimator.mean import Mean
    >>> heat, error = np.array([[0.0, 4.0]]), np.array([[0.5, 0.5]])
    >>> relative_error(MapEstimate(Mean(heat, error, error, error), Mean(heat.sum(), error, error, error)))
    0.125
    """
    error = float(np.mean(estimate.map_error))
    spread = float(estimate.map.max() - estimate.map.min())
    return error if error == 0 else error / spread if spread > 0 else float("inf")
