"""Judge a model by its codes and by what it drew: the rows of both tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import nn

from infodecomp.config.representation_samples import RepresentationJudgingSection
from infodecomp.representation import factor_world
from infodecomp.representation.descriptions import CodeDescription
from infodecomp.representation.disentanglement import Scoring
from infodecomp.representation.drawn_file import RECONSTRUCTION, SAMPLE, images_of
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.quality import JudgedImages, code_quality
from infodecomp.representation.quality_columns import QUALITY_COLUMNS
from infodecomp.representation.sample_quality import KnownWorld, RealSet, reconstruction_rows, sample_rows
from infodecomp.representation.sampled_models import OpenedModel

# Of the images whose codes are judged.
HELD_OUT_SHARE = 0.3


def judged_codes(
    name: str, model: OpenedModel, images: ImageSet, section: RepresentationJudgingSection, seed: int
) -> pd.DataFrame:
    """The rows of the codes z and μ, with `QUALITY_COLUMNS`; none for a model without a code."""
    if not isinstance(model.description, CodeDescription):
        return pd.DataFrame(columns=list(QUALITY_COLUMNS)).astype({"value": float, "error": float, "images": "int64"})
    numbers, judged = judged_images(images, section.images, seed)
    codes = {
        "z": model.description.codes(numbers, seed).numpy(),
        "mu": model.description.means[numbers].double().numpy(),
    }
    return code_quality(name, codes, judged, Scoring(section.learners, section.repeats, seed))


def judged_images(images: ImageSet, count: int, seed: int) -> tuple[list[int], JudgedImages]:
    """Numbers of `count` images, three tenths of them held out, and what is known of them."""
    among = np.zeros(len(images.world), dtype=bool)
    among[images.held_out] = True
    order = np.array(images.chosen("probed", len(images.world), seed, held_out=False))
    held = order[among[order]][: round(HELD_OUT_SHARE * count)]
    numbers = np.sort(np.concatenate([order[~among[order]][: count - len(held)], held]))
    attributes = images.world.attributes.numpy()[numbers]
    classes = {factor: attributes[:, place] for place, factor in enumerate(images.factors)}
    measures = {
        factor: np.array(values, dtype=np.float64)[classes[factor]]
        for factor, values in (factor_world.FACTORS.items() if images.name == "factors" else ())
        if not isinstance(values[0], str)
    }
    return numbers.tolist(), JudgedImages(classes, measures, among[numbers])


def judged_samples(
    name: str,
    arrays: Mapping[str, np.ndarray],
    images: ImageSet,
    networks: Mapping[str, nn.Module],
    section: RepresentationJudgingSection,
    seed: int,
) -> pd.DataFrame:
    """The rows of samples and reconstructions, with `SAMPLE_COLUMNS`.

    Args:
        name: of the model.
        arrays: of `drawn_file`.
        images: the world that samples should be of; those to train on are what FID and KID compare with.
        networks: of features, by name.
        section: how many real images.
        seed: chooses them.
    """
    held_out = np.zeros(len(images.world), dtype=bool)
    held_out[images.held_out] = True
    levels = dict(zip(images.factors, (images.world.attributes.amax(0) + 1).tolist(), strict=True))
    known = KnownWorld(images.world, levels, held_out)
    order = images.chosen("real", len(images.world), seed, held_out=False)
    real = torch.tensor([number for number in order if not held_out[number]][: section.real])
    rows = [sample_rows(name, images_of(arrays, SAMPLE), known, RealSet(images.world.images[real], networks), seed)]
    for what, found in images_of(arrays, RECONSTRUCTION).items():
        rows.append(reconstruction_rows(name, f"reconstruction, {what}", arrays["reconstructed"], found, known))
    return pd.concat(rows, ignore_index=True)
