"""How good samples are, as a table: one row a model, a sampler and a score.

validity, coverage and novelty in a finite world; FID and KID for all, by the network of features that the score names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from infodecomp.representation.fidelity import fidelity, image_features, real_features
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.quality_columns import SAMPLE_COLUMNS
from infodecomp.representation.samples import (
    Reconstructions,
    nearest_images,
    reconstruction_scores,
    sample_scores,
)

_NONE = float("nan")


@dataclass(frozen=True)
class KnownWorld:
    """A finite world for judging samples: factor → number of values, in the order of its attributes; held_out: bool (K,)."""

    world: FiniteWorld
    levels: Mapping[str, int]
    held_out: np.ndarray


@dataclass(frozen=True)
class RealSet:
    """Real images, float32 (n, C, h, w) in [−1, 1], and networks of features by name."""

    images: torch.Tensor
    networks: Mapping[str, nn.Module]


def sample_rows(
    model: str, samples: Mapping[str, torch.Tensor], known: KnownWorld | None, real: RealSet, seed: int
) -> pd.DataFrame:
    """The rows of a model, with `SAMPLE_COLUMNS`.

    Args:
        model: its name.
        samples: sampler → images, float32 (n, C, h, w).
        known: the finite world, if the images are of one.
        real: what samples are compared with; sets that hold the same images are refused.
        seed: of the subsets of KID.
    """
    rows: list[tuple[object, ...]] = []
    for sampler, images in samples.items():
        found = [] if known is None else _in_world(images, known)
        rows += [(model, sampler, *row, len(images)) for row in found]
    for name, network in real.networks.items():
        features = real_features(network, real.images, list(samples.values()))
        for sampler, images in samples.items():
            distance = fidelity(features, image_features(network, images), seed)
            rows.append((model, sampler, f"fid_{name}", "", distance.fid, _NONE, len(images)))
            rows.append((model, sampler, f"kid_{name}", "", distance.kid, distance.kid_spread, len(images)))
    return pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS)).astype({"samples": "int64", "value": "float64"})


def reconstruction_rows(
    model: str, sampler: str, numbers: np.ndarray, images: torch.Tensor, known: KnownWorld
) -> pd.DataFrame:
    """The rows of reconstructions of the world's images of these numbers, int64 (n,)."""
    found: Reconstructions = reconstruction_scores(known.world, numbers, images)
    shares = {"valid": found.valid, "right": found.right}
    rows: list[tuple[object, ...]] = [(model, sampler, "mse", "", found.mse, _NONE, len(images))]
    rows += [
        (model, sampler, name, "", share, _share_error(share, len(images)), len(images))
        for name, share in shares.items()
    ]
    for factor, share in zip(known.levels, found.factors.tolist(), strict=True):
        rows.append((model, sampler, "right", factor, share, _share_error(share, len(images)), len(images)))
    return pd.DataFrame(rows, columns=list(SAMPLE_COLUMNS))


def _in_world(images: torch.Tensor, known: KnownWorld) -> list[tuple[str, str, float, float]]:
    attributes = known.world.attributes.numpy()
    found = sample_scores(nearest_images(known.world, images), attributes, dict(known.levels), known.held_out)
    valid = max(round(found.valid * found.count), 1)
    return [
        ("valid", "", found.valid, found.valid_error),
        ("novelty", "", found.novelty, _share_error(found.novelty, valid)),
        *(("coverage", factor, share, _NONE) for factor, share in found.coverage.items()),
    ]


def _share_error(share: float, count: int) -> float:
    return float(np.sqrt(share * (1 - share) / count))
