"""The draws (α, ε) of an image, from a density fitted to a pilot with the exact denoiser."""

from __future__ import annotations

from typing import Any

from infodecomp.config.representation import RepresentationEstimationSection
from infodecomp.estimator.adaptive_density import AdaptiveDensity, fit_density, integrand_squares, pilot_draws
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.sampling import sample_draws
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.noise_range import exact_interval
from infodecomp.representation.quantities import information_pairs
from infodecomp.runs.seeds import generator

# Images whose curve sets the range, and draws of an image of the pilot.
_CURVE_IMAGES, _PILOT_DRAWS = 64, 24


def integration_range(images: ImageSet, section: RepresentationEstimationSection, seed: int) -> Interval:
    """The log-SNRs of the integral: two given numbers, or where the images' entropy shows."""
    if section.interval == "exact":
        chosen = images.chosen("range", _CURVE_IMAGES, seed, held_out=False)
        return exact_interval(images.world, chosen, seed)
    low, high = section.interval
    return Interval(low, high, (low + high) / 2, (high - low) / 6)


def pilot_density(
    described: DescribedImages, section: RepresentationEstimationSection, seed: int, batch_size: int
) -> tuple[AdaptiveDensity, dict[str, Any]]:
    """The density that suits every pair of prompts, and what it was fitted to.

    The images are not held out, so that none of them is estimated afterwards.
    """
    images, pairs = described.images, information_pairs(described.description.parts)
    interval = integration_range(images, section, seed)
    held_out = set(images.held_out.tolist())
    order = images.chosen("pilot", len(images.world), seed, held_out=False)
    numbers = [number for number in order if number not in held_out][: section.pilot]
    problems = (
        Problem(
            images.world.images[number],
            DescribedImages(images, described.description).prompts(number, seed),
            list(pairs.values()),
            pilot_draws(images.shape, _PILOT_DRAWS, interval, generator(seed, images.image_id(number), "pilot")),
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
