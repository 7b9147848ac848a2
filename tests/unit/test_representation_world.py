"""The factor world: all pictures differ, its fast products and means are those of its pictures, posteriors are right."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infodecomp.estimator.channel import noised
from infodecomp.representation import factor_world
from infodecomp.representation.codes import code_condition, factor_condition, nothing_known
from infodecomp.representation.finite_world import FactoredWorld, FiniteWorld, factored


@pytest.fixture(scope="module")
def world() -> FactoredWorld:
    return factored()


@pytest.fixture(scope="module")
def plain(world: FactoredWorld) -> FiniteWorld:
    return FiniteWorld(world.images, world.attributes)


@pytest.fixture(scope="module")
def noisy(world: FactoredWorld) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Numbers of pictures, noised pictures, log-SNRs."""
    draw = torch.Generator().manual_seed(0)
    numbers = torch.randint(len(world), (16,), generator=draw)
    logsnr = torch.linspace(-7, 1, 16)
    return numbers, noised(world.images[numbers], logsnr, torch.randn(16, 3, 32, 32, generator=draw)), logsnr


def test_every_combination_has_its_own_picture() -> None:
    images, table = factor_world.draw_images(), factor_world.factor_table()
    assert images.shape == (18000, 3, 32, 32) and images.dtype == np.uint8 and table.shape == (18000, 6)
    assert len({image.tobytes() for image in images}) == 18000
    entropies = [-sum(p * math.log(p) for p in np.bincount(column) / len(table)) for column in table.T]
    assert sum(entropies) == pytest.approx(math.log(18000)) == pytest.approx(9.798, abs=1e-3)
    assert [len(values) for values in factor_world.FACTORS.values()] == [8, 6, 5, 3, 5, 5]


def test_a_glyph_stands_where_its_factors_say() -> None:
    images, table = factor_world.draw_images(), factor_world.factor_table()
    for number in (0, 4321, 17999):
        category, _, background, size, x, y = table[number]
        middle = (factor_world.CENTRES[y], factor_world.CENTRES[x])
        empty = np.round(factor_world.background_colours()[background] * factor_world.shading()[:, None] * 255)
        changed = (np.abs(images[number] - empty.T[:, :, None]) > 1).any(0)
        rows, columns = np.nonzero(changed)
        half = factor_world.FACTORS["size"][size] // 2
        assert changed.any() and category == number // 2250
        for places, centre in ((rows, middle[0]), (columns, middle[1])):
            assert centre - half <= places.min() and places.max() < centre + half


def test_one_picture_in_ten_is_held_out() -> None:
    train, held = factor_world.split(0)
    assert len(train) == 16200 and len(held) == 1800 and not set(train) & set(held)
    assert not np.array_equal(held, factor_world.split(1)[1])


def test_products_and_means_by_glyphs_are_those_by_pictures(
    world: FactoredWorld, plain: FiniteWorld, noisy: tuple[torch.Tensor, ...]
) -> None:
    _, x_alpha, logsnr = noisy
    exact, fast = plain.log_weights(x_alpha, logsnr), world.log_weights(x_alpha, logsnr)
    rounding = (
        1 / 127.5 / 12**0.5 * x_alpha.flatten(1).norm(dim=1)
    )  # of one product, where pictures are rounded to bytes
    assert float(((world.products(x_alpha) - plain.products(x_alpha)).std(1) / rounding).max()) < 1.5
    posterior = exact.softmax(1)
    assert torch.allclose(posterior.sum(1), torch.ones(16), atol=1e-5)
    assert torch.allclose(world.mean(posterior), plain.mean(posterior), atol=1 / 255)
    nats = logsnr.exp() / 2 * (world.mean(fast.softmax(1)) - plain.mean(posterior)).square().sum((1, 2, 3))
    assert float(nats.max()) < 0.03  # a picture is rounded by 3072 × (1/127.5)² / 12 = 0.016, times e^α / 2


def test_the_posterior_is_bayes_rule(plain: FiniteWorld, noisy: tuple[torch.Tensor, ...]) -> None:
    numbers, x_alpha, logsnr = noisy
    kept = slice(3, 300)
    small = FiniteWorld(plain.images[kept], plain.attributes[kept])
    signal, noise = torch.sigmoid(logsnr).sqrt().double(), torch.sigmoid(-logsnr).sqrt().double()
    gaps = x_alpha.double()[:, None] - signal[:, None, None, None, None] * small.images.double()
    density = -gaps.square().sum((2, 3, 4)) / (2 * noise[:, None] ** 2)
    assert torch.allclose(small.log_weights(x_alpha, logsnr).softmax(1).double(), density.softmax(1), atol=1e-4)
    sure = plain.log_weights(plain.images[numbers], torch.full((16,), 12.0))
    assert torch.equal(sure.argmax(1), numbers)


def test_conditions_hold_only_what_is_known() -> None:
    mask = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    codes = code_condition(torch.tensor([[3.0, 4.0], [5.0, 6.0]]), mask)
    assert codes.states.tolist() == [[3.0, 0.0], [0.0, 0.0]] and torch.equal(codes.tensors["mask"], mask)
    factors = factor_condition(torch.tensor([[1, 2], [0, 1]]), mask, (2, 3))
    assert factors.states.tolist() == [[0.0, 1.0, 0.0, 0.0, 0.0], [0.0] * 5]
    assert factors[1].equal(nothing_known(5, 2)) and codes[1].equal(nothing_known(2, 2))
