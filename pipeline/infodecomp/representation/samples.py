"""Generated images in a finite world: are they images of it, do they cover it, and which were never trained on?

All images of the world are known, so that these shares say directly what FID and KID say through features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from infodecomp.representation.finite_world import FiniteWorld

# Root mean square error, on a scale of [−1, 1], up to which a sample counts as an image of the world. At 0.1 a faint glyph
# passes for a background.
VALID_RMSE = 0.04
_ROWS = 128


@dataclass(frozen=True)
class Nearest:
    """The image of the world nearest to each sample: numbers, int64 (n,), and root mean square errors, float64 (n,)."""

    number: np.ndarray
    rmse: np.ndarray

    def valid(self, threshold: float = VALID_RMSE) -> np.ndarray:
        """Which samples are images of the world, bool (n,)."""
        return np.asarray(self.rmse <= threshold)


@dataclass(frozen=True)
class SampleScores:
    """Scores of n samples; the last two are of the valid samples, NaN if there are none.

    valid: the share that are images of the world. coverage: factor → entropy of its values over the ln of their number, 1
    if all are equally frequent; of few samples a little too low, by (values − 1)/2n nats. novelty: the share whose
    combination of factors was held out of training.
    """

    count: int
    valid: float
    coverage: dict[str, float]
    novelty: float

    @property
    def valid_error(self) -> float:
        """Standard error of `valid`."""
        return math.sqrt(self.valid * (1 - self.valid) / self.count)


def nearest_images(world: FiniteWorld, samples: torch.Tensor) -> Nearest:
    """The nearest image of each sample by ‖s − x_k‖². samples: float32 (n, C, H, W), n ≥ 1, clipped to [−1, 1].

    >>> world = FiniteWorld(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), torch.tensor([[0], [1]]))
    >>> nearest_images(world, torch.tensor([0.75]).view(1, 1, 1, 1))
    Nearest(number=array([1]), rmse=array([0.25]))
    """
    numbers, errors = [], []
    for part in samples.clamp(-1, 1).split(_ROWS):
        number = (world.norms - 2 * world.products(part)).argmin(1)
        errors.append((part - world.images[number]).double().square().mean((1, 2, 3)).sqrt())
        numbers.append(number)
    return Nearest(torch.cat(numbers).numpy(), torch.cat(errors).numpy())


def sample_scores(
    nearest: Nearest,
    attributes: np.ndarray,
    levels: dict[str, int],
    held_out: np.ndarray,
    threshold: float = VALID_RMSE,
) -> SampleScores:
    """Validity, coverage and novelty of samples.

    Args:
        nearest: of the samples.
        attributes: of the world's images, int64 (K, J).
        levels: factor → the number of its values, in the order of the columns.
        held_out: bool (K,).
        threshold: up to which RMSE a sample is valid.

    >>> nearest = Nearest(np.array([0, 1, 1]), np.array([0.0, 0.01, 0.5]))
    >>> sample_scores(nearest, np.array([[0], [1]]), {"shape": 2}, np.array([False, True]))
    SampleScores(count=3, valid=0.6666666666666666, coverage={'shape': 1.0}, novelty=0.5)
    """
    valid = nearest.valid(threshold)
    numbers = nearest.number[valid]
    coverage = {
        name: _entropy_share(attributes[numbers, column], values)
        for column, (name, values) in enumerate(levels.items())
    }
    novelty = float(held_out[numbers].mean()) if len(numbers) else float("nan")
    return SampleScores(len(valid), float(valid.mean()), coverage, novelty)


@dataclass(frozen=True)
class Reconstructions:
    """How well images are recovered from their codes.

    mse: mean square error on a scale of [−1, 1]. valid: share that are images of the world. right: share whose nearest
    image is the one that was encoded, valid or not. factors: share with the right value of each factor, (J,).
    """

    mse: float
    valid: float
    right: float
    factors: np.ndarray


def reconstruction_scores(
    world: FiniteWorld, numbers: np.ndarray, reconstructed: torch.Tensor, threshold: float = VALID_RMSE
) -> Reconstructions:
    """Scores of reconstructions, float32 (n, C, H, W), of the world's images of these numbers, int64 (n,).

    They belong to the code only if everything else was drawn afresh: x_T from the inverted image carries the picture itself.
    """
    nearest = nearest_images(world, reconstructed)
    found, asked = (world.attributes[torch.from_numpy(which)].numpy() for which in (nearest.number, numbers))
    errors = reconstructed.clamp(-1, 1) - world.images[torch.from_numpy(numbers)]
    return Reconstructions(
        mse=float(errors.double().square().mean()),
        valid=float(nearest.valid(threshold).mean()),
        right=float((nearest.number == numbers).mean()),
        factors=(found == asked).mean(axis=0),
    )


def _entropy_share(values: np.ndarray, levels: int) -> float:
    if not len(values):
        return float("nan")
    shares = np.bincount(values, minlength=levels) / len(values)
    return float((shares[shares > 0] * -np.log(shares[shares > 0])).sum() / math.log(levels))
