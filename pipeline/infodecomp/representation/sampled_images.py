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

    denoiser: reads `nothing`, one empty condition, and the conditions of `prior`, `latent` and `encode`; None for an
    autoencoder, which has `decode` instead, from codes (B, d) to images. shape: of images. prior: draws what may be known
    of an image; None if the model knows nothing. latent: the same from a diffusion model of codes, or None. encode: the
    codes of images (B, C, h, w), or None if what is known is no function of the image's pixels.
    """

    denoiser: Denoiser | None
    nothing: Condition
    shape: tuple[int, int, int]
    decode: Callable[[torch.Tensor], torch.Tensor] | None = None
    prior: DrawCodes | None = None
    latent: DrawCodes | None = None
    encode: Callable[[torch.Tensor], torch.Tensor] | None = None

    @property
    def samplers(self) -> tuple[SamplerName, ...]:
        """Those that the model has what they need for."""
        needs: dict[SamplerName, tuple[object, ...]] = {
            "unconditional": (self.denoiser,),
            "ddim": (self.denoiser, self.prior),
            "ddpm": (self.denoiser, self.prior),
            "two_phase": (self.denoiser, self.encode),
            "two_phase_prior": (self.denoiser, self.prior),
            "latent": (self.latent,),
            "decoder": (self.decode, self.prior),
        }
        return tuple(name for name, needed in needs.items() if None not in needed)


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
        first. Both: both. An autoencoder has no noise.
        """
        if self.model.encode is None:
            raise InputError("interpolations need an encoder, and the model has none; leave them out for this model.")
        codes, shares = self.model.encode(images), self.shares
        ones, turned = (
            torch.ones(codes.shape[1]),
            torch.stack([quarter_turn(codes[0], codes[1], share) for share in shares]),
        )
        if self.model.decode is not None:
            return {"code": self.model.decode(turned)}
        noises = self._noise_of(images, code_condition(codes, ones))
        moved = torch.stack([great_circle(noises[0], noises[1], share) for share in shares])
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
        assert self.model.denoiser is not None
        low, high = self.model.denoiser.logsnr_range
        if not np.isfinite([low, high]).all():
            low, high = UNBOUNDED
        return Sampler(self.model.denoiser, even_levels(self.section.steps, low, high), self.section.eta)

    def _part(self, name: SamplerName, numbers: Sequence[int]) -> torch.Tensor:
        model, rngs = self.model, self._rngs(numbers, "samples")
        if name not in model.samplers:
            raise InputError(f"the sampler {name} cannot draw with this model; it has {', '.join(model.samplers)}.")
        codes = self._codes(name, numbers)
        if model.decode is not None:
            return model.decode(codes.states)
        x, sampler = (
            initial_noise(rngs, model.shape),
            replace(self.sampler, eta=1.0) if name == "ddpm" else self.sampler,
        )
        if name in ("two_phase", "two_phase_prior"):
            known = self._encoded if name == "two_phase" else codes
            return two_phase(sampler, sampler, self.section.split_step, x, model.nothing, known, rngs)
        return sampler.generate(x, codes, rngs)

    def _codes(self, name: SamplerName, numbers: Sequence[int]) -> Condition:
        """What a sampler knows from the start, a batch."""
        source = self.model.latent if name == "latent" else self.model.prior
        if source is None or name in ("unconditional", "two_phase"):
            return self.model.nothing.expand(len(numbers))
        return source(self._rngs(numbers, "sampled codes"))

    def _encoded(self, images: torch.Tensor) -> Condition:
        assert self.model.encode is not None
        codes = self.model.encode(images)
        return code_condition(codes, torch.ones(codes.shape[1]))

    def _generate(self, x: torch.Tensor, known: Condition) -> torch.Tensor:
        parts = torch.arange(len(x)).split(ROWS)
        if self.model.decode is not None:
            return torch.cat([self.model.decode(known[part].states) for part in parts])
        still = replace(self.sampler, eta=0.0)
        return torch.cat([still.generate(x[part], known[part]) for part in parts])

    def _noise_of(self, images: torch.Tensor, known: Condition) -> torch.Tensor:
        parts = torch.arange(len(images)).split(ROWS)
        return torch.cat([self.sampler.reverse(images[part], known[part]) for part in parts])

    def _rngs(self, numbers: Sequence[int], purpose: str) -> list[np.random.Generator]:
        return [generator(self.seed, number, purpose) for number in numbers]
