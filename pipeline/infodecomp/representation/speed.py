"""How fast this machine estimates what a description says, and draws with it, timed on a few rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from infodecomp.estimator.adaptive_density import pilot_draws
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.models.batch_size import ON_CPU
from infodecomp.models.speed import Speed
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.quantities import information_pairs
from infodecomp.representation.sampled_models import OpenedModel
from infodecomp.runs.seeds import generator

# Log-SNRs at which small pictures carry their information.
_INTERVAL = Interval(-7.0, 1.0, -3.0, 1.5)
_DRAWS, _ROWS = 6, 32


def estimation_speed(described: DescribedImages, device: str, start_up: float) -> Speed:
    """The speed of estimates, on a few draws of one image. start_up: seconds that opening the images took."""
    pairs = list(information_pairs(described.description.parts).values())
    draws = pilot_draws(described.images.shape, _DRAWS, _INTERVAL, generator(0, "speed"))

    def run() -> int:
        image, prompts = described.images.world.images[0], described.prompts(0, 0)
        return estimate(described.predict, image, prompts, pairs, draws, ON_CPU).evaluations

    return _speed(run, described.images.shape, device, start_up)


def drawing_speed(model: OpenedModel, shape: tuple[int, int, int], device: str, start_up: float) -> Speed | None:
    """The speed of samples; None for an autoencoder, which draws a picture at once."""
    denoiser = model.sampled.denoiser
    if denoiser is None:
        return None
    x = torch.from_numpy(generator(0, "speed").standard_normal((_ROWS, *shape))).float()

    def run() -> int:
        denoiser(x, torch.full((_ROWS,), -3.0, dtype=torch.float64), model.sampled.nothing.expand(_ROWS))
        return _ROWS

    return _speed(run, shape, device, start_up)


def _speed(run: Callable[[], int], shape: tuple[int, int, int], device: str, start_up: float) -> Speed:
    """run: returns its number of evaluations, all of which have then been done."""
    run()
    started = time.perf_counter()
    evaluations = run()
    seconds = (time.perf_counter() - started) / evaluations
    return Speed(device, ON_CPU, seconds, seconds, start_up, shape, shape[-1])
