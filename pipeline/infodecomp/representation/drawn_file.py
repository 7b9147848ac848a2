"""The file of what a model drew: an npz of 8-bit images, and which images they were made of.

sample/<sampler>, (count, C, h, w); reconstruction/code and reconstruction/inverted, (n, C, h, w), with reconstructed, int64
(n,), the images' numbers; traversal, (dimensions, values, C, h, w), with values; way/<what changes>, (shares, C, h, w), with
shares; shown, (2, C, h, w), the images between which these ways lead and whose first has the code that is traversed. A model
draws what it can.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from infodecomp.config.representation_samples import RepresentationSamplesSection
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.sampled_images import SampledImages
from infodecomp.representation.sampled_models import OpenedModel
from infodecomp.runs.storage import read_arrays

SAMPLE, RECONSTRUCTION, WAY = "sample/", "reconstruction/", "way/"
CODE, INVERTED = "code", "inverted"


def drawn_arrays(
    model: OpenedModel, images: ImageSet, section: RepresentationSamplesSection, seed: int
) -> dict[str, np.ndarray]:
    """All that the model draws, as it is kept. Images that are reconstructed are held out."""
    drawn = SampledImages(model.sampled, section, seed)
    arrays = {
        f"{SAMPLE}{name}": eight_bits(drawn.samples(name))
        for name in section.samplers
        if name in model.sampled.samplers
    }
    numbers = images.chosen("reconstructed", section.count, seed, held_out=True)
    if (known := model.known(numbers, seed)) is None:
        return arrays
    arrays["reconstructed"] = np.array(numbers)
    arrays[f"{RECONSTRUCTION}{CODE}"] = eight_bits(drawn.reconstructions(known))
    if model.sampled.denoiser is not None:
        arrays[f"{RECONSTRUCTION}{INVERTED}"] = eight_bits(drawn.inverted(images.world.images[numbers], known))
    if model.sampled.encode is not None:
        arrays["traversal"] = eight_bits(drawn.traversals(model.sampled.encode(images.world.images[numbers[:1]])[0]))
        arrays |= {"values": np.array(section.traversals), "shares": np.array(drawn.shares)}
        ways = drawn.interpolations(images.world.images[numbers[:2]])
        arrays |= {f"{WAY}{name}": eight_bits(found) for name, found in ways.items()}
        arrays["shown"] = eight_bits(images.world.images[numbers[:2]])
    return arrays


def read_drawn(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file; InputError if it is missing or damaged."""
    return read_arrays(path)


def images_of(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, torch.Tensor]:
    """The images whose names begin so, float32 in [−1, 1], by the rest of their names."""
    return {
        name.removeprefix(prefix): torch.from_numpy(array).float() / 127.5 - 1
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def eight_bits(images: torch.Tensor) -> np.ndarray:
    """Images in [−1, 1], clipped to it, as uint8.

    >>> eight_bits(torch.tensor([-1.0, 0.0, 2.0])).tolist()
    [0, 128, 255]
    """
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
