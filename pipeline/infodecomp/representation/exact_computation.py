"""The exact values and curves of a description of images, as they are written."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from infodecomp.config.representation import RepresentationExactSection
from infodecomp.estimator.interval import Interval
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.descriptions import CodeDescription, Description
from infodecomp.representation.exact_files import DescriptionRecord
from infodecomp.representation.exact_information import exact_values, noised_values
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.quantities import prompt_names
from infodecomp.representation.regularisers import mmd, normal_kl
from infodecomp.runs.seeds import generator

# Codes, and draws of the prior, that are compared.
_MMD_IMAGES = 1000


def value_rows(described: DescribedImages, section: RepresentationExactSection, seed: int) -> pd.DataFrame:
    """A row an image with its pointwise values; see `exact_files.VALUE_COLUMNS`."""
    numbers = described.images.chosen("exact values", section.images, seed, held_out=False)
    found = exact_values(described.images.world, described.description, numbers, seed)
    return pd.DataFrame(
        {
            "number": numbers,
            "whole": found.whole,
            "alone": list(found.alone),
            "given_rest": list(found.given_rest),
            "factor_whole": list(found.factor_whole),
            "factor_alone": list(found.factor_alone.reshape(len(numbers), -1)),
        }
    )


def curve_rows(
    described: DescribedImages, section: RepresentationExactSection, interval: Interval, seed: int
) -> pd.DataFrame:
    """A row a prompt and log-SNR with the mean over images of I(x_α; what it knows)."""
    numbers = described.images.chosen("exact curves", section.curve_images, seed, held_out=False)
    logsnrs = np.linspace(interval.low, interval.high, section.curve_points)
    found = noised_values(described.images.world, described.description, numbers, logsnrs, seed)
    mean, error = found.mean(0), found.std(0, ddof=1) / math.sqrt(len(numbers))
    return pd.concat(
        [
            pd.DataFrame({"prompt": prompt, "logsnr": logsnrs, "value": mean[:, column], "error": error[:, column]})
            for column, prompt in enumerate(prompt_names(described.description.parts))
        ]
    )


def record_of(described: DescribedImages, seed: int) -> DescriptionRecord:
    """What is described and by what."""
    images, description = described.images, described.description
    levels = (images.world.attributes.amax(0) + 1).tolist()
    return DescriptionRecord(
        images=len(images.world),
        entropy=math.log(len(images.world)),
        parts=list(description.parts),
        factors=dict(zip(images.factors, levels, strict=True)),
        noise=isinstance(description, CodeDescription) and not description.likelihood.deterministic,
        rate=_rate(description),
        mmd=_mmd(images, description, seed),
    )


def _rate(description: Description) -> float | None:
    """E KL(q(z|x) ‖ N(0, I)), which is I(x; z) plus KL(q(z) ‖ N(0, I)): an upper bound of the information."""
    if not isinstance(description, CodeDescription) or description.likelihood.deterministic:
        return None
    return float(normal_kl(description.means, description.deviations).mean())


def _mmd(images: ImageSet, description: Description, seed: int) -> float | None:
    """The discrepancy of codes from N(0, I) by kernels of several widths, without bias."""
    if not isinstance(description, CodeDescription):
        return None
    codes = description.codes(images.chosen("discrepancy", _MMD_IMAGES, seed, held_out=False), seed)
    prior = generator(seed, "discrepancy", "prior").standard_normal(tuple(codes.shape))
    return float(mmd(codes, torch.from_numpy(prior), "multiscale"))
