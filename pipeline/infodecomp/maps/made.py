"""Maps computed from recorded ones: one function a method, named as the method's row in `infodecomp.methods`.

A function gets the recorded maps around a case at one number of draws and returns a map (h, w). It need not check for maps
that are missing, constant or not finite: asking for such a map ends the function, and the case gets a row with the reason.
So does a result that is constant or not finite.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from infodecomp.metrics.heatmaps import geometric_mean, min_max


class CaseMaps(Protocol):
    """The recorded maps around one case. `key`: a method and an estimator, such as "cmi/orthogonal"."""

    def own(self, key: str) -> np.ndarray:
        """The case's own map (h, w)."""

    def of_other_words(self, key: str) -> list[np.ndarray]:
        """The maps (h, w) of the other words of its image; at least one."""

    def of_another_image(self, key: str) -> np.ndarray:
        """The map (h, w) of a word of another image, always the same one."""


def shuffled(maps: CaseMaps) -> np.ndarray:
    """Control: the CMI map of another image, for a case that has one itself."""
    maps.own("cmi/orthogonal")
    return maps.of_another_image("cmi/orthogonal")


def saliency(maps: CaseMaps) -> np.ndarray:
    """Control: mean of the scaled MI maps of the image's other words, in [0, 1]."""
    maps.own("mi/orthogonal")
    scaled: np.ndarray = np.mean([min_max(heat) for heat in maps.of_other_words("mi/orthogonal")], axis=0)
    return scaled


def cmi_times_attention(maps: CaseMaps) -> np.ndarray:
    """Geometric mean of the scaled maps of CMI and attention, in [0, 1]."""
    return geometric_mean(maps.own("cmi/orthogonal"), maps.own("attention_information/-"))
