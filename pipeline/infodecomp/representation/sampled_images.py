"""What a decoder draws: samples by sampler, reconstructions, traversals of the dimensions, and images between two images.

Every noise has a generator of (seed, number of the sample, purpose), and all samplers start from the same x_T, so that their
rows compare sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from infodecomp.config.representation_samples import RepresentationSamplesSection, SamplerName
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Denoiser
from infodecomp.representation.codes import code_condition
from infodecomp.representation.interpolation import great_circle, quarter_turn, traversed
from infodecomp.representation.samplers import Sampler, even_levels, initial_noise, two_phase
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator

# Where denoisers without a range of their own, exact ones, begin and end: no image is left, and none is in doubt.
UNBOUNDED = (-8.0, 6.0)
ROWS = 64

# From a generator for each sample to codes: a batch of conditions.
DrawCodes = Callable[[Sequence[np.random.Generator]], Condition]


@dataclass(frozen=True, eq=False)
class SampledModel:
    """What samplers need of a model.

    denoiser: reads `nothing`, one empty condition, and the conditions of `prior`, `latent` and `encode`. shape: of images.
    prior: draws what may be known of an image; None if the model knows nothing. latent: the same from a diffusion model of
    codes, or None. encode: the codes of images (B, C, h, w), or None if what is known is no function of the image's pixels.
    """

    denoiser: Denoiser
    nothing: Condition
    shape: tuple[int, int, int]
    prior: DrawCodes | None = None
    latent: DrawCodes | None = None
    encode: Callable[[torch.Tensor], torch.Tensor] | None = None

    @property
    def samplers(self) -> tuple[SamplerName, ...]:
        """Those that the model has what they need for."""
        found: list[SamplerName] = ["unconditional"]
        found += ["ddim", "ddpm"] if self.prior else []
        found += ["two_phase"] if self.encode else []
        found += ["two_phase_prior"] if self.prior else []
        found += ["latent"] if self.latent else []
        return tuple(found)


@dataclass(frozen=True)
class SampledImages:
    """Draws of one model. seed: of the run."""

    model: SampledModel
    section: RepresentationSamplesSection
    seed: int

    def samples(self, name: SamplerName) -> torch.Tensor:
        """`count` samples of a sampler, float32 (count, C, h, w)."""
        parts = torch.arange(self.section.count).split(ROWS)
        return torch.cat([self._part(name, part.tolist()) for part in parts])

    def reconstructions(self, known: Condition) -> torch.Tensor:
        """Images from what is known of them, a batch, and fresh noise: the quality of the code."""
        x = initial_noise(self._rngs(range(len(known)), "reconstruction"), self.model.shape)
        return self._generate(x, known)

    def inverted(self, images: torch.Tensor, known: Condition) -> torch.Tensor:
        """Images from what is known of them and the x_T that reversed DDIM finds; says nothing of the code."""
        return self._generate(self._noise_of(images, known), known)

    def traversals(self, code: torch.Tensor) -> torch.Tensor:
        """Images of one code (d,) with each dimension set to each value, float32 (d, values, C, h, w), of one x_T."""
        codes = traversed(code, self.section.traversals)
        flat = codes.flatten(0, 1)
        x = initial_noise(self._rngs([0], "traversals"), self.model.shape).expand(len(flat), *self.model.shape)
        drawn = self._generate(x, code_condition(flat, torch.ones(flat.shape[1])))
        return drawn.view(*codes.shape[:2], *self.model.shape)

    def interpolations(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """What changes between two images (2, C, h, w) → the images on the way, float32 (shares, C, h, w).

        Code: along a quarter turn, with the x_T of the first image. Noise: x_T along a great circle, with the code of the
        first. Both: both.
        """
        if self.model.encode is None:
            raise InputError("interpolations need an encoder, and the model has none; leave them out for this model.")
        codes = self.model.encode(images)
        ones = torch.ones(codes.shape[1])
        noises = self._noise_of(images, code_condition(codes, ones))
        shares = self.shares
        turned = torch.stack([quarter_turn(*codes, share) for share in shares])
        moved = torch.stack([great_circle(*noises, share) for share in shares])
        still = codes[:1].expand(len(shares), -1), noises[:1].expand(len(shares), *self.model.shape)
        ways = {"code": (turned, still[1]), "noise": (still[0], moved), "code and noise": (turned, moved)}
        return {name: self._generate(x, code_condition(code, ones)) for name, (code, x) in ways.items()}

    @property
    def shares(self) -> list[float]:
        """Of the way between two images, from 0 to 1."""
        return np.linspace(0, 1, self.section.interpolations).tolist()

    @property
    def sampler(self) -> Sampler:
        """The sampler of everything but ddpm."""
        low, high = self.model.denoiser.logsnr_range
        if not np.isfinite([low, high]).all():
            low, high = UNBOUNDED
        return Sampler(self.model.denoiser, even_levels(self.section.steps, low, high), self.section.eta)

    def _part(self, name: SamplerName, numbers: Sequence[int]) -> torch.Tensor:
        model, rngs = self.model, self._rngs(numbers, "samples")
        x = initial_noise(rngs, model.shape)
        sampler = replace(self.sampler, eta=1.0) if name == "ddpm" else self.sampler
        if name == "unconditional":
            return sampler.generate(x, model.nothing.expand(len(x)), rngs)
        if name == "two_phase" and model.encode is not None:
            return two_phase(sampler, sampler, self.section.split_step, x, model.nothing, self._encoded, rngs)
        source = model.latent if name == "latent" else model.prior
        if source is None or name == "two_phase":
            raise InputError(f"the sampler {name} cannot draw with this model; it has {', '.join(model.samplers)}.")
        codes = source(self._rngs(numbers, "sampled codes"))
        if name == "two_phase_prior":
            return two_phase(sampler, sampler, self.section.split_step, x, model.nothing, codes, rngs)
        return sampler.generate(x, codes, rngs)

    def _encoded(self, images: torch.Tensor) -> Condition:
        assert self.model.encode is not None
        codes = self.model.encode(images)
        return code_condition(codes, torch.ones(codes.shape[1]))

    def _generate(self, x: torch.Tensor, known: Condition) -> torch.Tensor:
        still = replace(self.sampler, eta=0.0)
        parts = torch.arange(len(x)).split(ROWS)
        return torch.cat([still.generate(x[part], known[part]) for part in parts])

    def _noise_of(self, images: torch.Tensor, known: Condition) -> torch.Tensor:
        parts = torch.arange(len(images)).split(ROWS)
        return torch.cat([self.sampler.reverse(images[part], known[part]) for part in parts])

    def _rngs(self, numbers: Sequence[int], purpose: str) -> list[np.random.Generator]:
        return [generator(self.seed, number, purpose) for number in numbers]
