"""Models by name or folder, as samplers need them: exact denoisers, and trained ones of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infodecomp.config.representation import ComponentsSection
from infodecomp.config.representation_model import RepresentationModel
from infodecomp.config.representation_samples import RepresentationSamplesSection
from infodecomp.representation.decoders import DECODERS
from infodecomp.representation.described_images import describe
from infodecomp.representation.encoder import Encoder
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.image_sets import ImageSet
from infodecomp.representation.latent_diffusion import LatentDenoiser
from infodecomp.representation.sampled_images import SampledImages
from infodecomp.representation.sampled_models import open_model, prior_of
from infodecomp.representation.samples import nearest_images
from infodecomp.representation.vaes import GaussianDecoder
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator

TABLE = torch.tensor([[a, b] for a in range(3) for b in range(4)])
SECTION = RepresentationSamplesSection(count=6, steps=25, split_step=18, traversals=(0.0, 1.0), interpolations=2)
SMALL = {"size": 8, "patch": 8, "width": 16, "depth": 1, "heads": 2, "head_width": 16, "map_rank": 4}


@pytest.fixture(scope="module")
def images() -> ImageSet:
    pixels = torch.rand(12, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    return ImageSet(
        "tiny", FiniteWorld(pixels, TABLE), ("a", "b"), np.array([1, 5]), lambda number: np.ones((8, 8), bool)
    )


def save(folder: Path, recipe: RepresentationModel, **networks: Any) -> Path:
    for name, network in networks.items():
        network.half().save_pretrained(folder / name)
    (folder / "model.json").write_text(recipe.model_dump_json())
    return folder


@pytest.mark.parametrize(("name", "prior"), [("factors", True), ("components", False)])
def test_exact_denoisers_draw_images_of_the_world(images: ImageSet, name: str, prior: bool) -> None:
    model = open_model(name, images, ComponentsSection(dimensions=3, noise=0.1))
    drawn = SampledImages(model.sampled, SECTION, 0)
    for sampler in ("unconditional", "ddim", "two_phase_prior"):
        assert nearest_images(images.world, drawn.samples(sampler)).rmse.max() < 0.03  # type: ignore[arg-type]
    known = model.known(range(12), 0)
    assert known is not None
    assert nearest_images(images.world, drawn.reconstructions(known)).number.tolist() == list(range(12))
    assert ("two_phase" in model.sampled.samplers) is not prior


def test_a_trained_model_of_a_code(images: ImageSet, tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder, decoder = Encoder(4, 8), DECODERS["map"](4, 4, **SMALL)
    encoder.settle(images.world.images)
    folder = save(tmp_path / "tiny", RepresentationModel(dimensions=4), encoder=encoder, decoder=decoder)
    model = open_model(str(folder), images, ComponentsSection())
    assert model.sampled.samplers == ("unconditional", "ddim", "ddpm", "two_phase", "two_phase_prior")
    latent = model.with_latent(LatentDenoiser(4), 5)
    assert "latent" in latent.sampled.samplers
    drawn = SampledImages(latent.sampled, SECTION, 0)
    assert all(drawn.samples(name).shape == (6, 3, 8, 8) for name in latent.sampled.samplers)
    assert model.sampled.denoiser is not None and model.sampled.denoiser.logsnr_range == (-7.0, 1.0)
    known, again = model.known([3], 0), model.known([3], 1)
    assert known is not None and again is not None and not torch.equal(known.states, again.states)  # the code's noise
    assert model.sampled.encode is not None
    means = model.sampled.encode(images.world.images)
    assert torch.allclose(means.mean(0), torch.zeros(4), atol=0.02)
    assert float((known.states - means[3]).abs().max()) < 0.5


def test_a_trained_autoencoder(images: ImageSet, tmp_path: Path) -> None:
    recipe = RepresentationModel(dimensions=4, decoder="gaussian", code_noise="learnt", mmd=0.0, kl=1.0)
    folder = save(tmp_path / "vae", recipe, encoder=Encoder(4, 8, noise=None), decoder=GaussianDecoder(4, size=8))
    model = open_model(str(folder), images, ComponentsSection())
    assert model.sampled.samplers == ("decoder",)
    assert SampledImages(model.sampled, SECTION, 0).samples("decoder").shape == (6, 3, 8, 8)
    described = describe(str(folder), images, ComponentsSection())
    assert described.decoder is None and described.description.parts == ("z0", "z1", "z2", "z3")


@pytest.mark.parametrize(("knows", "samplers"), [("nothing", 1), ("factors", 4)])
def test_trained_models_without_a_code(images: ImageSet, tmp_path: Path, knows: Any, samplers: int) -> None:
    states, parts = {"nothing": (0, 0), "factors": (7, 2)}[knows]
    folder = save(tmp_path / knows, RepresentationModel(knows=knows), decoder=DECODERS["map"](states, parts, **SMALL))
    model = open_model(str(folder), images, ComponentsSection())
    assert len(model.sampled.samplers) == samplers and (model.description is None) is (knows == "nothing")
    assert SampledImages(model.sampled, SECTION, 0).samples("unconditional").shape == (6, 3, 8, 8)
    assert (model.known([0], 0) is None) is (knows == "nothing")


def test_a_folder_that_is_no_model(images: ImageSet, tmp_path: Path) -> None:
    for text in (None, "{}x", '{"knows": "words"}'):
        if text is not None:
            (tmp_path / "model.json").write_text(text)
        with pytest.raises(InputError, match="this is not the folder of a representation model"):
            open_model(str(tmp_path), images, ComponentsSection())


def test_codes_of_a_prior_belong_to_their_sample() -> None:
    draw = prior_of("mixture", 4)
    both = draw([generator(0, sample, "codes") for sample in (0, 1)])
    one = draw([generator(0, 1, "codes")])
    assert torch.equal(both.states[1], one.states[0]) and both.tensors["mask"].tolist() == [[1.0] * 4] * 2


def test_recipes_of_autoencoders_are_complete() -> None:
    from infodecomp.config.representation_model import RepresentationModelSection

    models = RepresentationModelSection().models
    vaes = {name: model for name, model in models.items() if model.decoder == "gaussian"}
    assert {name: (model.kl, model.mmd, model.code_noise) for name, model in vaes.items()} == {
        "vae": (1.0, 0.0, "learnt"),
        "beta_vae": (4.0, 0.0, "learnt"),
        "info_vae": (0.0, 0.1, "learnt"),
    }
