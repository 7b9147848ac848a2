"""Prepare heat maps for scoring and drawing: bilinear upsampling, min-max scaling, block means."""

from __future__ import annotations

import numpy as np


def upsample_bilinear(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear interpolation of a map to another size.

    Output pixel i lies at (i + ½)·h/height − ½ on the input axis, clamped to the outermost input pixels: the
    convention of `torch.nn.functional.interpolate(mode="bilinear", align_corners=False)`.

    Args:
        heat: (h, w), any unit, floating point.
        size: (height, width) of the result.

    Returns:
        (height, width), same unit and dtype.

    >>> upsample_bilinear(np.array([[0.0, 1.0]]), (1, 4)).tolist()
    [[0.0, 0.25, 0.75, 1.0]]
    """
    height, width = size
    # Width first, while there are few rows; the large step then copies whole rows.
    across = np.ascontiguousarray(_interpolate_rows(np.ascontiguousarray(heat.T), width).T)
    return _interpolate_rows(across, height)


def _interpolate_rows(values: np.ndarray, target: int) -> np.ndarray:
    """Linear interpolation along the first axis: (n, m) → (target, m)."""
    source = len(values)
    position = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0.0, source - 1.0)
    lower = np.floor(position).astype(np.int64)
    upper = np.minimum(lower + 1, source - 1)
    share = (position - lower)[:, None].astype(values.dtype)
    result = values[upper] - values[lower]
    result *= share
    result += values[lower]
    return result


def is_constant(heat: np.ndarray) -> bool:
    """Whether all values of a map are equal.

    >>> is_constant(np.zeros((2, 2)))
    True
    """
    return bool(heat.max() == heat.min())


def min_max(heat: np.ndarray) -> np.ndarray:
    """Scale a map to [0, 1]: (x − min) / (max − min).

    Args:
        heat: any shape, any unit, floating point.

    Returns:
        same shape and dtype, dimensionless.

    Raises:
        ValueError: the map is constant or not finite.

    >>> min_max(np.array([2.0, 3.0, 4.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    low, high = heat.min(), heat.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("a heat map with non-finite values cannot be scaled to [0, 1]")
    if low == high:
        raise ValueError("a constant heat map cannot be scaled to [0, 1]")
    return (heat - low) / (high - low)


def geometric_mean(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pixel-wise √(a·b) of two min-max-scaled maps: high only where both are.

    The second map is interpolated to the shape of the first if they differ.

    Args:
        first, second: (h, w), any units.

    Returns:
        shape of `first`, in [0, 1].

    Raises:
        ValueError: a map is constant or not finite.

    >>> geometric_mean(np.array([[0.0, 1.0, 4.0]]), np.array([[0.0, 4.0, 4.0]])).tolist()
    [[0.0, 0.5, 1.0]]
    """
    if second.shape != first.shape:
        second = upsample_bilinear(second, (first.shape[0], first.shape[1]))
    return np.sqrt(min_max(first) * min_max(second))


def cell_means(values: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Mean over the block of pixels in each cell of a coarser grid: (H, W) → (h, w).

    Raises:
        ValueError: H and W are not multiples of h and w.

    >>> cell_means(np.array([[1.0, 3.0, 5.0, 7.0]]), (1, 2)).tolist()
    [[2.0, 6.0]]
    """
    (height, width), (rows, columns) = values.shape, grid
    if height % rows or width % columns:
        raise ValueError(
            f"a picture of {height} x {width} pixels does not divide into a grid of {rows} x {columns} cells"
        )
    return values.reshape(rows, height // rows, columns, width // columns).mean(axis=(1, 3))
