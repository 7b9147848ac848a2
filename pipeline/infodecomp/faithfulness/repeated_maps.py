"""Make the recorded maps of images again: with another seed, or with the weights that the model has now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infodecomp.config import AttentionSection, InformationSection, PairSamplingSection
from infodecomp.config.settings import RecordGradients
from infodecomp.estimator.estimates import Estimate
from infodecomp.faithfulness.case_pairs import CaseWordPairs
from infodecomp.information.attention_walks import attention_maps
from infodecomp.information.case_draws import draw_cases
from infodecomp.information.estimated_cases import case_arrays
from infodecomp.information.gradient_maps import EVALUATIONS_A_DRAW, gradient_maps
from infodecomp.information.word_attention import attention_map, word_sum
from infodecomp.jobs.model_job import ModelJob
from infodecomp.maps.setting import Setting
from infodecomp.metrics.partial_information import Information
from infodecomp.metrics.word_parts import average_parts
from infodecomp.pairs.estimates import ESTIMATORS
from infodecomp.pairs.pair_draws import pair_estimates
from infodecomp.pairs.prompts import conditional_pairs, image_prompts
from infodecomp.runs.shards import ImageJob

# A case with its maps, by their keys.
_Made = Iterator[tuple[Any, Mapping[str, np.ndarray]]]


@dataclass(frozen=True)
class MapRecipe:
    """How maps were made, and the most draws that they get when they are made again (None: as many as before)."""

    information: InformationSection
    attention: AttentionSection
    pairs: CaseWordPairs
    draws: int | None

    def repeat(
        self, stage: ModelJob, jobs: Sequence[ImageJob], recorded: Iterable[Setting]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Case id → key of the recorded map → the map made again, (h, w).

        A map that is not finite is left out.
        """
        makers = {
            **{"information": self._information, "attention": self._attention},
            **{"gradients": self._gradients, "pairs": self._pairs},
        }
        made: dict[str, dict[str, np.ndarray]] = {}
        for source, settings in _by_source(recorded).items():
            steps = self._steps(source, settings[0].steps)
            for case, heats in makers[source](stage, jobs, steps):
                again = {str(one): heats[str(one._replace(steps=steps))] for one in settings}
                finite = {key: heat for key, heat in again.items() if np.isfinite(heat).all()}
                made.setdefault(case.case_id, {}).update(finite)
        return made

    def evaluations(self, recorded: Iterable[Setting], case_id: str) -> int:
        """Denoiser evaluations for one case, if it shared none with others."""
        prompts = len(image_prompts(self.pairs.of_case.get(case_id, ()), conditional_pairs))
        a_step = {"information": 4, "attention": 2, "gradients": EVALUATIONS_A_DRAW, "pairs": prompts}
        return sum(
            a_step[source] * self._steps(source, settings[0].steps) for source, settings in _by_source(recorded).items()
        )

    def _steps(self, source: str, steps: int) -> int:
        return steps if source == "attention" or self.draws is None else min(steps, self.draws)

    def _information(self, stage: ModelJob, jobs: Sequence[ImageJob], steps: int) -> _Made:
        once = {"steps": (steps,), "stopping": "none", "extendable": False}
        section = self.information.model_copy(update={"budget": self.information.budget.model_copy(update=once)})
        for case, image, estimate in draw_cases(stage, [(job, 0) for job in jobs], section):
            recorded = word_sum(stage, case, image.attention[case.prompt_full][0], image.tokens[case.prompt_full])
            heat = attention_map(stage, recorded, self.attention.heads)
            yield case, case_arrays(case, estimate, section, {steps: heat})

    def _attention(self, stage: ModelJob, jobs: Sequence[ImageJob], steps: int) -> _Made:
        section = self.attention.model_copy(update={"steps": (steps,)})
        return attention_maps(stage.variant(image_range=section.image_range), jobs, section)

    def _gradients(self, stage: ModelJob, jobs: Sequence[ImageJob], steps: int) -> _Made:
        of = self.information
        section = RecordGradients(range=of.range, draws=of.draws, prompts=of.prompts, steps=(steps,))
        return gradient_maps(stage, jobs, section)

    def _pairs(self, stage: ModelJob, jobs: Sequence[ImageJob], steps: int) -> _Made:
        section = PairSamplingSection.model_construct(steps=steps, replicates=1)
        paired = [ImageJob(job.image_id, job.image_path, self.pairs.of_image(job)) for job in jobs]
        cases = {job.image_id: job.cases for job in jobs}
        found = pair_estimates(
            stage, [job for job in paired if job.cases], section, self.information, conditional_pairs
        )
        for job, estimate in found:
            parts = {
                estimator: average_parts(
                    ((pair, _information_of(pair, estimate, estimator)) for pair in job.cases),
                    self.pairs.redundancy,
                    self.pairs.surprisal,
                )
                for estimator in ESTIMATORS
            }
            for case in cases[job.image_id]:
                if case.case_id in self.pairs.of_case:
                    yield (
                        case,
                        {f"unique/{name}/{steps}": of[case.case_id]["unique"] for name, of in parts.items()},
                    )


def _information_of(pair: Any, estimate: Estimate, estimator: str) -> Information:
    """Information of the words of a pair given the rest of the caption, (h, w) each."""
    integrals = getattr(estimate, estimator)
    return Information(**{words: integrals[prompts].map for words, prompts in conditional_pairs(pair).items()})


def _by_source(recorded: Iterable[Setting]) -> dict[str, list[Setting]]:
    """Settings by source; those of one source share a number of steps."""
    found: dict[str, list[Setting]] = {}
    for setting in recorded:
        found.setdefault(setting.source, []).append(setting)
    return found
