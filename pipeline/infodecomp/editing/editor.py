"""Walk images to noise and back with the captions of their cases, and gather what is kept of each.

All walks of several images go through the denoiser together. The way to noise is made once for each image and caption, the
way back once for the caption as it stands and once for each intervention of each case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from infodecomp.config import EditingSection, InformationSection
from infodecomp.editing.edits import INTERVENTIONS
from infodecomp.estimator.batching import evenly, groups, padded
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.prompt_pairs import PromptPair, prompt_pairs
from infodecomp.estimator.sampling import Draws, Interval, Placing, draws_of
from infodecomp.flows.path import Path as FlowPath
from infodecomp.flows.path import make_path
from infodecomp.flows.trail import Trail
from infodecomp.information.estimates_table import SHARD_COLUMNS
from infodecomp.information.study_draws import study_density, study_interval
from infodecomp.information.word_attention import word_attention_map
from infodecomp.jobs.model_job import ModelJob
from infodecomp.maps.rounding import rounded_map
from infodecomp.metrics.heatmaps import cell_means
from infodecomp.metrics.picture_change import peak_signal_to_noise, picture_changes
from infodecomp.models.attention import AttentionRecorder, Tap
from infodecomp.pictures.images import fitted_box, image_size
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob
from infodecomp.runs.storage import read_arrays, read_table
from infodecomp.words.swaps import swap_partner, swap_word

# Where the way to an edit is looked at: the log-SNRs at which pictures of a diffusion model dissolve and form.
_LOOKS = (2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -4.0)


class Edited(NamedTuple):
    """What is kept of a case: its arrays; pictures by name, (3, H, W) in [0, 1]; and by intervention the frames from the
    real picture over what the model took the clean image to be, to noise and back, to the edited one, (n, 3, H, W).

    There are frames of the first `animated` cases of a dataset only.
    """

    case: Any
    arrays: dict[str, np.ndarray]
    pictures: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]


@dataclass(frozen=True)
class Known:
    """MI and CMI of the localisation study: the key of each finished case's results, and the folder of the maps."""

    keys: Mapping[str, str]
    maps: Path

    @classmethod
    def of(cls, table: Path, cases: Sequence[Any], key: Callable[[Any], str]) -> Known:
        """What a shard of estimate_information has finished of `cases`, whose maps lie beside its table.

        key: case → the key that the results must have, `Shard.key` of that stage. Raises InputError when they have
        another: they are then of another seed, model, image or code, or of other settings.
        """
        rows = read_table(table, SHARD_COLUMNS)
        finished = rows.loc[rows["status"] == "ok"]
        found = dict(zip(finished["case_id"], finished["key"], strict=True))
        keys = {case.case_id: key(case) for case in cases if case.case_id in found}
        others = [case for case in keys if found[case] != keys[case]]
        if others:
            raise InputError(
                f"{table}: the key of case {others[0]} is {found[others[0]]}; expected {keys[others[0]]}, that of this "
                "seed, model, image, code, and these settings of `information`, `editing` and `attention` "
                f"({len(others)} of {len(keys)} cases differ); run estimate_information again."
            )
        return cls(keys, table.parent / "maps")

    def arrays(self, case: Any, steps: int) -> dict[str, np.ndarray]:
        """Maps and totals of a case at a number of draws; nothing for a case that it lacks.

        Raises InputError when the maps are not those that the table speaks of.
        """
        if case.case_id not in self.keys:
            return {}
        path = self.maps / f"{case.case_id}.npz"
        found = read_arrays(path)
        key = str(found.get("key"))
        if key != self.keys[case.case_id]:
            raise InputError(f"{path}: key is {key}; expected {self.keys[case.case_id]}, that of its table.")
        arrays: dict[str, np.ndarray] = {}
        for name in ("mi", "cmi"):
            for letter, kind in (("s", "standard"), ("o", "orthogonal")):
                arrays[f"predictor/{name}_{letter}"] = found[f"{name}/{kind}/{steps}"]
                arrays[f"{name}_{letter}"] = found[f"{name}_{kind}"]
                arrays[f"{name}_{letter}_error"] = found[f"{name}_{kind}_error"]
        return arrays


@dataclass(frozen=True)
class Edit:
    """The three captions of a case; swap is "" when there is none, and then status and reason say why."""

    unchanged: str
    omit: str
    swap: str
    swap_status: str = "ok"
    swap_reason: str = ""

    @property
    def branches(self) -> dict[str, str]:
        """Branch → caption, without a swap that there is not."""
        branches = {"unchanged": self.unchanged, "omit": self.omit, "swap": self.swap}
        return {name: caption for name, caption in branches.items() if name != "swap" or caption}


def case_edit(case: Any, section: EditingSection) -> Edit:
    """The captions of a case under a configuration."""
    omit = case.prompt_masked if section.omit == "underscore" else case.prompt_context
    partner = swap_partner(case.prompt_word, section.swaps, section.swap_scope)
    if partner is None:
        reason = f"'{case.prompt_word}' is not in the table editing → swaps"
        return Edit(case.prompt_full, omit, "", "no_partner", reason)
    swap = swap_word(case.prompt_full, case.prompt_word, section.swaps, scope=section.swap_scope)
    if swap is None:
        reason = f"'{case.prompt_word}' stands in the caption only inside a longer name of the table editing → swaps"
        return Edit(case.prompt_full, omit, "", "word_in_longer_name", reason)
    return Edit(case.prompt_full, omit, swap)


def is_animated(case: Any, section: EditingSection) -> bool:
    """Whether the ways to the edits of a case are kept as moving pictures."""
    return bool(case.position < section.animated)


@dataclass(frozen=True)
class _Walk:
    """One image with one of its captions: its pictures and latent, the tokens that are recorded, and its cases.

    real, autoencoder: the image, and what the autoencoder alone makes of it, (3, H, W) in [0, 1]. inside: where in them the
    image is, (left, top, width, height); letterbox bars lie outside.
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
class _Row:
    """One way back from noise: the walk it belongs to, its branch, its case (unchanged: shared by all) and caption."""

    walk: int
    branch: str
    case_id: str
    caption: str


@dataclass(frozen=True)
class _Flow:
    """What walks gave: the variance of each walk's noise over what it should be; the latent of each way back; each case's
    attention map from the unchanged one; and of animated cases clean latents on the way to noise, by walk, and on the way
    back, (n, C, h, w).
    """

    noise_variance: list[float]
    latents: dict[_Row, torch.Tensor]
    heat: dict[str, np.ndarray]
    out: dict[int, torch.Tensor]
    back: dict[_Row, torch.Tensor]


@dataclass(frozen=True)
class _Estimates:
    """On the real latent of a walk, None where nothing is to be estimated; and by case on the latent of its swap."""

    real: Estimate | None
    swaps: Mapping[str, Estimate]


@dataclass(frozen=True)
class Editor:
    """Edits images batch by batch."""

    stage: ModelJob
    section: EditingSection
    information: InformationSection
    known: Known

    def edits(self, jobs: Sequence[ImageJob]) -> Iterator[Edited]:
        """Case after case."""
        walks = self._walks(jobs)
        path = make_path(self.section.sampler, self.stage.model, self.section.steps, self.section.rho)
        interval = study_interval(self.stage.model.logsnr_range, self.information)
        while together := list(islice(walks, self._together)):
            flow = self._flow(path, together)
            estimates = self._estimates(together, flow.latents, interval)
            for number, (walk, estimated) in enumerate(zip(together, estimates, strict=True)):
                own = {row: latent for row, latent in flow.latents.items() if row.walk == number}
                pictures = {row: self._picture(latent) for row, latent in own.items()}
                out = self._pictures(flow.out[number]) if number in flow.out else None
                for case in walk.cases:
                    branches = {row.branch: row for row in own if row.case_id in ("", case.case_id)}
                    shown = {"real": walk.real, "autoencoder": walk.autoencoder}
                    shown |= {name: pictures[row] for name, row in branches.items()}
                    arrays = {
                        **_changes(walk, {name: own[row] for name, row in branches.items()}, shown),
                        **self._predictors(case, estimated.real),
                        **self._preference(case, estimated),
                        **_attention(flow.heat[case.case_id]),
                        "noise_variance": np.array(flow.noise_variance[number]),
                        "evaluations": np.array(self._evaluations(path, case, estimated)),
                    }
                    frames = {
                        name: np.concatenate(
                            [walk.real[None], out, self._pictures(flow.back[row]), pictures[row][None]]
                        )
                        for name, row in branches.items()
                        if out is not None and row in flow.back
                    }
                    yield Edited(case, arrays, shown, frames)

    @cached_property
    def _density(self) -> str | Placing:
        return study_density(self.stage.args.pilot, self.information)

    @property
    def _together(self) -> int:
        """How many ways to noise go together; three ways back belong to most, so that theirs make one call.

        The walks of a shard, finished ones too, are divided evenly: calls hold one number of rows, and few of them copies.
        """
        return evenly(self._all_walks, max(int(self.stage.model.batch_size) // 3, 1))

    @cached_property
    def _all_walks(self) -> int:
        cases = self.stage.shard.cases
        return len(cases.loc[cases["status"] == "ok", ["image_id", "prompt_full"]].drop_duplicates())

    def _walks(self, jobs: Sequence[ImageJob]) -> Iterator[_Walk]:
        side = self.stage.model.image_size
        for job, picture in self.stage.images.pictures(jobs):
            latent = self.stage.images.latent_of(job, picture)
            real, autoencoder = (picture[0].numpy() + 1) / 2, self._picture(latent)
            size = image_size(self.stage.shard.images / job.image_path)
            inside = fitted_box(size, (side, side), self.stage.settings.resize)
            for caption, tokens in self.stage.captions.caption_tokens(job).items():
                cases = [case for case in job.cases if case.prompt_full == caption]
                yield _Walk(job, real, autoencoder, inside, latent, caption, tokens, cases)

    def _picture(self, latent: torch.Tensor) -> np.ndarray:
        """The picture of a latent, (3, H, W) in [0, 1]; decoded alone, so that nothing beside it moves its last digit."""
        return self._pictures(latent[None])[0]

    def _pictures(self, latents: torch.Tensor) -> np.ndarray:
        """The pictures of the latents of one row, (n, 3, H, W) in [0, 1]."""
        return (self.stage.model.decode(latents).numpy() + 1) / 2

    def _flow(self, path: FlowPath, walks: Sequence[_Walk]) -> _Flow:
        """Walk to noise and back with all captions."""
        animated = {case.case_id for walk in walks for case in walk.cases if is_animated(case, self.section)}
        latents = torch.stack([walk.latent for walk in walks])
        captions = self.stage.captions.stacked_embeddings([walk.caption for walk in walks])
        together = self._together
        trail = Trail(_LOOKS) if animated else None
        given = self._given_noise(path, walks)
        noise = path.reverse(padded(latents + given, together), padded(captions, together), trail)
        watched = [k for k, walk in enumerate(walks) if animated.intersection(case.case_id for case in walk.cases)]
        out = {number: trail.of(number) for number in watched} if trail else {}
        size = min(int(self.stage.model.batch_size), 3 * together)
        rows = [row for number, walk in enumerate(walks) for row in self._rows(number, walk)]
        made: dict[_Row, torch.Tensor] = {}
        heat: dict[str, np.ndarray] = {}
        back: dict[_Row, torch.Tensor] = {}
        with self.stage.model.recording() as recorder:
            for batch in groups(rows, size):
                before = partial(recorder.expect, _taps(batch, walks))
                starts = torch.stack([noise[row.walk] for row in batch])
                embeddings = self.stage.captions.stacked_embeddings([row.caption for row in batch])
                trail = Trail(_LOOKS[::-1]) if animated else None
                ends = path.generate(padded(starts, size), padded(embeddings, size), before, trail)
                made |= {row: end - given[row.walk] for row, end in zip(batch, ends[: len(batch)], strict=True)}
                if trail:
                    back |= {row: trail.of(place) for place, row in enumerate(batch) if row.case_id in animated}
            for number, walk in enumerate(walks):
                heat |= self._heat(recorder, number, walk)
        variance = noise[: len(walks)].square().mean((1, 2, 3)) / path.spread**2
        return _Flow(variance.tolist(), made, heat, out, back)

    def _given_noise(self, path: FlowPath, walks: Sequence[_Walk]) -> torch.Tensor:
        """The noise that each walk's latent is given before it and relieved of after it, (B, C, h, w); 0 if it has none.

        Where the flow begins, samples have a little noise. A latent that has none keeps less than the model expects all the
        way: what arrives is no sample of noise, and where noise should hide the image the model still sees it, and goes by
        that instead of by a changed caption.
        """
        shape = self.stage.model.latent_shape
        if not self.section.noised_start:
            return torch.zeros(len(walks), *shape)
        drawn = [
            generator(self.stage.args.seed, walk.job.image_id, "editing").standard_normal(shape, dtype=np.float32)
            for walk in walks
        ]
        return path.noise * torch.from_numpy(np.stack(drawn))

    def _rows(self, number: int, walk: _Walk) -> Iterator[_Row]:
        yield _Row(number, "unchanged", "", walk.caption)
        for case in walk.cases:
            for branch, caption in case_edit(case, self.section).branches.items():
                if branch != "unchanged":
                    yield _Row(number, branch, case.case_id, caption)

    def _heat(self, recorder: AttentionRecorder, number: int, walk: _Walk) -> dict[str, np.ndarray]:
        recorded = recorder.pop(number)
        return {
            case.case_id: word_attention_map(self.stage, case, recorded, walk.tokens, self.stage.args.heads)
            for case in walk.cases
        }

    def _pairs(self, case: Any) -> dict[str, PromptPair]:
        """The (reference, conditioned) prompts that are to be estimated, by the predictor's name."""
        edit = case_edit(case, self.section)
        pairs = (
            {}
            if case.case_id in self.known.keys
            else prompt_pairs(full=edit.unchanged, context=edit.omit, word=case.prompt_word)
        )
        return pairs | ({"cmi_swap": (edit.swap, edit.unchanged)} if edit.swap else {})

    def _estimates(
        self, walks: Sequence[_Walk], latents: Mapping[_Row, torch.Tensor], interval: Interval
    ) -> Iterator[_Estimates]:
        """The estimates of each walk, all with the draws of its image."""
        pairs = [
            list(dict.fromkeys(pair for case in walk.cases for pair in self._pairs(case).values())) for walk in walks
        ]
        swaps = [[row for row in latents if row.walk == k and row.branch == "swap"] for k in range(len(walks))]

        def problems() -> Iterator[Problem]:
            for walk, own, swapped in zip(walks, pairs, swaps, strict=True):
                if not own and not swapped:
                    continue
                draws = self._draws(walk, interval)
                if own:
                    yield self._problem(walk.latent, own, draws)
                for row in swapped:
                    yield self._problem(latents[row], [(walk.caption, row.caption)], draws)

        estimates = estimate_many(self.stage.model.predict, problems(), self.stage.model.batch_size)
        for own, swapped in zip(pairs, swaps, strict=True):
            yield _Estimates(next(estimates) if own else None, {row.case_id: next(estimates) for row in swapped})

    def _draws(self, walk: _Walk, interval: Interval) -> Draws:
        """The same draws as in the localisation study, so that its maps and these are one run."""
        return draws_of(
            self.information,
            shape=self.stage.model.latent_shape,
            interval=interval,
            density=self._density,
            rng=generator(self.stage.args.seed, walk.job.image_id, "information"),
        )

    def _problem(self, latent: torch.Tensor, pairs: Sequence[PromptPair], draws: Draws) -> Problem:
        prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
        return Problem(latent, self.stage.captions.embeddings(prompts), pairs, draws)

    def _predictors(self, case: Any, estimate: Estimate | None) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        kinds = {} if estimate is None else {"s": estimate.standard, "o": estimate.orthogonal}
        for letter, of_pair in kinds.items():
            for name, pair in self._pairs(case).items():
                found = of_pair[pair]
                arrays[f"predictor/{name}_{letter}"] = rounded_map(found.map)
                arrays[f"{name}_{letter}"] = np.array(found.total)
                arrays[f"{name}_{letter}_error"] = np.array(found.total_error)
        return arrays | self.known.arrays(case, self.information.steps[-1])

    def _preference(self, case: Any, estimated: _Estimates) -> dict[str, np.ndarray]:
        """i^s of the swapped caption against the caption as it stands, on the latent of `swap` as it was walked."""
        if case.case_id not in estimated.swaps:
            return {}
        (found,) = estimated.swaps[case.case_id].standard.values()
        return {"preference_swap": np.array(found.total), "preference_swap_error": np.array(found.total_error)}

    def _evaluations(self, path: FlowPath, case: Any, estimated: _Estimates) -> int:
        """What the case takes by itself: one way to noise, its ways back, and the estimates that it asked for."""
        prompts = {prompt for pair in self._pairs(case).values() for prompt in pair}
        own = 0
        if estimated.real:
            error = estimated.real.error
            own = len({error[prompt].data_ptr() for prompt in prompts}) * len(estimated.real.draws)
        if case.case_id in estimated.swaps:
            own += estimated.swaps[case.case_id].evaluations
        return path.evaluations * (1 + len(case_edit(case, self.section).branches)) + own


def _taps(rows: Sequence[_Row], walks: Sequence[_Walk]) -> list[Tap]:
    return [
        Tap(position, row.walk, walks[row.walk].tokens)
        for position, row in enumerate(rows)
        if row.branch == "unchanged"
    ]


def _attention(heat: np.ndarray) -> dict[str, np.ndarray]:
    return {"predictor/attention": heat, "attention": np.array(float(heat.sum()))}


def _changes(
    walk: _Walk, latents: Mapping[str, torch.Tensor], pictures: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Latents, maps of how interventions changed latent and picture, and how well the image came back."""
    unchanged = latents["unchanged"]
    arrays = {f"latent/{name}": latent.numpy() for name, latent in {"real": walk.latent, **latents}.items()}
    for intervention in INTERVENTIONS:
        if intervention in latents:
            change = (unchanged - latents[intervention]).square().sum(0).numpy()
            arrays[f"change/latent_l2/{intervention}"] = change
            maps = picture_changes(pictures["unchanged"], pictures[intervention], change.shape)
            arrays |= {f"change/{name}/{intervention}": one for name, one in maps.items()}
    left, top, width, height = walk.inside
    within = np.zeros(walk.real.shape[1:], dtype=bool)
    within[top : top + height, left : left + width] = True
    arrays["inside"] = cell_means(within, (unchanged.shape[1], unchanged.shape[2])) == 1.0
    inside = {name: picture[:, top : top + height, left : left + width] for name, picture in pictures.items()}
    arrays["psnr"] = np.array(peak_signal_to_noise(inside["real"], inside["unchanged"]))
    arrays["psnr_decoded"] = np.array(peak_signal_to_noise(inside["autoencoder"], inside["unchanged"]))
    arrays["psnr_autoencoder"] = np.array(peak_signal_to_noise(inside["real"], inside["autoencoder"]))
    arrays["latent_error"] = np.array(float((unchanged - walk.latent).square().mean().sqrt()))
    return arrays
