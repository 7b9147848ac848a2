"""Losses of variational autoencoders against those of pythae, and a model that learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from infodecomp.config import Config
from infodecomp.config.representation_model import (
    RepresentationModel,
    RepresentationModelSection,
    RepresentationTrainingSection,
)
from infodecomp.config.settings import TrainRepresentation, settings_of
from infodecomp.representation.encoder import Encoder
from infodecomp.representation.factor_world import draw_images
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.regularisers import mmd, normal_kl
from infodecomp.representation.vaes import GaussianDecoder, reconstruction_loss
from infodecomp.training.code_images import TrainingImages
from infodecomp.training.representation import Training
from infodecomp.training.vae import VaeDraw, VaeDraws, VaeLoss
from infodecomp.training.workers import ALONE

DIMENSIONS = 4


def pythae_models() -> Any:
    """The library whose losses judge these."""
    return pytest.importorskip("pythae.models", reason="pythae is not installed")


@dataclass
class Batch:
    """Images, what a decoder made of them, and the code with its distribution."""

    images: torch.Tensor
    decoded: torch.Tensor
    means: torch.Tensor
    deviations: torch.Tensor
    codes: torch.Tensor
    prior: torch.Tensor

    @classmethod
    def drawn(cls) -> Batch:
        rng = torch.Generator().manual_seed(0)
        images, decoded = torch.rand(2, 10, 3, 8, 8, generator=rng)
        means, noise, prior, logs = torch.randn(4, 10, DIMENSIONS, generator=rng)
        deviations = (0.3 * logs).exp()
        return cls(images, decoded, means, deviations, means + deviations * noise, prior)

    def beta_vae(self, beta: float) -> list[torch.Tensor]:
        """Total, reconstruction and divergence of pythae's β-VAE."""
        model = pythae_models().BetaVAE(pythae_models().BetaVAEConfig((3, 8, 8), DIMENSIONS, beta=beta))
        return list(model.loss_function(self.decoded, self.images, self.means, 2 * self.deviations.log(), self.codes))

    def info_vae(self, **settings: Any) -> list[torch.Tensor]:
        """Total, reconstruction, divergence and discrepancy of pythae's InfoVAE."""
        config = pythae_models().INFOVAE_MMD_Config((3, 8, 8), DIMENSIONS, kernel_choice="rbf", **settings)
        codes = (self.codes, self.prior, self.means, 2 * self.deviations.log())
        return list(pythae_models().INFOVAE_MMD(config).loss_function(self.decoded, self.images, *codes))

    def ours(self, weights: Mapping[str, Any]) -> Any:
        """What `VaeLoss` makes of it, with unit spread of the pixels."""
        model = RepresentationModel(**{"mmd": 0.0, "code_noise": "learnt", **weights})
        loss = VaeLoss(
            lambda _: (self.means, self.deviations), lambda _: self.decoded, lambda _: self.images, model, 1.0
        )  # type: ignore[arg-type]
        noise = (self.codes - self.means) / self.deviations
        return loss.terms(self.images, VaeDraw(torch.arange(10), noise, self.prior))


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_a_beta_vae_has_the_loss_of_pythae(beta: float) -> None:
    batch = Batch.drawn()
    total, reconstruction, kl = batch.beta_vae(beta)
    found = batch.ours({"kl": beta})
    for ours, theirs in ((found.total, total), (found.reconstruction, reconstruction), (found.kl, kl)):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_an_info_vae_has_the_loss_of_pythae() -> None:
    """α = 0.25, λ = 3: ¾ KL + 2¼ MMD², whose width is 2·dimensions·bandwidth² there and dimensions² here.

    The published kernel counts equal pairs, pythae's estimate leaves them out.
    """
    batch, count = Batch.drawn(), 10
    total, _, kl, theirs = batch.info_vae(alpha=0.25, lbd=3.0, kernel_bandwidth=(DIMENSIONS / 2) ** 0.5)
    found = batch.ours({"kl": 0.75, "mmd": 2.25 / (192 / 2)})
    biased = mmd(batch.codes, batch.prior, "published")
    assert float(found.mmd) == float(biased) and float(found.kl) == pytest.approx(float(kl), rel=1e-5)
    within = [torch.exp(-torch.cdist(one, one).square() / DIMENSIONS**2) for one in (batch.codes, batch.prior)]
    equal = sum(1 / count - float(k.sum() - count) / count**2 / (count - 1) for k in within)
    assert float(biased) - equal == pytest.approx(float(theirs), rel=1e-3)
    assert float(found.total - 2.25 * found.mmd) == pytest.approx(float(total - 2.25 * theirs), rel=1e-5)
    assert float(normal_kl(batch.means, batch.deviations).mean()) == pytest.approx(float(kl), rel=1e-5)


def test_a_capacity_is_the_divergence_that_costs_nothing() -> None:
    batch = Batch.drawn()
    kl = float(batch.ours({"kl": 1.0}).kl)
    found = batch.ours({"kl": 50.0, "capacity": kl})
    assert float(found.total) == pytest.approx(float(found.reconstruction), rel=1e-4)
    above = batch.ours({"kl": 50.0, "capacity": kl + 2})
    assert float(above.total - above.reconstruction) == pytest.approx(100, rel=1e-3)


def test_reconstruction_is_the_gaussian_density() -> None:
    batch, spread = Batch.drawn(), 0.1
    density = torch.distributions.Normal(batch.decoded, spread).log_prob(batch.images).flatten(1).sum(1)
    constant = 192 * float(torch.tensor(spread * (2 * torch.pi) ** 0.5).log())
    found = reconstruction_loss(batch.images, batch.decoded, spread)
    assert torch.allclose(-density, found + constant, rtol=1e-5)


def test_a_vae_learns_and_its_draws_are_of_the_step() -> None:
    images = torch.from_numpy(draw_images()[::450]).float() / 127.5 - 1
    torch.manual_seed(0)
    encoder, decoder = Encoder(DIMENSIONS, noise=None), GaussianDecoder(DIMENSIONS)
    draws = VaeDraws(0, np.arange(len(images)), DIMENSIONS, "normal", 16)
    loss = VaeLoss(encoder, decoder, images.__getitem__, RepresentationModel(kl=1.0, mmd=0.0, code_noise="learnt"))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=2e-3)
    losses = []
    for step in range(40):
        optimizer.zero_grad()
        value = loss(draws.step(step, 0, 1))
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    whole, halves = draws.step(7, 0, 1), [draws.step(7, rank, 2) for rank in range(2)]
    assert torch.equal(whole.noise[1::2], halves[1].noise) and torch.equal(whole.numbers[::2], halves[0].numbers)
    assert not torch.equal(whole.noise, draws.step(8, 0, 1).noise)


@pytest.mark.parametrize("noise", ["learnt", 0.1])
def test_the_stage_trains_autoencoders_and_goes_on_where_it_stopped(tmp_path: Path, noise: Any) -> None:
    section = RepresentationModelSection(
        models={"small": RepresentationModel(decoder="gaussian", dimensions=4, code_noise=noise, mmd=0.1)},
        training=RepresentationTrainingSection(autoencoder_steps=6, batch=2, checkpoint_every=3),
    )
    settings = settings_of("train_representation", Config(representation_model=section), "small")
    assert isinstance(settings, TrainRepresentation)
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    numbers, world = np.arange(12), FiniteWorld(images, torch.arange(12)[:, None])
    of_training = TrainingImages("small", images.__getitem__, (3, 16, 16), numbers, numbers[:2], world, ("number",))

    def trained(folder: str, steps: int) -> dict[str, torch.Tensor]:
        shorter = settings.training.model_copy(update={"autoencoder_steps": steps, "hold": 0.99})
        recipe = settings.model_copy(update={"training": shorter})
        found = Training(recipe, of_training, tmp_path / folder, ALONE).networks()
        return {f"{name}.{key}": value for name, one in found.items() for key, value in one.state_dict().items()}

    whole = trained("whole", 6)
    trained("parts", 3)
    parts = trained("parts", 6)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert all(value.isfinite().all() for value in whole.values())
    judged = pd.read_csv(tmp_path / "whole" / "autoencoder" / "progress.csv").iloc[-1]
    assert 0 < judged["information"] <= np.log(12) + 1e-3 and judged["rate"] > 0
