"""Train an encoder together with its decoder, on images: the decoder's error carries the gradient to the code.

The loss is that of `code_loss` with the image itself as target, plus the regulariser. Its weights are those of
InfoDiffusion, whose loss is a mean square a value: λ of the discrepancy is worth λ d/2 nats for images of d values. The
divergence is in nats already, and at weight 1 the sum is the negative evidence bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import cast

import numpy as np
import torch

from infodecomp.config.representation_model import RepresentationModel, RepresentationTrainingSection
from infodecomp.estimator.channel import noised
from infodecomp.representation.codes import code_condition
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.priors import draw_prior
from infodecomp.representation.regularisers import divergence_penalty, mmd, normal_kl
from infodecomp.runs.seeds import generator
from infodecomp.training.code_decoder import JUDGED, SHOWN, decoded_sheet, noise_levels
from infodecomp.training.code_draws import CodeDraw, CodeDraws, MaskShares, NoiseLevels
from infodecomp.training.code_images import TrainingImages
from infodecomp.training.code_knowledge import KnownCode
from infodecomp.training.code_loss import nats, predicted
from infodecomp.training.code_optimizers import optimizers
from infodecomp.training.code_phases import Phase, averaged
from infodecomp.training.state import TrainState

# Further images of a step, which are only encoded: for the statistics of a batch and for the discrepancy.
ENCODED_ONLY = 32
# The most images over which a trained encoder is standardised.
SETTLED = 20_000
# Which dimensions the decoder knows of the second view; of the first it knows nothing.
SHARES = MaskShares(none=0.0, all=0.7, one=0.05, rest=0.05)


@dataclass(frozen=True)
class JointDraw:
    """The draws of a step, and images that are only encoded, with noise of their codes and as many draws of the prior."""

    of_decoder: CodeDraw
    others: torch.Tensor  # (m,) int64, numbers of images
    noise: torch.Tensor  # (n + m, dimensions)
    prior: torch.Tensor  # (n + m, dimensions)

    def to(self, device: torch.device) -> JointDraw:
        """The same on a device."""
        return JointDraw(*(getattr(self, each.name).to(device) for each in fields(self)))


@dataclass(frozen=True)
class JointDraws:
    """Draws steps; as `CodeDraws`, with a stream of its own for what is only encoded."""

    of_decoder: CodeDraws
    prior: str

    @property
    def images_a_step(self) -> int:
        """Predictions of a step."""
        return self.of_decoder.images_a_step

    def step(self, step: int, rank: int, ranks: int) -> JointDraw:
        """The share of worker `rank` in a step."""
        drawn, parts = self.of_decoder.step(step, rank, ranks), self.of_decoder.parts
        rng = generator(self.of_decoder.seed, "representation", "encoded", step, rank)
        others = np.asarray(self.of_decoder.numbers)[rng.integers(len(self.of_decoder.numbers), size=ENCODED_ONLY)]
        count = len(drawn.numbers) + ENCODED_ONLY
        noise = rng.standard_normal((count, parts), dtype=np.float32)
        prior = draw_prior(self.prior, rng, count, parts)
        return JointDraw(drawn, *(torch.from_numpy(each) for each in (others, noise, prior)))


@dataclass(frozen=True, eq=False)
class JointLoss:
    """The loss of a step, in nats."""

    encoder: torch.nn.Module
    decoder: torch.nn.Module
    images: TrainingImages
    model: RepresentationModel
    levels: NoiseLevels

    def __call__(self, drawn: JointDraw) -> torch.Tensor:
        """½ ∫ e^α E‖x̂ − x‖² dα of both views, and the regulariser."""
        draw = drawn.of_decoder
        images = self.images.images(torch.cat([draw.numbers, drawn.others]))
        means, deviations = self.encoder(images)
        codes = means + deviations * drawn.noise
        own = codes[: len(draw.numbers)]
        x_alpha = noised(images[: len(own)], draw.logsnr, draw.eps)
        conditions = [code_condition(own, torch.zeros_like(own)), code_condition(own, draw.masks[1])]
        targets = torch.cat([self._nothing_known(x_alpha, draw.logsnr, images[: len(own)]), images[: len(own)]])
        error = predicted(self.decoder, x_alpha, draw.logsnr, conditions) - targets
        loss = nats(error, draw.logsnr.repeat(2), self.levels).mean()
        return loss + self._regulariser(codes, means, deviations, drawn.prior)

    def _nothing_known(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """The target where nothing is known: without noise of its own where the world is finite."""
        if self.images.world is None:
            return images
        with torch.no_grad():
            return self.images.world.mean(self.images.world.log_weights(x_alpha, logsnr).softmax(1))

    def _regulariser(
        self, codes: torch.Tensor, means: torch.Tensor, deviations: torch.Tensor, prior: torch.Tensor
    ) -> torch.Tensor:
        penalty = codes.new_zeros(())
        if self.model.mmd:
            penalty = penalty + self.model.mmd * math.prod(self.images.shape) / 2 * mmd(codes, prior, self.model.kernel)
        if self.model.kl:
            penalty = penalty + self.model.kl * divergence_penalty(normal_kl(means, deviations), self.model.capacity)
        return penalty


def joint_phase(
    encoder: torch.nn.Module,
    decoder: torch.nn.Module,
    images: TrainingImages,
    model: RepresentationModel,
    settings: RepresentationTrainingSection,
    *,
    seed: int,
) -> Phase:
    """The phase in which both learn."""
    levels = noise_levels(settings)
    draws = CodeDraws(
        seed, "joint", images.train, images.shape, model.dimensions, settings.batch, levels, SHARES, views=2
    )
    muon, adamw = optimizers([decoder], settings.matrix_learning_rate, settings.learning_rate)
    adamw.add_param_group(
        {"params": list(encoder.parameters()), "scale": settings.encoder_learning_rate, "weight_decay": 1e-5}
    )
    state = TrainState({"decoder": decoder, "encoder": encoder}, (muon, adamw))
    loss = JointLoss(encoder, decoder, images, model, levels)

    def judge(state: TrainState) -> dict[str, float]:
        return {"information": held_out_information(settled_encoder(state, images), images, seed)}

    def show(state: TrainState) -> np.ndarray:
        numbers = torch.from_numpy(generator(seed, "representation", "shown").permutation(images.held)[:SHOWN])
        code = settled_encoder(state, images).eval()(images.images(numbers))[0].detach()
        known = [code_condition(code, mask) for mask in (torch.ones_like(code), torch.zeros_like(code))]
        return decoded_sheet(averaged(state, "decoder"), images, numbers, known, settings.range, seed)

    steps, joint_draws = settings.joint_steps, JointDraws(draws, model.prior)
    return Phase("joint", state, joint_draws, loss, steps, None if images.world is None else judge, show)


def settled_encoder(state: TrainState, images: TrainingImages) -> Encoder:
    """The encoder as it will be in its file: averaged, standardised over images that it was trained on, rounded."""
    encoder = cast(Encoder, averaged(state, "encoder"))
    encoder.settle(images.images(torch.from_numpy(images.train[:SETTLED])))
    return encoder.half().float()


def held_out_information(encoder: Encoder, images: TrainingImages, seed: int) -> float:
    """I(x; z) of held-out images in nats, exactly but for their number: E ln q(z|x) / q(z), in a finite world."""
    world = images.world
    assert world is not None
    knowledge = KnownCode(*codes(encoder, world.images))
    rng = generator(seed, "representation", "information")
    numbers = torch.from_numpy(rng.permutation(images.held)[:JUDGED])
    noise = torch.from_numpy(rng.standard_normal((len(numbers), knowledge.parts), dtype=np.float32))
    known = knowledge.known(*(each.to(world.images.device) for each in (numbers, noise, torch.ones_like(noise))))
    logs = knowledge.likelihood(known).double()
    own = logs[torch.arange(len(numbers)), numbers]
    return float((own - logs.logsumexp(1)).mean()) + math.log(len(world))
