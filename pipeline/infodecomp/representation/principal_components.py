"""Principal components of images as a code: the linear encoder that keeps most of the variance, trained by nobody."""

from __future__ import annotations

import numpy as np
import torch

from infodecomp.runs.seeds import generator

# Multiplications by the covariance, and directions beside the wanted ones, of the randomised subspace iteration.
_ROUNDS, _MORE = 6, 8


def principal_components(images: torch.Tensor, dimensions: int) -> torch.Tensor:
    """Scores of the leading components, each of unit variance over the images, float64 (K, dimensions).

    images: (K, C, H, W). Found by randomised subspace iteration (Halko, Martinsson and Tropp, SIAM Review 53, 2011); a
    component points to where its largest weight is positive, so that the result is the same on every machine up to rounding.

    >>> images = torch.tensor([[-3.0, 0.1], [3.0, -0.1], [1.0, 1.0], [-1.0, -1.0]]).view(4, 1, 1, 2)
    >>> principal_components(images, 1).flatten().round(decimals=2).tolist()
    [-1.33, 1.33, 0.48, -0.48]
    """
    flat = images.flatten(1)
    centred = flat - flat.mean(0)
    start = generator(0, "principal components").standard_normal((centred.shape[1], dimensions + _MORE))
    basis = torch.from_numpy(np.asarray(start[:, : centred.shape[1]])).to(centred)
    for _ in range(_ROUNDS):
        basis = torch.linalg.qr(centred.T @ (centred @ basis)).Q
    scores = (centred @ basis).double()
    _, vectors = torch.linalg.eigh(scores.T @ scores)
    vectors = vectors[:, -dimensions:].flip(1)
    weights = basis.double() @ vectors
    largest = weights.gather(0, weights.abs().argmax(0, keepdim=True))
    found = scores @ vectors * largest.sign()
    return found / found.square().mean(0).sqrt()
