"""What a name under `representation → models` draws images with, and the codes that it gives to images.

Exact denoisers draw too: their samples show what the description would give with a perfect decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from infodecomp.config.representation import ComponentsSection
from infodecomp.config.representation_model import RepresentationModel
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.models.whole_weights import load_whole
from infodecomp.representation.codes import code_condition, nothing_known
from infodecomp.representation.decoders import CodeDenoiser, load_decoder
from infodecomp.representation.described_images import COMPONENTS, FACTORS, describe
from infodecomp.representation.descriptions import CodeDescription, FactorDescription
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.latent_diffusion import LatentDenoiser, draw_codes
from infodecomp.representation.model_folder import DECODER, ENCODER, read_recipe
from infodecomp.representation.on_device import OnDevice
from infodecomp.representation.priors import draw_prior
from infodecomp.representation.sampled_images import DrawCodes, SampledModel
from infodecomp.representation.samples import nearest_images
from infodecomp.representation.vaes import GaussianDecoder
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
            return _whole(draw_codes(network, rngs, steps))

        return replace(self, sampled=replace(self.sampled, latent=draw))


def open_model(name: str, images: ImageSet, components: ComponentsSection, device: str = "cpu") -> OpenedModel:
    """The model of that name, or in that folder. InputError if the folder holds none."""
    if name == FACTORS:
        described = describe(name, images, components)
        return _of_factors(described.exact, images)
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
    return _trained(shipped(name), images, device)


def prior_of(prior: str, dimensions: int) -> DrawCodes:
    """Whole codes of a prior, one from each generator."""

    def draw(rngs: Sequence[np.random.Generator]) -> Condition:
        return _whole(torch.from_numpy(np.concatenate([draw_prior(prior, rng, 1, dimensions) for rng in rngs])))

    return draw


def _trained(folder: Path, images: ImageSet, device: str) -> OpenedModel:
    recipe = read_recipe(folder)
    if recipe.knows != "code":
        denoiser = OnDevice(CodeDenoiser(load_decoder(folder / DECODER, recipe.condition).to(device)), device)
        if recipe.knows == "factors":
            return _of_factors(denoiser, images)
        return OpenedModel(SampledModel(denoiser, denoiser.denoiser.nothing, images.shape), None)
    encoder = load_whole(Encoder, folder / ENCODER).eval().requires_grad_(False)
    means, deviations = codes(encoder, images.world.images)

    def encode(pictures: torch.Tensor) -> torch.Tensor:
        return codes(encoder, pictures.clamp(-1, 1))[0]

    sampled = replace(_of_codes(folder, recipe, images, device), encode=encode)
    return OpenedModel(sampled, CodeDescription(means.double(), deviations.double()))


def _of_codes(folder: Path, recipe: RepresentationModel, images: ImageSet, device: str) -> SampledModel:
    parts = recipe.dimensions
    prior, nothing = prior_of(recipe.prior, parts), nothing_known(parts, parts)
    if recipe.decoder == "gaussian":
        decoder = load_whole(GaussianDecoder, folder / DECODER).eval().requires_grad_(False).to(device)
        return SampledModel(
            None, nothing, images.shape, decode=lambda code: decoder(code.to(device)).cpu(), prior=prior
        )
    decoder = load_decoder(folder / DECODER, recipe.condition).to(device)
    return SampledModel(OnDevice(CodeDenoiser(decoder), device), nothing, images.shape, prior=prior)


def _of_factors(denoiser: Denoiser, images: ImageSet) -> OpenedModel:
    """Draws combinations of factors at random, those of images that were never trained on among them."""
    description = FactorDescription(images.world.attributes, images.factors)

    def draw(rngs: Sequence[np.random.Generator]) -> Condition:
        numbers = [int(rng.integers(len(images.world))) for rng in rngs]
        return description.conditions(numbers, torch.ones(len(description.parts)), 0)

    nothing = nothing_known(sum(description.likelihood.levels), len(description.parts))
    return OpenedModel(SampledModel(denoiser, nothing, images.shape, prior=draw), description)


def _whole(code: torch.Tensor) -> Condition:
    return code_condition(code, torch.ones(code.shape[1]))
