"""How much there is to do: denoiser evaluations and bytes of each stage on each dataset, counted from the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from infodecomp.attribution.evaluations import loss_evaluations, walk_evaluations
from infodecomp.config import Config, EditingSection
from infodecomp.config.generated import GENERATED
from infodecomp.editing.captions import case_edit
from infodecomp.editing.case_pictures import is_animated
from infodecomp.estimator.options import INFORMATION_SCORES
from infodecomp.faithfulness.curves import evaluations as curve_evaluations
from infodecomp.faithfulness.judged_maps import planned_settings
from infodecomp.faithfulness.repeated_maps import Pairs, Recipe
from infodecomp.flows.generation import rows_a_step
from infodecomp.information.gradient_maps import EVALUATIONS_A_DRAW
from infodecomp.pairs.pairing import word_pairs
from infodecomp.pairs.prompts import image_prompts
from infodecomp.pictures.animations import LONGEST
from infodecomp.words.prompts import case_pairs

# An array in a compressed npz file takes its numbers, and so many bytes for its name, type and shape.
_ARRAY_BYTES = 190

# What compression leaves of a number, bytes: of maps, which are rounded (2.6 at 64x64 pixels, 3.5 at 16x16), and of others.
_MAP_NUMBER, _FLOAT32, _FLOAT64 = 3.0, 3.7, 7.0

# Arrays without extent that are kept of a case: totals, errors, counts, the key.
_SCALARS = {
    "estimate_information": 12,
    "record_attention": 3,
    "record_gradients": 2,
    "edit_images": 23,
    "decompose_information": 3,
    "judge_maps": 4,
}

# A photograph as PNG, and a moving picture of sixteen frames as WebP, bytes a pixel.
_PNG_BYTES, _MOVING_BYTES = 1.7, 5.3


@dataclass(frozen=True)
class Bytes:
    """What a stage leaves, in units that the model gives: numbers, values a latent pixel, latents, pictures, moving ones."""

    fixed: float = 0
    maps: int = 0
    latents: int = 0
    pictures: int = 0
    moving: int = 0

    def total(self, latent_shape: tuple[int, int, int], image_size: int) -> float:
        """Bytes for a model whose latents are (C, h, w) and whose images have so many pixels a side."""
        channels, height, width = latent_shape
        maps = self.maps * (height * width * _MAP_NUMBER + _ARRAY_BYTES)
        latents = self.latents * (channels * height * width * _FLOAT32 + _ARRAY_BYTES)
        pictures = (
            self.pictures * image_size**2 * _PNG_BYTES + self.moving * min(image_size, LONGEST) ** 2 * _MOVING_BYTES
        )
        return self.fixed + maps + latents + pictures


@dataclass(frozen=True)
class Work:
    """One stage on one dataset.

    evaluations: rows that the denoiser sees; recorded: those of them whose attention is recorded, which take longer.
    at_most: a race, or maps that are known, may end before all of them are done.
    """

    dataset: str
    stage: str
    cases: int
    images: int
    jobs: int
    evaluations: int
    recorded: int
    leaves: Bytes
    at_most: bool = False


def study_work(study: Config, cases: Mapping[str, pd.DataFrame]) -> Iterator[Work]:
    """The stages that run the denoiser on the datasets whose cases are known, in the order of a run."""
    for name, dataset in study.datasets.items():
        if name in cases:
            config = study.of_dataset(name)
            usable = _usable(cases[name])
            if dataset.kind == "generated":
                yield _generation(config, name, usable)
            if config.information.density == "adaptive":
                yield _pilot(config, name, usable)
            yield _information(config, name, usable)
            yield _attention(config, name, usable)
            if "gradient" in config.localisation.methods:
                yield _gradients(config, name, usable)
            if name in (config.gradients.explain or (GENERATED,)):
                yield _explanations(config, name, usable)
            if dataset.editing:
                yield _edits(config, name, usable)
            if dataset.word_pairs:
                yield _pairs(config, name, cases[name])
            if name in config.judged_datasets:
                yield _judging(config, name, usable)
    for name in study.retrieval_datasets:
        if name in cases:
            yield from _retrieval(study, name, _usable(cases[name]))


def way_evaluations(editing: EditingSection) -> int:
    """Denoiser evaluations of one way of one image, to noise or back."""
    moves = editing.steps if editing.sampler == "ddim" else editing.steps - 1
    return moves * (2 if editing.sampler == "heun" else 1)


def _usable(cases: pd.DataFrame) -> pd.DataFrame:
    return cases[cases["status"] == "ok"]


def _by_image(cases: pd.DataFrame) -> Iterator[list[Any]]:
    for _, rows in cases.groupby("image_id", sort=False):
        yield list(rows.itertuples(index=False))


def _pilot(config: Config, name: str, cases: pd.DataFrame) -> Work:
    """The four prompts of one case of each image, of which some may be alike."""
    section = config.information
    piloted = cases.drop_duplicates("image_id").head(section.pilot_images)
    evaluations = 4 * len(piloted) * section.pilot_draws
    work = _work(config, name, "pilot_density", piloted, evaluations, 0, Bytes(), at_most=True)
    return replace(work, jobs=1)


def _information(config: Config, name: str, cases: pd.DataFrame) -> Work:
    section, prompts, captions = config.information, 0, 0
    for rows in _by_image(cases):
        prompts += len({prompt for case in rows for pair in case_pairs(case, section).values() for prompt in pair})
        captions += len({case.prompt_full for case in rows})
    draws = section.steps[-1]
    curves = 5 * (draws * _FLOAT64 + _ARRAY_BYTES)
    fixed = len(cases) * (curves + _SCALARS["estimate_information"] * _ARRAY_BYTES)
    maps = len(cases) * 5 * len(section.steps)
    leaves, stopping = Bytes(fixed=fixed, maps=maps), section.stopping != "none"
    return _work(
        config, name, "estimate_information", cases, prompts * draws, captions * draws, leaves, at_most=stopping
    )


def _attention(config: Config, name: str, cases: pd.DataFrame) -> Work:
    walks, steps = _walks(cases), config.attention.steps
    leaves = Bytes(
        fixed=len(cases) * _SCALARS["record_attention"] * _ARRAY_BYTES,
        maps=len(cases) * len(steps),
    )
    return _work(config, name, "record_attention", cases, 2 * walks * sum(steps), walks * sum(steps), leaves)


def _gradients(config: Config, name: str, cases: pd.DataFrame) -> Work:
    steps = config.gradients.steps
    leaves = Bytes(
        fixed=len(cases) * _SCALARS["record_gradients"] * _ARRAY_BYTES,
        maps=len(cases) * len(steps),
    )
    return _work(config, name, "record_gradients", cases, EVALUATIONS_A_DRAW * len(cases) * steps[-1], 0, leaves)


def _generation(config: Config, name: str, cases: pd.DataFrame) -> Work:
    """A given image leaves out the first steps."""
    section, images = config.generate, int(cases["image_id"].nunique())
    # A picture of each step, which as WebP takes a tenth of a PNG.
    leaves = Bytes(fixed=images * 2 * _ARRAY_BYTES, latents=images * (section.steps + 1), pictures=images * 3)
    evaluations = images * section.steps * rows_a_step(section.guidance)
    return _work(config, name, "generate_images", cases, evaluations, 0, leaves, at_most=section.listed is not None)


def _explanations(config: Config, name: str, cases: pd.DataFrame) -> Work:
    section, generate = config.gradients, config.generate
    walks, boxes = _walks(cases), 1 + len(section.boxes or ())
    evaluations, targets = loss_evaluations(section, boxes), boxes
    if name == GENERATED:
        steps = min(section.n_last_steps or generate.steps, generate.steps)
        evaluations += walk_evaluations(section, boxes, steps * rows_a_step(generate.guidance))
        targets += boxes
    leaves = Bytes(fixed=len(cases) * (5 + targets) * _ARRAY_BYTES, maps=len(cases) * targets)
    return _work(
        config, name, "explain_images", cases, walks * evaluations, 0, leaves, at_most=generate.listed is not None
    )


def _edits(config: Config, name: str, cases: pd.DataFrame) -> Work:
    """Ways to noise and back, the information that the localisation study lacks, and what the model prefers after a swap."""
    section, way = config.editing, way_evaluations(config.editing)
    information = section.estimator(config.information)
    known, draws = section.shares(config.information), information.steps[-1]
    ways = estimated = interventions = swaps = moving = 0
    for rows in _by_image(cases):
        for caption in dict.fromkeys(case.prompt_full for case in rows):
            of_walk = [(case, case_edit(case, section)) for case in rows if case.prompt_full == caption]
            branches = sum(len(edit.branches) - 1 for _, edit in of_walk)
            swapped = [edit for _, edit in of_walk if edit.swap]
            prompts = {prompt for edit in swapped for prompt in (edit.swap, edit.unchanged)}
            if not known:
                prompts |= {prompt for case, edit in of_walk for prompt in ("", case.prompt_word, edit.omit, caption)}
            ways += 2 + branches
            estimated += len(prompts) + 2 * len(swapped)
            interventions += branches
            swaps += len(swapped)
            moving += sum(len(edit.branches) - 1 for case, edit in of_walk if is_animated(case, section))
    leaves = Bytes(
        fixed=len(cases) * _SCALARS["edit_images"] * _ARRAY_BYTES,
        maps=3 * interventions + 5 * len(cases) + 2 * swaps,
        latents=2 * len(cases) + interventions,
        pictures=2 * len(cases) + interventions,
        moving=moving,
    )
    evaluations, recorded = ways * way + estimated * draws, _walks(cases) * way
    return _work(config, name, "edit_images", cases, evaluations, recorded, leaves)


def _pairs(config: Config, name: str, cases: pd.DataFrame) -> Work:
    """Every prompt of an image's pairs of words once a draw."""
    section = config.partial_information
    pairs = _usable(word_pairs(name, cases, section)[0])
    prompts = sum(len(image_prompts(rows)) for rows in _by_image(pairs))
    fixed = len(pairs) * _SCALARS["decompose_information"] * _ARRAY_BYTES
    leaves = Bytes(fixed=fixed, maps=len(pairs) * 12 * section.replicates)
    work = _work(config, name, "decompose_information", pairs, prompts * section.steps * section.replicates, 0, leaves)
    return replace(work, jobs=config.pair_shards_of(name))


def _judging(config: Config, name: str, cases: pd.DataFrame) -> Work:
    """Ratios of images without pixels, and maps made again twice; captions that cases share are walked once."""
    section = config.faithfulness
    images = set(cases["image_id"].head(section.cases))
    judged = cases[cases["image_id"].isin(images)]
    settings = planned_settings(config)
    recorded = list(dict.fromkeys(part for setting in settings for part in setting.parts))
    pairs = (
        _usable(word_pairs(name, cases, config.partial_information)[0]) if config.datasets[name].word_pairs else None
    )
    of_case = {} if pairs is None else {case_id: _pairs_of(pairs, case_id) for case_id in judged["case_id"]}
    recipe = Recipe(
        config.information,
        config.attention,
        config.gradients,
        Pairs(config.partial_information, of_case, {}),
        section.repeated_draws,
    )
    repeated = sum(2 * recipe.evaluations(recorded, case_id) for case_id in judged["case_id"])
    evaluations = len(judged) * curve_evaluations(len(settings), section.fractions, section.draws) + repeated
    curves = 2 * len(settings) * ((len(section.fractions) + 2) * _FLOAT64 + _ARRAY_BYTES)
    fixed = len(judged) * (curves + _SCALARS["judge_maps"] * _ARRAY_BYTES)
    leaves = Bytes(fixed=fixed, maps=len(judged) * 3 * len(recorded))
    work = _work(config, name, "judge_maps", judged, evaluations, 0, leaves, at_most=True)
    return replace(work, jobs=section.shards)


def _pairs_of(pairs: pd.DataFrame, case_id: str) -> list[Any]:
    """The pairs of words that a case is in."""
    return list(pairs[(pairs["case_first"] == case_id) | (pairs["case_second"] == case_id)].itertuples(index=False))


def _retrieval(config: Config, name: str, cases: pd.DataFrame) -> Iterator[Work]:
    section = config.retrieval
    images = list(_by_image(cases))
    options = sum(len({option for case in rows for option in case.options}) for rows in images)
    of_norms = options * len(section.diffitm_timesteps)
    scores = [method for method in section.methods if method in INFORMATION_SCORES]
    if scores or "diffitm" in section.methods:
        empty = len(images) if {"i_o", "i_s"} & set(scores) else 0
        drawn = (options + empty) * section.steps[-1] if scores else 0
        names = len(scores) + ("diffitm" in section.methods)
        leaves = _scores(cases, names)
        evaluations = drawn + (of_norms if "diffitm" in section.methods else 0)
        racing = section.stopping == "racing" and bool(scores)
        yield _work(config, name, "score_retrieval", cases, evaluations, 0, leaves, at_most=racing)
    for method in section.methods:
        if method in config.models:
            yield _work(config, name, f"score_{method}", cases, of_norms, 0, _scores(cases, 1))


def _scores(cases: pd.DataFrame, names: int) -> Bytes:
    """Value and error of each option, and the number of evaluations, for each score; and a key."""
    numbers = 2 * _FLOAT64 * names * int(cases["options"].map(len).sum())
    return Bytes(fixed=numbers + len(cases) * (3 * names + 1) * _ARRAY_BYTES)


def _walks(cases: pd.DataFrame) -> int:
    return len(cases[["image_id", "prompt_full"]].drop_duplicates())


def _work(
    config: Config,
    name: str,
    stage: str,
    cases: pd.DataFrame,
    evaluations: int,
    recorded: int,
    leaves: Bytes,
    *,
    at_most: bool = False,
) -> Work:
    images = int(cases["image_id"].nunique())
    return Work(name, stage, len(cases), images, config.shards_of(name), evaluations, recorded, leaves, at_most)
