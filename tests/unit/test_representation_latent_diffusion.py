"""The diffusion model of codes draws codes as the encoder makes them, where the prior does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infodecomp.representation.latent_diffusion import draw_codes
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.training.latent_diffusion import LatentDiffusionRecipe, train_latent_denoiser


def ring(count: int) -> torch.Tensor:
    """Codes on a circle of radius 2 around (5, −1), with a spread of 0.1: nothing lies where the mean is."""
    rng = np.random.default_rng(0)
    angle = rng.random(count) * 2 * np.pi
    points = 2 * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.1 * rng.normal(size=(count, 2)) + [5.0, -1.0]
    return torch.from_numpy(points.astype(np.float32))


def rngs(samples: range) -> list[np.random.Generator]:
    return [generator(0, sample, "codes") for sample in samples]


def test_codes_are_drawn_from_where_codes_are() -> None:
    steps: list[int] = []
    recipe = LatentDiffusionRecipe(seed=0, steps=400, batch=128, learning_rate=3e-3)
    network = train_latent_denoiser(ring(4000), recipe, lambda step, loss: steps.append(step))
    assert steps == list(range(1, 401))
    drawn = draw_codes(network, rngs(range(300)), 30)
    radius = (drawn - torch.tensor([5.0, -1.0])).norm(dim=1)
    assert float(radius.mean()) == pytest.approx(2, abs=0.1)
    assert float(radius.std()) < 0.35  # of a normal of the same variance: 0.93
    angle = torch.atan2(drawn[:, 1] + 1, drawn[:, 0] - 5)
    assert np.histogram(angle, 4, (-np.pi, np.pi))[0].min() > 45
    assert torch.allclose(draw_codes(network, rngs(range(3, 6)), 30), drawn[3:6], atol=1e-5)


def test_a_constant_dimension_is_refused() -> None:
    codes = torch.cat([ring(50), torch.full((50, 1), 0.25)], 1)
    with pytest.raises(InputError, match=r"dimension 2 of the codes is constant \(0.25\)"):
        train_latent_denoiser(codes, LatentDiffusionRecipe(0, 1, 8, 1e-3), lambda step, loss: None)
