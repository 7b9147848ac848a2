"""A word's map over the picture: opacity follows the heat, so that cold areas stay the picture's."""

from __future__ import annotations

import numpy as np
from PIL import Image

from infodecomp.explaining.explanation import Explanation, Key
from infodecomp.explaining.kinds import ORTHOGONAL, Kind, kind_of, word_of
from infodecomp.figures.style import colour_map
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.runs.errors import InputError

PALETTE = "plasma"
OPACITY = 0.9  # of the hottest cell

# Longest side, in pixels, up to which small pictures are enlarged by whole numbers.
_SIDE = 512


def word_overlay(
    explanation: Explanation,
    word: Key,
    *,
    method: str = "cmi",
    estimator: str = ORTHOGONAL,
    palette: str = PALETTE,
    opacity: float = OPACITY,
    own_scale: bool = False,
) -> Image.Image:
    """The picture with a word's map over it.

    A cell at the lowest value (zero, for information) is transparent, the hottest one of the scale has `opacity`, and
    between them opacity is proportional to the value. Where values below zero have a meaning, it is proportional to their
    size.

    Args:
        explanation: of the picture.
        word: its key, such as "dog" or ("dog", 1).
        method: key of a quantity ("cmi", "mi") or of another method with maps ("attention").
        estimator: "orthogonal" or "standard", for quantities.
        palette: a Matplotlib colour map; signed maps have their own, with zero in its middle.
        opacity: of the hottest cell, 0 to 1.
        own_scale: whether the hottest cell of this word has the hottest colour, so that a word that carries next to
            nothing has a map too; else all words of the caption are on one scale, and can be compared.

    Returns:
        RGB, of the picture's size; pictures of less than 512 pixels are enlarged by a whole number.

    Raises:
        InputError: there is no such word, map or colour map, or the opacity is not in [0, 1].
    """
    if not 0 <= opacity <= 1:
        raise InputError(f"opacity is {opacity!r}; it must be from 0, invisible, to 1, opaque.")
    kind, found = kind_of(explanation, method, estimator), word_of(explanation, word)
    heat = kind.heat(found)
    if heat is None:
        raise InputError(f"the word {word!r} has no map of {kind.label}: {found.reason or 'it was not computed'}.")
    every = [other for each in explanation.words if (other := kind.heat(each)) is not None]
    scale = kind.scale([heat] if own_scale else every)
    height, width = explanation.picture.shape[:2]
    factor = max(1, _SIDE // max(height, width))
    picture = explanation.picture.repeat(factor, 0).repeat(factor, 1)
    colours = coloured(upsample_bilinear(heat.astype(np.float64), picture.shape[:2]), kind, scale, palette)
    share = opacity * colours[..., 3:]
    return Image.fromarray(np.rint(255 * share * colours[..., :3] + (1 - share) * picture).astype(np.uint8))


def coloured(heat: np.ndarray, kind: Kind, scale: tuple[float, float], palette: str) -> np.ndarray:
    """Colours and opacity of a map (h, w): (h, w, 4) in [0, 1], opaque where it is hottest."""
    share = np.clip((heat - scale[0]) / (scale[1] - scale[0]), 0.0, 1.0)
    colours = np.array(colour_map(kind.palette(palette))(share), dtype=np.float64)
    colours[..., 3] = opacities(share, kind)
    return colours


def opacities(share: np.ndarray, kind: Kind) -> np.ndarray:
    """Opacity in [0, 1] at each share of the scale: that share, or the distance from its middle if it is signed."""
    return np.abs(2 * share - 1) if kind.signed else share
