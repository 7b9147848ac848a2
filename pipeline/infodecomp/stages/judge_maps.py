"""Judge the maps of one shard's cases: what the model makes of images without their pixels, and the maps made again.

What is kept of a case is for `tabulate_faithfulness`: `deletion/i_o/<map>`, `insertion/i_s/<map>` and so on, curves in nats;
`recorded/<map>`, the maps that all are made from, `seed/<map>`, the same made with another seed, and `weights/<map>`, by the
model with its weights shuffled.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from infodecomp.config import (
    AttentionSection,
    FaithfulnessSection,
    GradientsSection,
    InformationSection,
    PartialInformationSection,
    given,
    parse_section,
)
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.estimator.batching import groups
from infodecomp.estimator.designs import resolved
from infodecomp.estimator.sampling import Draws, sample_draws
from infodecomp.faithfulness.curves import Judged, evaluations, expected_filling, information_curves, noise_filling
from infodecomp.faithfulness.judged_maps import RECORDED, SEED, WEIGHTS, judged_settings, maps_digest, read_judged_cases
from infodecomp.faithfulness.repeated_maps import Pairs, Recipe
from infodecomp.information.case_draws import IMAGES_AT_ONCE, case_pairs
from infodecomp.jobs.model_shard import ModelShard, add_model_arguments, add_pilot_argument, pilot_identity
from infodecomp.maps.setting import Setting
from infodecomp.maps.sources import MapSources, add_map_arguments
from infodecomp.maps.word_maps import Maps
from infodecomp.metrics.faithfulness import QUANTITIES, pixel_order
from infodecomp.models.randomised import randomised
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import read_table
from infodecomp.stages.gather_parts import TABLE_COLUMNS as PARTS_COLUMNS

STAGE = "judge_maps"

# i^o and i^s are those of the whole image, and of the filling alone.
SHARD_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason", "key"), "string"),
    "evaluations": "int64",
    **{f"{quantity}{image}": "float64" for quantity in QUANTITIES for image in ("", "_filling")},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What every stage that runs the model takes, the maps to judge, and the sections that they were made with."""
    add_model_arguments(parser)
    add_pilot_argument(parser)
    add_map_arguments(parser)
    parser.add_argument("--methods", nargs="+", required=True, help="methods whose maps are judged")
    parser.add_argument("--information-section", required=True, help="the information section as JSON")
    parser.add_argument("--attention-section", required=True, help="the attention section as JSON")
    parser.add_argument("--gradients-section", required=True, help="the gradients section as JSON")
    parser.add_argument("--pairs-section", default="{}", help="the partial_information section as JSON")
    parser.add_argument("--word-pairs", type=Path, help="pairs.parquet of the dataset, where --pairs are given")


def run(args: argparse.Namespace) -> None:
    """Judge the maps of one shard."""
    section = parse_section(FaithfulnessSection, args.section)
    recipe = Recipe(
        resolved(parse_section(InformationSection, args.information_section), "maps"),
        parse_section(AttentionSection, args.attention_section),
        parse_section(GradientsSection, args.gradients_section),
        _pairs(args),
        section.repeated_draws,
    )
    maps = MapSources.of(args).maps(read_judged_cases(args.cases, section.cases), args.seed)
    settings = judged_settings(maps, args.methods, section)
    identity = section.model_dump(mode="json", include={"fractions", "filling", "filling_logsnr", "draws"})
    stage = ModelShard.open(
        args,
        STAGE,
        identity,
        read=partial(read_judged_cases, count=section.cases),
        own=lambda case: maps_digest(maps, settings, case.case_id),
        made_with={
            "information": given(recipe.information),
            "attention": given(recipe.attention),
            "gradients": given(recipe.gradients),
            "pairs": given(recipe.pairs.section),
            "repeated_draws": recipe.draws,
        },
        **pilot_identity(args.pilot),
    )
    judge = Judge(stage, section, recipe, maps, [setting for setting in settings if setting.steps])
    pending = stage.shard.pending()
    if pending:
        judge.check()
        jobs = stage.readable(pending)
        with Progress(f"{STAGE} shard {args.shard}", sum(len(job.cases) for job in jobs), "cases") as progress:
            for together in groups(jobs, IMAGES_AT_ONCE):
                for case, arrays in judge.cases(together):
                    stage.shard.store(case, arrays)
                    progress.advance()
    stage.finish(SHARD_COLUMNS, lambda arrays: {name: arrays[name].tolist() for name in list(SHARD_COLUMNS)[4:]})


def _pairs(args: argparse.Namespace) -> Pairs:
    """The pairs of words that have an estimate; none without --pairs."""
    section = parse_section(PartialInformationSection, args.pairs_section)
    if not args.pairs:
        return Pairs(section, {}, {})
    if args.word_pairs is None:
        raise InputError("--word-pairs is missing; --pairs names cases that are in pairs of words.")
    pairs = {pair.case_id: pair for pair in cast(Iterable[Any], read_pairs(args.word_pairs).itertuples(index=False))}
    table = pd.concat([read_table(path, PARTS_COLUMNS) for path in args.pairs])
    of_case = {
        row.case_id: [pairs[name] for name in row.pairs]
        for row in cast(Iterable[Any], table.itertuples(index=False))
        if len(row.pairs)
    }
    words = [word for pair in pairs.values() for word in (pair.first, pair.second)]
    return Pairs(section, of_case, surprisals(read_cases(args.cases), words, section.word_prior))


@dataclass(frozen=True)
class Judge:
    """A shard, the maps of its cases, and how they are judged. settings: of the maps."""

    stage: ModelShard
    section: FaithfulnessSection
    recipe: Recipe
    maps: Maps
    settings: Sequence[Setting]

    def check(self) -> None:
        """InputError where the model was not trained at the log-SNR of the filling."""
        logsnr, (low, high) = self.section.filling_logsnr, self.stage.model.logsnr_range
        if self.section.filling == "denoiser" and not low <= logsnr <= high:
            raise InputError(
                f"faithfulness → filling_logsnr is {logsnr:g}; allowed are the model's trained {low:.2f} … {high:.2f}."
            )

    def cases(self, jobs: Sequence[ImageJob]) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
        """Every case of these images with what is kept of it."""
        recorded = list(dict.fromkeys(part for setting in self.settings for part in setting.parts))
        # A walk draws nothing: with another seed it is the same one, unless the latent itself is drawn.
        drawn = [one for one in recorded if one.source != "attention" or self.stage.settings.latents == "sample"]
        seed = int(generator(self.stage.args.seed, "another seed").integers(2**31))
        again = self.recipe.repeat(self.stage.variant(seed=seed), jobs, drawn)
        with randomised(self.stage.model.unet, generator(self.stage.args.seed, "weights")):
            forgotten = self.recipe.repeat(self.stage, jobs, recorded)
        for case, judged, curves in self._curves(jobs):
            cost = sum(self.recipe.evaluations(settings, case.case_id) for settings in (drawn, recorded))
            heats = {one: self.maps.heat(case.case_id, one) for one in recorded}
            known = {one: heat for one, heat in heats.items() if isinstance(heat, np.ndarray)}
            same = {str(one): heat for one, heat in known.items() if one not in drawn}
            first = next(iter(judged.orders))
            own = evaluations(len(judged.orders), self.section.fractions, self.section.draws)
            yield (
                case,
                {
                    **curves,
                    **{f"{RECORDED}{one}": heat for one, heat in known.items()},
                    **{f"{SEED}{key}": heat for key, heat in {**same, **again.get(case.case_id, {})}.items()},
                    **{f"{WEIGHTS}{key}": heat for key, heat in forgotten.get(case.case_id, {}).items()},
                    "evaluations": np.array(own + cost),
                    **{name: np.array(curves[f"deletion/{name}/{first}"][0]) for name in QUANTITIES},
                    **{f"{name}_filling": np.array(curves[f"insertion/{name}/{first}"][0]) for name in QUANTITIES},
                },
            )

    def _curves(self, jobs: Sequence[ImageJob]) -> Iterator[tuple[Any, Judged, dict[str, np.ndarray]]]:
        """Case after case; one without any map fails."""
        judged = list[tuple[Any, Judged]]()

        def cases() -> Iterator[Judged]:
            for job, latent in self.stage.latents(jobs):
                draws, filling = self._draws(job.image_id), self._filling(job.image_id, latent)
                for case in job.cases:
                    orders = self._orders(case)
                    if not orders:
                        self.stage.shard.fail(case, "no_map", "the case has no map that could be judged")
                        continue
                    context, full = self.stage.stacked_embeddings(case_pairs(case, self.recipe.information)["cmi"])
                    judged.append((case, Judged(latent, filling, context, full, draws, orders)))
                    yield judged[-1][1]

        found = information_curves(self.stage.predict, cases(), self.section.fractions, self.stage.batch_size)
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
        """Draws of which no map knows."""
        information = self.recipe.information
        return sample_draws(
            shape=self.stage.model.latent_shape,
            steps=(self.section.draws,),
            density=self.stage.density(information),
            design=information.design,
            antithetic_eps=information.antithetic_eps,
            interval=self.stage.interval(information),
            rng=generator(self.stage.args.seed, image_id, STAGE),
        )

    def _filling(self, image_id: str, latent: torch.Tensor) -> torch.Tensor:
        rng = generator(self.stage.args.seed, image_id, "filling")
        if self.section.filling == "noise":
            return noise_filling(latent, rng)
        empty = self.stage.stacked_embeddings([""])[0]
        return expected_filling(self.stage.predict, latent, empty, self.section.filling_logsnr, rng)
