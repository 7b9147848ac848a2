"""The precision at which maps are stored: a millionth of the largest value, as float32 whose last bits are zero.

Those bits are far below a map's own standard error, look like noise, and would take up most of a compressed file.
"""

from __future__ import annotations

import numpy as np

# Steps between zero and the power of two at or below the largest value: 2^19, so that no value moves by more than half a
# step, 2^-20 of the largest. Up to 2^20 steps are exact in float32.
_STEPS = 19


def rounded_map(values: np.ndarray) -> np.ndarray:
    """Round to the nearest multiples of one power of two: max |rounded − value| ≤ 2^-20 · max |value|.

    values: (…) of any float type, in any unit. Returns float32. Values whose largest is not finite are only converted.
    """
    largest = float(np.abs(values).max(initial=0.0))
    if not 0 < largest < np.inf:
        return values.astype(np.float32)
    step = 2.0 ** (np.frexp(largest)[1] - 1 - _STEPS)
    return (np.round(values.astype(np.float64) / step) * step).astype(np.float32)
