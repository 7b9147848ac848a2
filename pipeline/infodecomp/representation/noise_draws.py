"""The draws (α, ε) of an image, from a density fitted to a pilot with the exact denoiser."""

from __future__ import annotations

import math
from typing import Any, Literal

from infodecomp.estimator.adaptive_density import AdaptiveDensity, fit_density, integrand_squares, pilot_draws
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.noise_range import exact_interval
from infodecomp.representation.quantities import information_pairs
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator

# Images whose curve sets the range, and draws of an image of the pilot.
_CURVE_IMAGES, PILOT_DRAWS = 64, 24


def integration_range(described: DescribedImages, given: Literal["exact"] | tuple[float, float], seed: int) -> Interval:
    """The log-SNRs of the integral: two given numbers, or where the images' entropy shows; within those of the decoder.

    Raises InputError if the decoder was trained on none of them.
    """
    images, (first, last) = described.images, _trained_range(described)
    if given == "exact":
        chosen = images.chosen("range", _CURVE_IMAGES, seed, held_out=False)
        wide = exact_interval(images.world, chosen, seed)
    else:
        low, high = given
        wide = Interval(low, high, (low + high) / 2, (high - low) / 6)
    found = Interval(max(wide.low, first), min(wide.high, last), wide.loc, wide.scale)
    if not found.low < found.high:
        raise InputError(
            f"representation → estimation → interval gives log-SNRs {wide.low:g} … {wide.high:g}, outside the decoder's "
            f"trained range {first:g} … {last:g}; choose values that overlap it."
        )
    return found


def _trained_range(described: DescribedImages) -> tuple[float, float]:
    return (-math.inf, math.inf) if described.decoder is None else described.decoder.logsnr_range


def pilot_density(
    described: DescribedImages, count: int, given: Literal["exact"] | tuple[float, float], seed: int, batch_size: int
) -> tuple[AdaptiveDensity, dict[str, Any]]:
    """The density that suits every pair of prompts, and what it was fitted to: `count` images, over the range `given`.

    The images are not held out, so that none of them is estimated afterwards.
    """
    images, pairs = described.images, information_pairs(described.description.parts)
    interval = integration_range(described, given, seed)
    held_out = set(images.held_out.tolist())
    order = images.chosen("pilot", len(images.world), seed, held_out=False)
    numbers = [number for number in order if number not in held_out][:count]
    problems = (
        Problem(
            images.world.images[number],
            DescribedImages(images, described.description).prompts(number, seed),
            list(pairs.values()),
            pilot_draws(images.shape, PILOT_DRAWS, interval, generator(seed, images.image_id(number), "pilot")),
        )
        for number in numbers
    )
    estimates = list(estimate_many(described.exact, problems, batch_size))
    density = fit_density([integrand_squares(estimate, pairs) for estimate in estimates], interval)
    return density, {
        "images": [images.image_id(number) for number in numbers],
        "evaluations": sum(estimate.evaluations for estimate in estimates),
    }


def image_draws(images: ImageSet, number: int, steps: int, density: AdaptiveDensity, seed: int) -> Draws:
    """The draws of an image: stratified, in pairs ±ε; the same for every model with the same density."""
    return sample_draws(
        shape=images.shape,
        steps=[steps],
        density=density.draws,
        design="stratified",
        antithetic_eps=True,
        interval=density.interval,
        rng=generator(seed, images.image_id(number), "representation"),
    )
