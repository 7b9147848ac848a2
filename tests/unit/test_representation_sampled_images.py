"""What a model draws, with the exact denoiser of a tiny world whose code is a pair of numbers for each image."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from infodecomp.config.representation_samples import RepresentationSamplesSection
from infodecomp.representation.codes import code_condition, nothing_known
from infodecomp.representation.exact_denoiser import ExactDenoiser
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.likelihoods import CodeLikelihood
from infodecomp.representation.sampled_images import SampledImages, SampledModel
from infodecomp.representation.samples import nearest_images
from infodecomp.runs.errors import InputError

SHAPE = (1, 4, 4)
GRID = torch.tensor([[float(a), float(b)] for a in (-1, 0, 1) for b in (-1, 0, 1)], dtype=torch.float64)
SECTION = RepresentationSamplesSection(count=70, steps=25, split_step=14, traversals=(-1.0, 0.0, 1.0), interpolations=3)


@pytest.fixture(scope="module")
def world() -> FiniteWorld:
    images = torch.rand(9, *SHAPE, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    return FiniteWorld(images, torch.arange(9)[:, None])


@pytest.fixture(scope="module")
def drawn(world: FiniteWorld) -> SampledImages:
    """The code of an image is its place in a grid, with little noise; the prior has the corner (−1, −1) alone."""
    denoiser = ExactDenoiser(world, CodeLikelihood(GRID, torch.full_like(GRID, 0.05)))

    def corner(rngs: list[np.random.Generator]) -> object:
        return code_condition(torch.full((len(rngs), 2), -1.0), torch.ones(2))

    def encode(images: torch.Tensor) -> torch.Tensor:
        return GRID[torch.from_numpy(nearest_images(world, images).number)].float()

    model = SampledModel(denoiser, nothing_known(2, 2), SHAPE, prior=corner, latent=corner, encode=encode)  # type: ignore[arg-type]
    return SampledImages(model, SECTION, 0)


def numbers(world: FiniteWorld, images: torch.Tensor) -> list[int]:
    nearest = nearest_images(world, images)
    assert nearest.rmse.max() < 0.02
    return nearest.number.tolist()


def test_every_sampler_draws_images_of_its_codes(world: FiniteWorld, drawn: SampledImages) -> None:
    found = {name: numbers(world, drawn.samples(name)) for name in drawn.model.samplers}
    assert list(found) == [name for name in SECTION.samplers if name != "decoder"]
    assert all(len(of_sampler) == 70 for of_sampler in found.values())
    for name in ("ddim", "ddpm", "two_phase_prior", "latent"):
        assert set(found[name]) == {0}
    assert len(set(found["unconditional"])) == 9 and len(set(found["two_phase"])) > 5


def test_samples_do_not_depend_on_their_number(drawn: SampledImages) -> None:
    fewer = dataclasses.replace(drawn, section=SECTION.model_copy(update={"count": 5}))
    assert torch.allclose(fewer.samples("unconditional"), drawn.samples("unconditional")[:5], atol=1e-5)
    other = dataclasses.replace(fewer, seed=1)
    assert not torch.allclose(fewer.samples("unconditional"), other.samples("unconditional"), atol=0.1)


def test_reconstructions_come_from_the_code_and_inversions_from_the_image(
    world: FiniteWorld, drawn: SampledImages
) -> None:
    known = code_condition(GRID.float(), torch.ones(2))
    assert numbers(world, drawn.reconstructions(known)) == list(range(9))
    nothing = drawn.model.nothing.expand(9)
    # Without a code the inverted noise alone brings the image back; that says nothing of a code.
    assert numbers(world, drawn.inverted(world.images, nothing)) == list(range(9))
    assert numbers(world, drawn.reconstructions(nothing)) != list(range(9))


def test_traversals_and_interpolations(world: FiniteWorld, drawn: SampledImages) -> None:
    strips = drawn.traversals(torch.tensor([0.0, 1.0]))
    assert strips.shape == (2, 3, *SHAPE)
    assert numbers(world, strips[0]) == [2, 5, 8] and numbers(world, strips[1]) == [3, 4, 5]
    ways = drawn.interpolations(world.images[[4, 8]])  # from the code (0, 0) to (1, 1)
    assert list(ways) == ["code", "noise", "code and noise"] and drawn.shares == [0.0, 0.5, 1.0]
    assert [numbers(world, ways[name])[::2] for name in ways] == [[4, 8], [4, 4], [4, 8]]


def test_a_sampler_without_what_it_needs(drawn: SampledImages) -> None:
    model = dataclasses.replace(drawn.model, latent=None, encode=None)
    assert model.samplers == ("unconditional", "ddim", "ddpm", "two_phase_prior")
    bare = dataclasses.replace(drawn, model=model)
    for name in ("latent", "two_phase"):
        with pytest.raises(InputError, match=f"the sampler {name} cannot draw with this model; it has unconditional"):
            bare.samples(name)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="interpolations need an encoder"):
        bare.interpolations(torch.zeros(2, *SHAPE))


def test_an_autoencoder_draws_without_noise(world: FiniteWorld, drawn: SampledImages) -> None:
    def decode(codes: torch.Tensor) -> torch.Tensor:
        return world.images[(codes[:, None] - GRID.float()).square().sum(2).argmin(1)]

    model = dataclasses.replace(drawn.model, denoiser=None, decode=decode)
    assert model.samplers == ("latent", "decoder")
    vae = dataclasses.replace(drawn, model=model)
    assert set(numbers(world, vae.samples("decoder"))) == {0}
    assert numbers(world, vae.reconstructions(code_condition(GRID.float(), torch.ones(2)))) == list(range(9))
    assert numbers(world, vae.traversals(torch.tensor([0.0, 1.0]))[0]) == [2, 5, 8]
    ways = vae.interpolations(world.images[[4, 8]])
    assert list(ways) == ["code"] and numbers(world, ways["code"])[::2] == [4, 8]
