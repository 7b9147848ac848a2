"""Make the recorded maps of some images again: with another seed, or with whatever weights the model has now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config import AttentionSection, GradientsSection, InformationSection
from pipeline.shards import ImageJob
from pipeline.stages.case_draws import draw_cases
from pipeline.stages.estimate_information import case_arrays
from pipeline.stages.model_shard import ModelShard
from pipeline.stages.record_attention import attention_maps
from pipeline.stages.record_gradients import EVALUATIONS_A_DRAW, drawing, gradient_maps
from pipeline.word_maps import Setting

# A case with its maps, by their keys.
_Made = Iterator[tuple[Any, Mapping[str, np.ndarray]]]


@dataclass(frozen=True)
class Recipe:
    """How maps were made, and how many draws they get when they are made again at most (None: as many)."""

    information: InformationSection
    attention: AttentionSection
    gradients: GradientsSection
    draws: int | None

    def repeat(
        self, stage: ModelShard, jobs: Sequence[ImageJob], recorded: Iterable[Setting]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Case id → key of each recorded map → the map made again, under the key of the recorded one.

        A map that is not finite is left out.
        """
        makers = {"information": self._information, "attention": self._attention, "gradients": self._gradients}
        made: dict[str, dict[str, np.ndarray]] = {}
        for source, settings in _by_source(recorded).items():
            steps = self._steps(source, settings[0].steps)
            for case, heats in makers[source](stage, jobs, steps):
                again = {str(one): heats[str(one._replace(steps=steps))] for one in settings}
                finite = {key: heat for key, heat in again.items() if np.isfinite(heat).all()}
                made.setdefault(case.case_id, {}).update(finite)
        return made

    def evaluations(self, recorded: Iterable[Setting]) -> int:
        """Denoiser evaluations that one case takes by itself."""
        a_step = {"information": 4, "attention": 2, "gradients": EVALUATIONS_A_DRAW}
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


def _by_source(recorded: Iterable[Setting]) -> dict[str, list[Setting]]:
    """All of one source have one number of steps: the first or the last of those it recorded."""
    found: dict[str, list[Setting]] = {}
    for setting in recorded:
        found.setdefault(setting.source, []).append(setting)
    return found
