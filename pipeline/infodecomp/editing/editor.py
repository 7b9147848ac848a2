"""Edit the images of a shard, and gather what is kept of each case: maps of change, predictors of it, and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch

from infodecomp.config.settings import EditImages
from infodecomp.editing.captions import case_edit
from infodecomp.editing.case_pictures import is_animated
from infodecomp.editing.changes import change_arrays
from infodecomp.editing.edit_estimates import EditEstimator
from infodecomp.editing.known_information import KnownInformation
from infodecomp.editing.round_trip import CaptionedImage, RoundTripper, RoundTrips, WayBack
from infodecomp.estimator.batching import evenly
from infodecomp.flows.path import make_path
from infodecomp.information.study_draws import study_interval
from infodecomp.jobs.model_job import ModelJob
from infodecomp.pictures.images import fitted_box, image_size
from infodecomp.runs.shards import ImageJob


class EditedCase(NamedTuple):
    """What is kept of a case: arrays; pictures by name, (3, H, W) in [0, 1]; and frames of an animation by intervention.

    Frames, (n, 3, H, W), lead from the real picture over predictions of the clean image, to noise and back, to the edited
    picture. Only the first `animated` cases of a dataset have them.
    """

    case: Any
    arrays: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]


@dataclass(frozen=True)
class Editor:
    """Edits images batch by batch."""

    stage: ModelJob
    section: EditImages
    known: KnownInformation

    def edits(self, jobs: Sequence[ImageJob]) -> Iterator[EditedCase]:
        """Case after case."""
        images, flow = self._captioned_images(jobs), self.section.flow
        path = make_path(flow.sampler, self.stage.model, flow.steps, flow.rho)
        interval = study_interval(self.stage.model.logsnr_range, self.section.information.range)
        tripper = RoundTripper(
            self.stage,
            path,
            captions=lambda case: case_edit(case, self.section.captions).branches,
            noised_start=flow.noised_start,
            heads=self.section.heads,
            animated=lambda case: is_animated(case, self.section.animated),
        )
        estimator = EditEstimator(self.stage, self.section.captions, self.section.information, self.known)
        while batch := list(islice(images, self._together)):
            trips = tripper.trips(batch, self._together)
            estimates = estimator.estimates(batch, trips.latents, interval)
            for number, (image, found) in enumerate(zip(batch, estimates, strict=True)):
                pictures = {way: self._picture(end) for way, end in trips.latents.items() if way.image == number}
                out = self._pictures(trips.out[number]) if number in trips.out else None
                for case in image.cases:
                    branches = {way.branch: way for way in pictures if way.case_id in ("", case.case_id)}
                    shown = {"real": image.real, "autoencoder": image.autoencoder}
                    shown |= {name: pictures[way] for name, way in branches.items()}
                    ways = 1 + len(case_edit(case, self.section.captions).branches)
                    arrays = {
                        **change_arrays(image, {name: trips.latents[way] for name, way in branches.items()}, shown),
                        **estimator.arrays(case, found),
                        **_attention(trips.heat[case.case_id]),
                        "noise_variance": np.array(trips.noise_variance[number]),
                        "evaluations": np.array(path.evaluations * ways + estimator.evaluations(case, found)),
                    }
                    frames = {} if out is None else self._frames(branches, shown, out, trips)
                    yield EditedCase(case, arrays, shown, frames)

    @property
    def _together(self) -> int:
        """How many captioned images go to noise in one call; most have three ways back, so that these fill one call too.

        All captioned images of the shard, finished ones too, are divided evenly: calls hold the same number of rows, and
        few of them are copies.
        """
        return evenly(self._captioned_count, max(int(self.stage.model.batch_size) // 3, 1))

    @cached_property
    def _captioned_count(self) -> int:
        cases = self.stage.shard.cases
        return len(cases.loc[cases["status"] == "ok", ["image_id", "prompt_full"]].drop_duplicates())

    def _captioned_images(self, jobs: Sequence[ImageJob]) -> Iterator[CaptionedImage]:
        side = self.stage.model.image_size
        for job, picture in self.stage.images.pictures(jobs):
            latent = self.stage.images.latent_of(job, picture)
            real, autoencoder = (picture[0].numpy() + 1) / 2, self._picture(latent)
            size = image_size(self.stage.shard.images / job.image_path, job.orientation)
            inside = fitted_box(size, (side, side), self.stage.settings.resize)
            for caption, tokens in self.stage.captions.caption_tokens(job).items():
                cases = [case for case in job.cases if case.prompt_full == caption]
                yield CaptionedImage(job, real, autoencoder, inside, latent, caption, tokens, cases)

    def _frames(
        self, branches: Mapping[str, WayBack], shown: Mapping[str, np.ndarray], out: np.ndarray, trips: RoundTrips
    ) -> dict[str, np.ndarray]:
        """Frames of each intervention of a case, (n, 3, H, W). out: pictures on the way to noise."""
        return {
            name: np.concatenate([shown["real"][None], out, self._pictures(trips.back[way]), shown[name][None]])
            for name, way in branches.items()
            if way in trips.back
        }

    def _picture(self, latent: torch.Tensor) -> np.ndarray:
        """The picture of a latent, (3, H, W) in [0, 1]; decoded alone, so that its digits do not depend on a batch."""
        return self._pictures(latent[None])[0]

    def _pictures(self, latents: torch.Tensor) -> np.ndarray:
        """The pictures of latents that belong together, (n, 3, H, W) in [0, 1]."""
        return (self.stage.model.decode(latents).numpy() + 1) / 2


def _attention(heat: np.ndarray) -> dict[str, np.ndarray]:
    return {"predictor/attention": heat, "attention": np.array(float(heat.sum()))}
