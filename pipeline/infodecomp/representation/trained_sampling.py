"""Trained models as what samplers need: a decoder of codes or factors, or of nothing, and the encoder of a code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from infodecomp.config.representation_model import RepresentationModel
from infodecomp.models.whole_weights import load_whole
from infodecomp.representation.codes import nothing_known
from infodecomp.representation.decoders import CodeDenoiser, load_decoder
from infodecomp.representation.descriptions import CodeDescription
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.model_folder import DECODER, ENCODER, read_recipe
from infodecomp.representation.on_device import OnDevice
from infodecomp.representation.sampled_images import SampledModel
from infodecomp.representation.sampled_models import OpenedModel, of_factors, prior_of
from infodecomp.representation.vaes import GaussianDecoder


def open_trained(folder: Path, images: ImageSet, device: str) -> OpenedModel:
    """The model in a folder that `train_representation` wrote. InputError if there is none."""
    recipe = read_recipe(folder)
    if recipe.knows != "code":
        denoiser = OnDevice(CodeDenoiser(load_decoder(folder / DECODER, recipe.condition).to(device)), device)
        if recipe.knows == "factors":
            return of_factors(denoiser, images)
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
