"""The Gaussian channel and its link to timesteps."""

from __future__ import annotations

import pytest
import torch

from infodecomp.estimator.channel import nearest_timestep, noised, signal_and_noise, trained_logsnr


def test_amplitudes() -> None:
    logsnr = torch.tensor([-20.0, -1.3, 0.0, 2.5, 20.0], dtype=torch.float64)
    signal, noise = signal_and_noise(logsnr)
    assert torch.allclose(signal**2 + noise**2, torch.ones(5).double(), atol=1e-12)
    assert torch.allclose(2 * (signal.log() - noise.log()), logsnr, atol=1e-6)
    assert signal[2] == noise[2] == pytest.approx(0.5**0.5)
    assert signal_and_noise(torch.zeros(2, dtype=torch.float32))[0].dtype == torch.float32


def test_amplitudes_keep_small_noise() -> None:
    """√σ(−α) is computed as such, not as √(1 − σ(α)), which would be 0 here."""
    assert float(signal_and_noise(torch.tensor([40.0]))[1]) == pytest.approx(2.061e-9, rel=1e-3)


def test_noised_for_one_and_for_many_images() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 5, 6, generator=generator)
    eps = torch.randn(3, 4, 5, 6, generator=generator)
    logsnr = torch.tensor([-2.0, 0.0, 3.0])
    mixed = noised(x, logsnr, eps)
    assert mixed.shape == (3, 4, 5, 6)
    for row in range(3):
        share = torch.sigmoid(logsnr[row])
        assert torch.allclose(mixed[row], share.sqrt() * x[row] + (1 - share).sqrt() * eps[row], atol=1e-6)
        assert torch.equal(noised(x[row], logsnr, eps)[row], mixed[row])


def test_trained_logsnr_is_the_logit() -> None:
    alphas = torch.tensor([0.9991, 0.5, 0.0047], dtype=torch.float64)
    table = trained_logsnr(alphas)
    assert torch.allclose(torch.sigmoid(table), alphas, atol=1e-15)
    assert table[1] == 0 and (table[:-1] > table[1:]).all()


def test_every_timestep_finds_itself() -> None:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    table = trained_logsnr(torch.cumprod(1 - betas, 0))
    assert torch.equal(nearest_timestep(table, table), torch.arange(1000))
    assert float(table[0]) == pytest.approx(7.07, abs=0.01) and float(table[-1]) == pytest.approx(-5.36, abs=0.01)


def test_nearest_timestep_between_and_beyond() -> None:
    table = torch.tensor([4.0, 2.0, 0.0, -2.0], dtype=torch.float64)
    asked = torch.tensor([9.0, 2.9, 3.1, 1.0, -0.9, -50.0])
    assert nearest_timestep(asked, table).tolist() == [0, 1, 0, 1, 2, 3]  # 1.0 is as near to 2 as to 0: the lower wins
    assert nearest_timestep(asked, table).dtype == torch.int64
