"""Train an encoder together with its decoder, on images: the decoder's error carries the gradient to the code.

The loss is that of `code_loss` with the image itself as target, plus the regulariser. Its weights are those of InfoDiffusion,
whose loss is a mean square a value: λ of the discrepancy is worth λ d/2 nats for images of d values. The divergence is in nats
already, and at weight 1 the sum is the negative evidence bound.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch

from infodecomp.config.representation_model import RepresentationModel, RepresentationTrainingSection
from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.representation.codes import code_condition
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.priors import draw_prior
from infodecomp.representation.regularisers import divergence_penalty, mmd, normal_kl
from infodecomp.runs.seeds import generator
from infodecomp.training.code_draws import CodeDraw, CodeDraws, MaskShares, NoiseLevels
from infodecomp.training.code_loss import nats, predicted

# Further images of a step, which are only encoded: for the statistics of a batch and for the discrepancy.
ENCODED_ONLY = 32
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
        """Noised images whose prediction is judged."""
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
    """The loss of a step, in nats. world: None if the images cannot be enumerated; images: float32 (N, C, H, W)."""

    encoder: torch.nn.Module
    decoder: torch.nn.Module
    images: torch.Tensor
    world: FiniteWorld | None
    model: RepresentationModel
    levels: NoiseLevels

    def __call__(self, drawn: JointDraw) -> torch.Tensor:
        """½ ∫ e^α E‖x̂ − x‖² dα of both views, and the regulariser."""
        draw = drawn.of_decoder
        images = self.images[torch.cat([draw.numbers, drawn.others])]
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
        if self.world is None:
            return images
        with torch.no_grad():
            return self.world.mean(self.world.log_weights(x_alpha, logsnr).softmax(1))

    def _regulariser(
        self, codes: torch.Tensor, means: torch.Tensor, deviations: torch.Tensor, prior: torch.Tensor
    ) -> torch.Tensor:
        penalty = codes.new_zeros(())
        if self.model.mmd:
            penalty = penalty + self.model.mmd * self.images[0].numel() / 2 * mmd(codes, prior, self.model.kernel)
        if self.model.kl:
            penalty = penalty + self.model.kl * divergence_penalty(normal_kl(means, deviations), self.model.capacity)
        return penalty


def encoded_condition(codes: torch.Tensor) -> Condition:
    """The condition of whole codes."""
    return code_condition(codes, torch.ones_like(codes))


def joint_optimizer_group(encoder: torch.nn.Module, settings: RepresentationTrainingSection) -> dict[str, object]:
    """The encoder's group of AdamW: a lower learning rate, and a little weight decay."""
    return {"params": list(encoder.parameters()), "scale": settings.encoder_learning_rate, "weight_decay": 1e-5}
