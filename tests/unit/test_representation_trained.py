"""Folders of trained models as descriptions, and the sentences about those that do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.config.representation import ComponentsSection
from infodecomp.config.representation_images import RepresentationImagesSection
from infodecomp.config.representation_model import RepresentationModel
from infodecomp.representation.described_images import DescribedImages, describe
from infodecomp.representation.image_sets import ImageSet, open_images
from infodecomp.runs.errors import InputError
from tests.unit.described_world import PLACES, SHADES, SIDE, write_model, write_world


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return open_images(RepresentationImagesSection(), write_world(tmp_path_factory.mktemp("world") / "images"))


def described(folder: Path, images: ImageSet) -> DescribedImages:
    return describe(str(folder), images, ComponentsSection())


def test_a_decoder_of_factors(images: ImageSet, tmp_path: Path) -> None:
    found = described(write_model(tmp_path, RepresentationModel(knows="factors"), SHADES + PLACES, 2), images)
    assert found.description.parts == images.factors
    assert found.decoder is not None and found.decoder.logsnr_range == (-7.0, 1.0)
    prompts = found.prompts(3, seed=0)
    assert len(prompts) == 2 * (2 + 2 * 2)
    rows = torch.zeros(2, 1, SIDE, SIDE)
    known = type(prompts["all"]).stack([prompts["all"], prompts["all, exact"]])
    eps_hat = found.predict(rows, torch.zeros(2), known)
    assert eps_hat.shape == rows.shape and not torch.equal(eps_hat[0], eps_hat[1])


def test_a_decoder_of_codes(images: ImageSet, tmp_path: Path) -> None:
    found = described(write_model(tmp_path, RepresentationModel(dimensions=3), 3, 3), images)
    assert found.description.parts == ("z0", "z1", "z2")
    codes = found.description.conditions([0, 0, 1], torch.ones(3), seed=5).states
    assert torch.equal(codes[0], codes[1]) and not torch.equal(codes[0], codes[2])
    assert np.allclose(found.description.likelihood.deviations, 0.2)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("recipe", "widths", "size", "matter"),
    [
        ({"knows": "nothing"}, (0, 0), SIDE, "`knows` is nothing; allowed are code and factors"),
        ({"knows": "factors"}, (7, 2), 16, "trained on images of 1 × 16 × 16, and those of own are 1 × 8 × 8"),
        ({"knows": "factors"}, (9, 3), SIDE, "reads 9 numbers in 3 parts, and the images are described by 7 in 2"),
    ],
)
def test_models_that_do_not_fit(
    images: ImageSet, tmp_path: Path, recipe: dict[str, str], widths: tuple[int, int], size: int, matter: str
) -> None:
    folder = write_model(tmp_path, RepresentationModel.model_validate(recipe), *widths, size)
    with pytest.raises(InputError, match=matter):
        described(folder, images)


def test_a_folder_without_a_model(images: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the folder of a representation model"):
        described(tmp_path, images)


def test_factors_of_images_that_have_none(images: ImageSet) -> None:
    nameless = ImageSet("own", images.world, (), images.held_out, images.object_cells)
    with pytest.raises(InputError, match="the images of own have no attributes"):
        describe("factors", nameless, ComponentsSection())
