"""Make the recorded maps of some images again: with another seed, or with whatever weights the model has now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from infodecomp.config import AttentionSection, GradientsSection, InformationSection, PartialInformationSection
from infodecomp.estimator.estimates import Estimate
from infodecomp.information.case_draws import draw_cases
from infodecomp.jobs.model_shard import ModelShard
from infodecomp.maps.setting import Setting
from infodecomp.metrics.partial_information import Information
from infodecomp.metrics.word_parts import average_parts
from infodecomp.pairs.estimates import ESTIMATORS
from infodecomp.runs.shards import ImageJob
from infodecomp.stages.decompose_information import conditional_pairs, image_prompts, pair_estimates
from infodecomp.stages.estimate_information import case_arrays
from infodecomp.stages.record_attention import attention_maps
from infodecomp.stages.record_gradients import EVALUATIONS_A_DRAW, drawing, gradient_maps

# A case with its maps, by their keys.
_Made = Iterator[tuple[Any, Mapping[str, np.ndarray]]]


@dataclass(frozen=True)
class Pairs:
    """How pairs of words are taken apart, and which there are. surprisal: of each of their words.

    of_case: case id → its pairs, rows of the table of pairs.
    """

    section: PartialInformationSection
    of_case: Mapping[str, Sequence[Any]]
    surprisal: Mapping[str, float]

    def of(self, job: ImageJob) -> tuple[Any, ...]:
        """The pairs of an image's cases, each once."""
        return tuple({pair.case_id: pair for case in job.cases for pair in self.of_case.get(case.case_id, ())}.values())


@dataclass(frozen=True)
class Recipe:
    """How maps were made, and how many draws they get when they are made again at most (None: as many)."""

    information: InformationSection
    attention: AttentionSection
    gradients: GradientsSection
    pairs: Pairs
    draws: int | None

    def repeat(
        self, stage: ModelShard, jobs: Sequence[ImageJob], recorded: Iterable[Setting]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Case id → key of each recorded map → the map made again, under the key of the recorded one.

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
        """Denoiser evaluations that a case takes by itself."""
        prompts = len(image_prompts(self.pairs.of_case.get(case_id, ()), conditional_pairs))
        a_step = {"information": 4, "attention": 2, "gradients": EVALUATIONS_A_DRAW, "pairs": prompts}
        return sum(
            a_step[source] * self._steps(source, settings[0].steps) for source, settings in _by_source(recorded).items()
        )

    def _steps(self, source: str, steps: int) -> int:
        return steps if source == "attention" or self.draws is None else min(steps, self.draws)

    def _information(self, stage: ModelShard, jobs: Sequence[ImageJob], steps: int) -> _Made:
        section = self.information.model_copy(update={"steps": (steps,), "stopping": "none", "extendable": False})
        for case, image, estimate in draw_cases(stage, [(job, 0) for job in jobs], section):
            recorded = stage.word_sum(case, image.attention[case.prompt_full][0], image.tokens[case.prompt_full])
            heat = stage.summed_map(recorded, self.attention.heads)
            yield case, case_arrays(case, estimate, section, {steps: heat})

    def _attention(self, stage: ModelShard, jobs: Sequence[ImageJob], steps: int) -> _Made:
        section = self.attention.model_copy(update={"steps": (steps,)})
        return attention_maps(stage.variant(image_range=section.image_range), jobs, section)

    def _gradients(self, stage: ModelShard, jobs: Sequence[ImageJob], steps: int) -> _Made:
        section = drawing(self.information, self.gradients.model_copy(update={"steps": (steps,)}))
        for case, maps in gradient_maps(stage, jobs, section):
            yield case, {f"gradient/-/{count}": heat.float().numpy() for count, heat in maps.items()}

    def _pairs(self, stage: ModelShard, jobs: Sequence[ImageJob], steps: int) -> _Made:
        section = self.pairs.section.model_copy(update={"steps": steps, "replicates": 1})
        paired = [ImageJob(job.image_id, job.image_path, self.pairs.of(job)) for job in jobs]
        cases = {job.image_id: job.cases for job in jobs}
        found = pair_estimates(
            stage, [job for job in paired if job.cases], section, self.information, conditional_pairs
        )
        for job, estimate in found:
            parts = {
                estimator: average_parts(
                    ((pair, _information_of(pair, estimate, estimator)) for pair in job.cases),
                    section.map_redundancy,
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
    """What the words of a pair tell given the rest of the caption, (h, w) each."""
    integrals = getattr(estimate, estimator)
    return Information(**{words: integrals[prompts].map for words, prompts in conditional_pairs(pair).items()})


def _by_source(recorded: Iterable[Setting]) -> dict[str, list[Setting]]:
    """All of one source have one number of steps: the first or the last of those it recorded."""
    found: dict[str, list[Setting]] = {}
    for setting in recorded:
        found.setdefault(setting.source, []).append(setting)
    return found
