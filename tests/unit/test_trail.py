"""What is seen along a walk."""

from __future__ import annotations

import pytest
import torch

from infodecomp.estimator.channel import clean_prediction, noised
from infodecomp.flows.karras import KarrasPath
from infodecomp.flows.path import make_path
from infodecomp.flows.trail import Trail
from infodecomp.validation.denoisers import GaussianField
from tests.unit.field_model import field_model, gaussian, prompt


def test_the_clean_prediction_of_the_true_noise_is_the_image() -> None:
    x, eps = gaussian((2, 1, 4, 3)), gaussian((2, 1, 4, 3), seed=1)
    for logsnr in (-4.0, 0.0, 6.0):
        x_alpha = noised(x, torch.full((2,), logsnr, dtype=x.dtype), eps)
        assert torch.allclose(clean_prediction(x_alpha, logsnr, eps), x, atol=1e-5)


@pytest.mark.parametrize("sampler", ["heun", "euler", "ddim"])
def test_looking_changes_nothing(sampler: str) -> None:
    path = make_path(sampler, field_model(), 10)  # type: ignore[arg-type]
    x = gaussian((2, 1, 4, 3))
    trails = Trail((2.0, -1.0)), Trail((-1.0, 2.0))
    noise = path.reverse(x, prompt(rows=2), trails[0])
    assert torch.equal(noise, path.reverse(x, prompt(rows=2)))
    back = path.generate(noise, prompt(rows=2), watch=trails[1])
    assert torch.equal(back, path.generate(noise, prompt(rows=2)))
    assert all(trail.of(row).shape == (2, 1, 4, 3) for trail in trails for row in range(2))


def test_predictions_go_from_the_image_to_the_mean_of_all_images() -> None:
    """For N(0, 1) the exact prediction is √σ(α)·x_α, and its part of the image falls with the log-SNR."""
    path = KarrasPath(GaussianField((-5.0, 7.0)), "heun", 40)
    x = gaussian((2, 1, 4, 3))
    trail = Trail((6.0, 0.0, -4.5))
    path.reverse(x, prompt(0.0, 1.0), trail)
    shares = (trail.of(1) / x[1]).flatten(1)
    assert torch.allclose(shares, shares[:, :1].expand_as(shares), atol=1e-4)
    assert shares[0, 0] == pytest.approx(1.0, abs=0.01)
    assert 1 > shares[0, 0] > shares[1, 0] > shares[2, 0] > 0


def test_of_equally_near_calls_the_last_counts() -> None:
    trail = Trail((0.0,))
    for place, logsnr in enumerate((-2.0, 1.0, -1.0, 2.0)):
        trail(logsnr, torch.full((1, 1), float(place)), torch.zeros(1, 1))
    (found,) = trail.of(0)
    assert float(found) == pytest.approx(2.0 / torch.sigmoid(torch.tensor(-1.0)).sqrt().item())
