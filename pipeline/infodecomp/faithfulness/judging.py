"""Judge the maps of cases: curves of the images without their cells, and the maps made again.

The arrays of a case, for the tables of faithfulness: `deletion/i_o/<map>`, `insertion/i_s/<map>` and so on, curves in nats;
`recorded/<map>`, the maps that all others are made from; `seed/<map>`, the same made with another seed; and `weights/<map>`,
made by the model with its weights shuffled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from infodecomp.config import JudgingSection
from infodecomp.estimator.batching import groups
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.sampling import draws_of
from infodecomp.faithfulness.curves import (
    Judged,
    curve_evaluations,
    expected_filling,
    information_curves,
    noise_filling,
)
from infodecomp.faithfulness.judged_maps import RECORDED, SEED, WEIGHTS
from infodecomp.faithfulness.repeated_maps import MapRecipe
from infodecomp.information.case_draws import IMAGES_AT_ONCE
from infodecomp.information.study_draws import study_density, study_interval
from infodecomp.jobs.model_job import ModelJob
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.faithfulness import QUANTITIES, pixel_order
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

# Names the draws and the progress.
STAGE = "judge_maps"

# i_o and i_s are the information of the whole image, *_filling that of the filling alone; nats.
SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    "evaluations": "int64",
    **{f"{quantity}{image}": "float64" for quantity in QUANTITIES for image in ("", "_filling")},
}


@dataclass(frozen=True)
class MapJudge:
    """The maps of one shard's cases, and how they are judged. settings: of the maps; a case may lack some of them."""

    stage: ModelJob
    section: JudgingSection
    recipe: MapRecipe
    maps: Maps
    settings: Sequence[Setting]

    def judge(self) -> None:
        """Judge and store the cases that the shard still lacks.

        Raises InputError if the model was not trained at the log-SNR of the filling.
        """
        pending = self.stage.shard.pending()
        if not pending:
            return
        self._check_filling()
        jobs = self.stage.captions.readable(pending)
        with Progress(
            f"{STAGE} shard {self.stage.args.shard}", sum(len(job.cases) for job in jobs), "cases"
        ) as progress:
            for together in groups(jobs, IMAGES_AT_ONCE):
                for case, arrays in self.cases(together):
                    self.stage.shard.store(case, arrays)
                    progress.advance()

    def _check_filling(self) -> None:
        logsnr, (low, high) = self.section.filling_logsnr, self.stage.model.logsnr_range
        if self.section.filling == "denoiser" and not low <= logsnr <= high:
            raise InputError(
                f"faithfulness → judging → filling_logsnr is {logsnr:g}; allowed is the range that the model was trained "
                f"on, {low:.2f} … {high:.2f}."
            )

    def cases(self, jobs: Sequence[ImageJob]) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
        """Every case of these images with its arrays."""
        recorded = list(dict.fromkeys(part for setting in self.settings for part in setting.parts))
        # A walk is deterministic, so another seed changes it only if the latent itself is drawn.
        drawn = [one for one in recorded if one.source != "attention" or self.stage.settings.latents == "sample"]
        seed = int(generator(self.stage.args.seed, "another seed").integers(2**31))
        again = self.recipe.repeat(self.stage.variant(seed=seed), jobs, drawn)
        with self.stage.model.shuffled(generator(self.stage.args.seed, "weights")):
            forgotten = self.recipe.repeat(self.stage, jobs, recorded)
        for case, judged, curves in self._curves(jobs):
            of_maps = sum(self.recipe.evaluations(settings, case.case_id) for settings in (drawn, recorded))
            of_curves = curve_evaluations(len(judged.orders), self.section.fractions, self.section.draws)
            first = next(iter(judged.orders))  # all curves share their ends
            arrays = {
                **curves,
                **self._maps(case, recorded, drawn, again.get(case.case_id, {}), forgotten.get(case.case_id, {})),
                "evaluations": np.array(of_curves + of_maps),
                **{name: np.array(curves[f"deletion/{name}/{first}"][0]) for name in QUANTITIES},
                **{f"{name}_filling": np.array(curves[f"insertion/{name}/{first}"][0]) for name in QUANTITIES},
            }
            yield case, arrays

    def _maps(
        self,
        case: Any,
        recorded: Sequence[Setting],
        drawn: Sequence[Setting],
        again: Mapping[str, np.ndarray],
        forgotten: Mapping[str, np.ndarray],
    ) -> dict[str, np.ndarray]:
        """The recorded maps of a case, those of another seed, and those of shuffled weights, under their keys.

        A map that is not drawn is the same with another seed.
        """
        heats = {one: self.maps.heat(case.case_id, one) for one in recorded}
        known = {one: heat for one, heat in heats.items() if isinstance(heat, np.ndarray)}
        same = {str(one): heat for one, heat in known.items() if one not in drawn}
        return {
            **{f"{RECORDED}{one}": heat for one, heat in known.items()},
            **{f"{SEED}{key}": heat for key, heat in {**same, **again}.items()},
            **{f"{WEIGHTS}{key}": heat for key, heat in forgotten.items()},
        }

    def _curves(self, jobs: Sequence[ImageJob]) -> Iterator[tuple[Any, Judged, dict[str, np.ndarray]]]:
        """Each case with its curves; a case without any map fails."""
        judged = list[tuple[Any, Judged]]()

        def cases() -> Iterator[Judged]:
            for job, latent in self.stage.images.latents(jobs):
                draws, filling = self._draws(job.image_id), self._filling(job.image_id, latent)
                for case in job.cases:
                    orders = self._orders(case)
                    if not orders:
                        self.stage.shard.fail(case, "no_map", "the case has no map to judge")
                        continue
                    prompts = case_pairs(case, self.recipe.information.prompts)["cmi"]
                    context, full = map(self.stage.captions.condition, prompts)
                    judged.append((case, Judged(latent, filling, context, full, draws, orders)))
                    yield judged[-1][1]

        found = information_curves(
            self.stage.model.predict, cases(), self.section.fractions, self.stage.model.batch_size
        )
        for curves in found:
            yield *judged.pop(0), curves

    def _orders(self, case: Any) -> Mapping[str, np.ndarray]:
        heats = {str(setting): self.maps.heat(case.case_id, setting) for setting in self.settings}
        return {
            name: pixel_order(heat, generator(self.stage.args.seed, case.case_id, name, "ties"))
            for name, heat in heats.items()
            if isinstance(heat, np.ndarray)
        }

    def _draws(self, image_id: str) -> Draws:
        """Draws that no map was made with."""
        information = self.recipe.information
        return draws_of(
            information.draws,
            steps=(self.section.draws,),
            shape=self.stage.model.latent_shape,
            density=study_density(self.stage.args.pilot, information.draws),
            interval=study_interval(self.stage.model.logsnr_range, information.range),
            rng=generator(self.stage.args.seed, image_id, STAGE),
        )

    def _filling(self, image_id: str, latent: torch.Tensor) -> torch.Tensor:
        rng = generator(self.stage.args.seed, image_id, "filling")
        if self.section.filling == "noise":
            return noise_filling(latent, rng)
        empty = self.stage.captions.condition("")
        return expected_filling(self.stage.model.predict, latent, empty, self.section.filling_logsnr, rng)
