"""What a name under `representation → models` draws images with, and the codes that it gives to images.

Exact denoisers draw too: their samples show what the description would give with a perfect decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from infodecomp.config.representation import ComponentsSection
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.representation.codes import code_condition, nothing_known
from infodecomp.representation.described_images import COMPONENTS, FACTORS, describe
from infodecomp.representation.descriptions import CodeDescription, FactorDescription
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.latent_diffusion import LatentDenoiser, draw_codes
from infodecomp.representation.priors import draw_prior
from infodecomp.representation.sampled_images import DrawCodes, SampledModel
from infodecomp.representation.samples import nearest_images
from infodecomp.runs.shipped import shipped


@dataclass(frozen=True, eq=False)
class OpenedModel:
    """A model that draws, and its description of the images; None if it knows nothing of them."""

    sampled: SampledModel
    description: CodeDescription | FactorDescription | None

    def known(self, numbers: Sequence[int], seed: int) -> Condition | None:
        """All that the model knows of images, a batch: codes as they are drawn for the images, or factors."""
        if self.description is None:
            return None
        return self.description.conditions(numbers, torch.ones(len(self.description.parts)), seed)

    def with_latent(self, network: LatentDenoiser, steps: int) -> OpenedModel:
        """The same with codes of a diffusion model to draw from."""

        def draw(rngs: Sequence[np.random.Generator]) -> Condition:
            return whole_code(draw_codes(network, rngs, steps))

        return replace(self, sampled=replace(self.sampled, latent=draw))


def open_model(name: str, images: ImageSet, components: ComponentsSection, device: str = "cpu") -> OpenedModel:
    """The model of that name, or in that folder. InputError if the folder holds none."""
    if name == FACTORS:
        described = describe(name, images, components)
        return of_factors(described.exact, images)
    if name == COMPONENTS:
        described = describe(name, images, components)
        description = described.description
        assert isinstance(description, CodeDescription)

        def encode(pictures: torch.Tensor) -> torch.Tensor:
            return description.means[torch.from_numpy(nearest_images(images.world, pictures).number)].float()

        parts = len(description.parts)
        sampled = SampledModel(
            described.exact, nothing_known(parts, parts), images.shape, prior=prior_of("normal", parts)
        )
        return OpenedModel(replace(sampled, encode=encode), description)
    from infodecomp.representation.trained_sampling import open_trained  # its networks take seconds to import

    return open_trained(shipped(name), images, device)


def prior_of(prior: str, dimensions: int) -> DrawCodes:
    """Whole codes of a prior, one from each generator."""

    def draw(rngs: Sequence[np.random.Generator]) -> Condition:
        return whole_code(torch.from_numpy(np.concatenate([draw_prior(prior, rng, 1, dimensions) for rng in rngs])))

    return draw


def of_factors(denoiser: Denoiser, images: ImageSet) -> OpenedModel:
    """Draws combinations of factors at random, those of images that were never trained on among them."""
    description = FactorDescription(images.world.attributes, images.factors)

    def draw(rngs: Sequence[np.random.Generator]) -> Condition:
        numbers = [int(rng.integers(len(images.world))) for rng in rngs]
        return description.conditions(numbers, torch.ones(len(description.parts)), 0)

    nothing = nothing_known(sum(description.likelihood.levels), len(description.parts))
    return OpenedModel(SampledModel(denoiser, nothing, images.shape, prior=draw), description)


def whole_code(code: torch.Tensor) -> Condition:
    """Codes (B, d) of which every dimension is known."""
    return code_condition(code, torch.ones(code.shape[1]))
