"""Take images to noise along the model's flow, and back to an image: with their caption unchanged, and with edited ones.

Several images go through the denoiser together. Each image and caption is taken to noise once, and back once with the
unchanged caption and once for each intervention of each case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from infodecomp.estimator.batching import groups, padded
from infodecomp.flows.path import Path as FlowPath
from infodecomp.flows.trail import Trail
from infodecomp.information.word_attention import word_attention_map
from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.models.attention import AttentionRecorder, Tap
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob

# Log-SNRs of the frames of an animation: where the pictures of a diffusion model dissolve and form.
_LOOKS = (2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -4.0)


@dataclass(frozen=True)
class CaptionedImage:
    """An image with one of its captions: its pictures and latent, the tokens to record attention of, and its cases.

    real, autoencoder: the image, and the same encoded and decoded, (3, H, W) in [0, 1]. inside: the box of the image in
    them, (left, top, width, height); letterbox bars lie outside. latent: (C, h, w).
    """

    job: ImageJob
    real: np.ndarray
    autoencoder: np.ndarray
    inside: tuple[int, int, int, int]
    latent: torch.Tensor
    caption: str
    tokens: list[int]
    cases: list[Any]


@dataclass(frozen=True)
class WayBack:
    """One way from noise to an image: number of the captioned image, branch, case ("": shared by all) and caption."""

    image: int
    branch: str
    case_id: str
    caption: str


@dataclass(frozen=True)
class RoundTrips:
    """What comes of taking captioned images to noise and back.

    noise_variance: of each image, the mean square of its noise over that of true noise. latents: of each way back,
    (C, h, w). heat: case id → attention map of the unchanged way back, (h, w). out, back: of animated cases, the clean
    latents predicted on the way to noise and on the way back, (n, C, h, w).
    """

    noise_variance: list[float]
    latents: dict[WayBack, torch.Tensor]
    heat: dict[str, np.ndarray]
    out: dict[int, torch.Tensor]
    back: dict[WayBack, torch.Tensor]


def _never(case: Any) -> bool:
    """No case has animations."""
    return False


@dataclass(frozen=True)
class RoundTripper:
    """Takes captioned images to noise and back along a path.

    captions: case → branch → caption. ways: most ways back of an image with one case. noised_start: as in `FlowSection`.
    heads: of attention. animated: which cases have animations. evaluated: receives the rows of calls of the denoiser.
    """

    stage: ModelInputs
    path: FlowPath
    captions: Callable[[Any], Mapping[str, str]]
    noised_start: bool
    heads: str
    ways: int = 3
    animated: Callable[[Any], bool] = _never
    evaluated: Callable[[int], None] = lambda _: None

    def trips(self, images: Sequence[CaptionedImage], together: int) -> RoundTrips:
        """To noise and back, at most `together` images; a call of fewer is filled up to that number."""
        animated = {case.case_id for image in images for case in image.cases if self.animated(case)}
        given = self._start_noise(images)
        noise, out = self._to_noise(images, given, animated, together)
        made: dict[WayBack, torch.Tensor] = {}
        heat: dict[str, np.ndarray] = {}
        back: dict[WayBack, torch.Tensor] = {}
        size = min(int(self.stage.model.batch_size), self.ways * together)
        ways = [way for number, image in enumerate(images) for way in self._ways_back(number, image)]
        with self.stage.model.recording() as recorder:
            for batch in groups(ways, size):
                before = partial(self._before_call, recorder, _taps(batch, images), len(batch))
                starts = torch.stack([noise[way.image] for way in batch])
                conditions = self.stage.captions.batch([way.caption for way in batch])
                trail = Trail(_LOOKS[::-1]) if animated else None
                ends = self.path.generate(padded(starts, size), padded(conditions, size), before, trail)
                made |= {way: end - given[way.image] for way, end in zip(batch, ends[: len(batch)], strict=True)}
                if trail:
                    back |= {way: trail.of(place) for place, way in enumerate(batch) if way.case_id in animated}
            for number, image in enumerate(images):
                heat |= self._heat(recorder, number, image)
        variance = noise[: len(images)].square().mean((1, 2, 3)) / self.path.spread**2
        return RoundTrips(variance.tolist(), made, heat, out, back)

    def _before_call(self, recorder: AttentionRecorder, taps: Sequence[Tap], rows: int) -> None:
        recorder.expect(taps)
        self.evaluated(rows)

    def _to_noise(
        self, images: Sequence[CaptionedImage], given: torch.Tensor, animated: set[str], together: int
    ) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
        """The noise that images come to, and the clean latents predicted on the way of those with an animated case."""
        latents = torch.stack([image.latent for image in images])
        conditions = self.stage.captions.batch([image.caption for image in images])
        trail = Trail(_LOOKS) if animated else None
        noise = self.path.reverse(padded(latents + given, together), padded(conditions, together), trail)
        self.evaluated(self.path.evaluations * len(images))
        watched = [k for k, image in enumerate(images) if animated.intersection(case.case_id for case in image.cases)]
        return noise, {number: trail.of(number) for number in watched} if trail else {}

    def _start_noise(self, images: Sequence[CaptionedImage]) -> torch.Tensor:
        """Noise added to each latent before the trip and removed after it, (B, C, h, w); 0 without `noised_start`.

        At the clean end of the flow, samples still carry a little noise. A latent without any keeps less noise than the
        model expects all the way: what it ends as is no sample of noise, and where noise should hide the image the model
        still sees it and follows it instead of a changed caption.
        """
        shape = self.stage.model.latent_shape
        if not self.noised_start:
            return torch.zeros(len(images), *shape)
        drawn = [
            generator(self.stage.seed, image.job.image_id, "editing").standard_normal(shape, dtype=np.float32)
            for image in images
        ]
        return self.path.noise * torch.from_numpy(np.stack(drawn))

    def _ways_back(self, number: int, image: CaptionedImage) -> Iterator[WayBack]:
        yield WayBack(number, "unchanged", "", image.caption)
        for case in image.cases:
            for branch, caption in self.captions(case).items():
                if branch != "unchanged":
                    yield WayBack(number, branch, case.case_id, caption)

    def _heat(self, recorder: AttentionRecorder, number: int, image: CaptionedImage) -> dict[str, np.ndarray]:
        recorded = recorder.pop(number)
        return {
            case.case_id: word_attention_map(self.stage, case, recorded, image.tokens, self.heads)
            for case in image.cases
        }


def _taps(ways: Sequence[WayBack], images: Sequence[CaptionedImage]) -> list[Tap]:
    """Attention is recorded with the unchanged captions only."""
    return [
        Tap(position, way.image, images[way.image].tokens)
        for position, way in enumerate(ways)
        if way.branch == "unchanged"
    ]
