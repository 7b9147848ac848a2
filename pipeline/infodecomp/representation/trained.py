"""Trained models as descriptions: what `train_representation` writes, a decoder and, for a code, an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from infodecomp.config.representation_model import RepresentationModel
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.models.whole_weights import load_whole
from infodecomp.representation.decoders import CodeDenoiser, load_decoder
from infodecomp.representation.described_images import DescribedImages
from infodecomp.representation.descriptions import CodeDescription, Description, FactorDescription
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.image_sets import ImageSet
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

INDEX, DECODER, ENCODER = "model.json", "decoder", "encoder"


@dataclass(frozen=True)
class OnDevice:
    """A denoiser on a device, for tensors on the CPU."""

    denoiser: Predict
    device: str

    def __call__(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        """ε̂ (B, C, h, w), on the CPU."""
        moved = Condition({name: tensor.to(self.device) for name, tensor in condition.tensors.items()})
        with torch.inference_mode():
            return self.denoiser(x_alpha.to(self.device), logsnr.to(self.device), moved).cpu()


def describe_by_model(folder: Path, images: ImageSet, device: str) -> DescribedImages:
    """The images with the codes of a model's encoder, or the factors that its decoder knows, and that decoder.

    Raises InputError if the folder holds no such model, or one that knows nothing of an image.
    """
    recipe = _recipe(folder)
    decoder = CodeDenoiser(load_decoder(folder / DECODER, recipe.condition).to(device))
    return DescribedImages(images, _description(recipe, folder, images), OnDevice(decoder, device))


def _recipe(folder: Path) -> RepresentationModel:
    path = folder / INDEX
    try:
        recipe = RepresentationModel.model_validate_json(checked(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: this is not the folder of a representation model ({error}); allowed are `factors`, `components` and "
            "folders that train_representation wrote."
        ) from error
    if recipe.knows == "nothing":
        raise InputError(
            f"{path}: `knows` is nothing; allowed are code and factors, because a model that knows nothing carries no "
            "information."
        )
    return recipe


def _description(recipe: RepresentationModel, folder: Path, images: ImageSet) -> Description:
    if recipe.knows == "factors":
        return FactorDescription(images.world.attributes, images.factors)
    means, deviations = codes(load_whole(Encoder, folder / ENCODER), images.world.images)
    return CodeDescription(means.double(), deviations.double())
