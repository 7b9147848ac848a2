"""The information that may predict an edit: MI and CMI on the real latent, and what the model prefers after a swap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from infodecomp.config import EditCaptionsSection, InformationSection
from infodecomp.editing.captions import case_edit
from infodecomp.editing.known_information import KnownInformation
from infodecomp.editing.round_trip import CaptionedImage, WayBack
from infodecomp.estimator.densities import Placing
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.prompt_pairs import PromptPair, prompt_pairs
from infodecomp.estimator.sampling import draws_of
from infodecomp.information.study_draws import study_density
from infodecomp.jobs.model_job import ModelJob
from infodecomp.maps.rounding import rounded_map
from infodecomp.runs.seeds import generator


@dataclass(frozen=True)
class EditEstimates:
    """Estimates of one captioned image: on its real latent, None if there is nothing to estimate, and on those of its swaps.

    swaps: case id → estimate.
    """

    real: Estimate | None
    swaps: Mapping[str, Estimate]


@dataclass(frozen=True)
class EditEstimator:
    """Estimates the predictors of edits, except those that are known already."""

    stage: ModelJob
    captions: EditCaptionsSection
    information: InformationSection
    known: KnownInformation

    def estimates(
        self, images: Sequence[CaptionedImage], latents: Mapping[WayBack, torch.Tensor], interval: Interval
    ) -> Iterator[EditEstimates]:
        """The estimates of each captioned image, all with the draws of the image. latents: of its ways back."""
        pairs = [
            list(dict.fromkeys(pair for case in image.cases for pair in self._pairs(case).values())) for image in images
        ]
        swaps = [[way for way in latents if way.image == k and way.branch == "swap"] for k in range(len(images))]

        def problems() -> Iterator[Problem]:
            for image, own, swapped in zip(images, pairs, swaps, strict=True):
                if not own and not swapped:
                    continue
                draws = self._draws(image, interval)
                if own:
                    yield self._problem(image.latent, own, draws)
                for way in swapped:
                    yield self._problem(latents[way], [(image.caption, way.caption)], draws)

        estimates = estimate_many(self.stage.model.predict, problems(), self.stage.model.batch_size)
        for own, swapped in zip(pairs, swaps, strict=True):
            yield EditEstimates(next(estimates) if own else None, {way.case_id: next(estimates) for way in swapped})

    def arrays(self, case: Any, found: EditEstimates) -> dict[str, np.ndarray]:
        """Maps (h, w) and totals of a case with their standard errors, nats."""
        return {**self._predictors(case, found.real), **_preference(case, found)}

    def evaluations(self, case: Any, found: EditEstimates) -> int:
        """Denoiser evaluations that the estimates of a case take by themselves."""
        prompts = {prompt for pair in self._pairs(case).values() for prompt in pair}
        own = 0
        if found.real:
            error = found.real.error
            own = len({error[prompt].data_ptr() for prompt in prompts}) * len(found.real.draws)
        if case.case_id in found.swaps:
            own += found.swaps[case.case_id].evaluations
        return own

    @cached_property
    def _density(self) -> str | Placing:
        return study_density(self.stage.args.pilot, self.information.draws)

    def _pairs(self, case: Any) -> dict[str, PromptPair]:
        """The (reference, conditioned) prompts to estimate, by the predictor's name."""
        edit = case_edit(case, self.captions)
        pairs = (
            {}
            if case.case_id in self.known.keys
            else prompt_pairs(full=edit.unchanged, context=edit.omit, word=case.prompt_word)
        )
        return pairs | ({"cmi_swap": (edit.swap, edit.unchanged)} if edit.swap else {})

    def _draws(self, image: CaptionedImage, interval: Interval) -> Draws:
        """The draws of the localisation study, so that its maps and these could come from one run."""
        return draws_of(
            self.information.draws,
            steps=self.information.budget.steps,
            extendable=self.information.budget.extendable,
            shape=self.stage.model.latent_shape,
            interval=interval,
            density=self._density,
            rng=generator(self.stage.args.seed, image.job.image_id, "information"),
        )

    def _problem(self, latent: torch.Tensor, pairs: Sequence[PromptPair], draws: Draws) -> Problem:
        prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
        return Problem(latent, self.stage.captions.conditions(prompts), pairs, draws)

    def _predictors(self, case: Any, estimate: Estimate | None) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        kinds = {} if estimate is None else {"s": estimate.standard, "o": estimate.orthogonal}
        for letter, of_pair in kinds.items():
            for name, pair in self._pairs(case).items():
                found = of_pair[pair]
                arrays[f"predictor/{name}_{letter}"] = rounded_map(found.map)
                arrays[f"{name}_{letter}"] = np.array(found.total)
                arrays[f"{name}_{letter}_error"] = np.array(found.total_error)
        return arrays | self.known.arrays(case, self.information.budget.steps[-1])


def _preference(case: Any, found: EditEstimates) -> dict[str, np.ndarray]:
    """i^s of the swapped caption against the unchanged one, on the latent of `swap`."""
    if case.case_id not in found.swaps:
        return {}
    (swap,) = found.swaps[case.case_id].standard.values()
    return {"preference_swap": np.array(swap.total), "preference_swap_error": np.array(swap.total_error)}
