"""Images with what describes them, and the decoder that reads it: what a name under `representation → models` stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from infodecomp.config.representation import ComponentsSection
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.representation.beside_exact import BesideExact
from infodecomp.representation.descriptions import CodeDescription, Description, FactorDescription
from infodecomp.representation.exact_denoiser import ExactDenoiser
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.principal_components import principal_components
from infodecomp.representation.prompts import image_prompts
from infodecomp.runs.shipped import shipped

# Descriptions that need no training.
FACTORS, COMPONENTS = "factors", "components"


@dataclass(frozen=True, eq=False)
class DescribedImages:
    """decoder: a trained one; None where the exact denoiser alone reads the description."""

    images: ImageSet
    description: Description
    decoder: Predict | None = None

    @property
    def exact(self) -> ExactDenoiser:
        """Bayes' rule for this description."""
        return ExactDenoiser(self.images.world, self.description.likelihood)

    @property
    def predict(self) -> Predict:
        """The exact denoiser, beside the trained decoder if there is one."""
        return self.exact if self.decoder is None else BesideExact(self.decoder, self.exact)

    def prompts(self, number: int, seed: int) -> Mapping[str, Condition]:
        """Name → condition of an image."""
        return image_prompts(self.description, number, seed, beside=self.decoder is not None)


def describe(name: str, images: ImageSet, components: ComponentsSection, device: str = "cpu") -> DescribedImages:
    """The images with the description of that name, or with that of the trained model in a folder."""
    if name == FACTORS:
        return DescribedImages(images, FactorDescription(images.world.attributes, images.factors))
    if name == COMPONENTS:
        means = principal_components(images.world.images, components.dimensions)
        return DescribedImages(images, CodeDescription(means, torch.full_like(means, components.noise)))
    from infodecomp.representation.trained import describe_by_model  # its networks take seconds to import

    return describe_by_model(shipped(name), images, device)
