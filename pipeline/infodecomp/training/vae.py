"""Train a variational autoencoder: the loss of `representation.vaes` with the regularisers of the diffusion models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch

from infodecomp.config.representation_model import RepresentationModel, RepresentationTrainingSection
from infodecomp.representation.encoder import codes
from infodecomp.representation.priors import draw_prior
from infodecomp.representation.regularisers import divergence_penalty, mmd, normal_kl
from infodecomp.representation.vaes import PIXEL_SPREAD, reconstruction_loss
from infodecomp.runs.seeds import generator
from infodecomp.training.code_decoder import SHOWN
from infodecomp.training.code_images import TrainingImages
from infodecomp.training.code_joint import held_out_information, settled_encoder
from infodecomp.training.code_optimizers import optimizers
from infodecomp.training.code_phases import Phase, averaged
from infodecomp.training.code_samples import sheet
from infodecomp.training.state import TrainState

# Images a step, in batches of the recipe: a step is much cheaper than one of a diffusion model.
BATCHES = 4
# Held-out images over which the rate is averaged.
RATED = 1000


@dataclass(frozen=True)
class VaeDraw:
    """The draws of a step: images by number, int64 (n,), noise of their codes and draws of the prior, (n, dimensions)."""

    numbers: torch.Tensor
    noise: torch.Tensor
    prior: torch.Tensor

    def to(self, device: torch.device) -> VaeDraw:
        """The same on a device."""
        return VaeDraw(*(getattr(self, each.name).to(device) for each in fields(self)))


@dataclass(frozen=True)
class VaeDraws:
    """Draws steps; every step has its own stream of random numbers, and workers take turns among its images.

    numbers: of the images to train on. dimensions: of the code. batch: images a step.
    """

    seed: int
    numbers: np.ndarray
    dimensions: int
    prior: str
    batch: int

    @property
    def images_a_step(self) -> int:
        """Images whose reconstruction is judged."""
        return self.batch

    def step(self, step: int, rank: int, ranks: int) -> VaeDraw:
        """The share of worker `rank` in a step."""
        rng = generator(self.seed, "representation", "vae", step)
        drawn = (
            self.numbers[rng.integers(len(self.numbers), size=self.batch)],
            rng.standard_normal((self.batch, self.dimensions), dtype=np.float32),
            draw_prior(self.prior, rng, self.batch, self.dimensions),
        )
        return VaeDraw(*(torch.from_numpy(np.ascontiguousarray(each[rank::ranks])) for each in drawn))


class VaeTerms(NamedTuple):
    """The loss of a batch and its parts, scalars in nats an image; kl and mmd without their weights."""

    total: torch.Tensor
    reconstruction: torch.Tensor
    kl: torch.Tensor
    mmd: torch.Tensor


@dataclass(frozen=True, eq=False)
class VaeLoss:
    """The loss of a step. images: from numbers (n,) to float32 (n, C, h, w). model: weights of the regularisers, kernel,
    capacity.

    As for diffusion models, weight λ of the discrepancy is worth λ·C·h·w/2 nats.
    """

    encoder: torch.nn.Module
    decoder: torch.nn.Module
    images: Callable[[torch.Tensor], torch.Tensor]
    model: RepresentationModel
    spread: float = PIXEL_SPREAD

    def __call__(self, drawn: VaeDraw) -> torch.Tensor:
        """The total."""
        return self.terms(self.images(drawn.numbers), drawn).total

    def terms(self, images: torch.Tensor, drawn: VaeDraw) -> VaeTerms:
        """The total and its parts. images: (n, C, h, w)."""
        means, deviations = self.encoder(images)
        code = means + deviations * drawn.noise
        reconstruction = reconstruction_loss(images, self.decoder(code), self.spread).mean()
        kl, discrepancy = normal_kl(means, deviations), mmd(code, drawn.prior, self.model.kernel)
        total = reconstruction
        if self.model.kl:
            total = total + self.model.kl * divergence_penalty(kl, self.model.capacity)
        if self.model.mmd:
            total = total + self.model.mmd * images[0].numel() / 2 * discrepancy
        return VaeTerms(total, reconstruction, kl.mean(), discrepancy)


def autoencoder_phase(
    encoder: torch.nn.Module,
    decoder: torch.nn.Module,
    images: TrainingImages,
    model: RepresentationModel,
    settings: RepresentationTrainingSection,
    *,
    seed: int,
) -> Phase:
    """The only phase of an autoencoder; it is judged by I(x; z) and by the rate E KL(q(z|x) ‖ N(0, I)), its upper bound.

    Pictures along the way: held-out images, their reconstructions, and images of the prior.
    """
    draws = VaeDraws(seed, images.train, model.dimensions, model.prior, BATCHES * settings.batch)
    chosen = optimizers([encoder, decoder], settings.learning_rate, settings.learning_rate)
    state = TrainState({"decoder": decoder, "encoder": encoder}, chosen)
    loss = VaeLoss(encoder, decoder, images.images, model)

    def judge(state: TrainState) -> dict[str, float]:
        trained = settled_encoder(state, images)
        means, deviations = codes(trained, images.images(torch.from_numpy(images.held[:RATED])))
        information = held_out_information(trained, images, seed)
        return {"information": information, "rate": float(normal_kl(means, deviations).mean())}

    def show(state: TrainState) -> np.ndarray:
        numbers = torch.from_numpy(generator(seed, "representation", "shown").permutation(images.held)[:SHOWN])
        shown = images.images(numbers)
        prior = torch.from_numpy(
            draw_prior(model.prior, generator(seed, "shown codes"), len(numbers), model.dimensions)
        )
        drawing = averaged(state, "decoder")
        means = codes(settled_encoder(state, images), shown)[0]
        return sheet([shown, *(drawing(code.to(shown.device)).detach() for code in (means, prior))])

    steps = settings.autoencoder_steps
    return Phase("autoencoder", state, draws, loss, steps, None if images.world is None else judge, show)
