"""Trained models as descriptions: what `train_representation` writes, a decoder and, for a code, an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from infodecomp.config.representation_model import RepresentationModel
from infodecomp.models.whole_weights import load_whole
from infodecomp.representation.decoders import CodeDenoiser, load_decoder
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.descriptions import CodeDescription, Description, FactorDescription
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.model_folder import DECODER, ENCODER, INDEX, read_recipe
from infodecomp.representation.on_device import OnDevice
from infodecomp.runs.errors import InputError


def describe_by_model(folder: Path, images: ImageSet, device: str) -> DescribedImages:
    """The images with the codes of a model's encoder, or the factors that its decoder knows, and that decoder.

    Raises InputError if the folder holds no such model, one that knows nothing of an image, or one of other images.
    """
    recipe = _recipe(folder)
    if recipe.decoder == "gaussian":  # it denoises nothing, so that the exact denoiser alone reads its codes
        return DescribedImages(images, _description(recipe, folder, images))
    decoder = load_decoder(folder / DECODER, recipe.condition)
    _check_shape(folder, decoder, images)
    description = _description(recipe, folder, images)
    _check_width(folder, decoder, description)
    return DescribedImages(images, description, OnDevice(CodeDenoiser(decoder.to(device)), device))


def _check_shape(folder: Path, decoder: Any, images: ImageSet) -> None:
    side, channels = decoder.config.size, decoder.config.channels
    if (channels, side, side) != images.shape:
        raise InputError(
            f"{folder}: its decoder was trained on images of {channels} × {side} × {side}, and those of {images.name} are "
            f"{' × '.join(map(str, images.shape))}; name images of that size, or another model."
        )


def _check_width(folder: Path, decoder: Any, description: Description) -> None:
    known = description.conditions([0], torch.ones(len(description.parts)), seed=0)
    width = known.states.shape[1]
    if (decoder.config.states, decoder.config.parts) != (width, len(description.parts)):
        raise InputError(
            f"{folder}: its decoder reads {decoder.config.states} numbers in {decoder.config.parts} parts, and the images "
            f"are described by {width} in {len(description.parts)}; name its own images, or another model."
        )


def _recipe(folder: Path) -> RepresentationModel:
    recipe = read_recipe(folder)
    if recipe.knows == "nothing":
        raise InputError(
            f"{folder / INDEX}: `knows` is nothing; allowed are code and factors, because a model that knows nothing "
            "carries no information."
        )
    return recipe


def _description(recipe: RepresentationModel, folder: Path, images: ImageSet) -> Description:
    if recipe.knows == "factors":
        return FactorDescription(images.world.attributes, images.factors)
    means, deviations = codes(load_whole(Encoder, folder / ENCODER), images.world.images)
    return CodeDescription(means.double(), deviations.double())
