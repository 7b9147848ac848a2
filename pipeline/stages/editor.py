"""Walk images to noise and back with the captions of their cases, and gather what is kept of each.

All walks of several images go through the denoiser together. The way to noise is made once for each image and caption, the
way back once for the caption as it stands and once for each intervention of each case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.attention import AttentionRecorder, Tap, recording
from pipeline.config import EditingSection, InformationSection
from pipeline.edits import INTERVENTIONS
from pipeline.errors import InputError
from pipeline.estimates import Estimate, Pair
from pipeline.flow import Path as FlowPath
from pipeline.flow import make_path
from pipeline.information import Problem, estimate_many
from pipeline.metrics.picture_change import peak_signal_to_noise, picture_changes
from pipeline.sampling import Interval, sample_draws
from pipeline.seeds import generator
from pipeline.shards import ImageJob
from pipeline.stages.estimate_information import SHARD_COLUMNS
from pipeline.stages.model_shard import ModelShard
from pipeline.storage import read_arrays, read_table
from pipeline.words import swap_partner, swap_word


@dataclass(frozen=True)
class Known:
    """MI and CMI of the localisation study: the key of each finished case's results, and the folder of the maps."""

    keys: Mapping[str, str]
    maps: Path

    @classmethod
    def of(cls, table: Path) -> Known:
        """What a shard of estimate_information has finished, whose maps lie beside its table."""
        rows = read_table(table, SHARD_COLUMNS)
        rows = rows[rows["status"] == "ok"]
        return cls(dict(zip(rows["case_id"], rows["key"], strict=True)), table.parent / "maps")

    def arrays(self, case: Any, steps: int) -> dict[str, np.ndarray]:
        """Maps and totals of a case at a number of draws; nothing for a case that it lacks.

        Raises InputError when the maps are not those that the table speaks of.
        """
        if case.case_id not in self.keys:
            return {}
        path = self.maps / f"{case.case_id}.npz"
        found = read_arrays(path)
        if str(found["key"]) != self.keys[case.case_id]:
            raise InputError(f"{path}: key is {found['key']}; expected {self.keys[case.case_id]}, that of its table.")
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


@dataclass(frozen=True)
class _Walk:
    """One image with one of its captions: its picture and latent, the tokens that are recorded, and its cases."""

    job: ImageJob
    picture: np.ndarray  # (3, H, W) in [0, 1]
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
class Editor:
    """Edits images batch by batch."""

    stage: ModelShard
    section: EditingSection
    information: InformationSection
    known: Known

    def edits(self, jobs: Sequence[ImageJob]) -> Iterator[tuple[Any, dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """Case after case: its arrays, and its pictures by name, (3, H, W) in [0, 1]."""
        walks = self._walks(jobs)
        path = make_path(self.section.sampler, self.stage.model, self.section.steps, self.section.rho)
        interval = self.stage.interval(self.information)
        # Three ways back for each way there: the ways back of some walks fill a call, and the first results come soon.
        while together := list(islice(walks, max(self.stage.args.batch_size // 3, 1))):
            latents, heat = self._flow(path, together)
            for number, (walk, estimate) in enumerate(zip(together, self._estimates(together, interval), strict=True)):
                for case in walk.cases:
                    own = {
                        row.branch: latent
                        for row, latent in latents.items()
                        if row.walk == number and row.case_id in ("", case.case_id)
                    }
                    pictures = self._pictures(walk, own)
                    arrays = {
                        **_changes(walk, own, pictures),
                        **self._predictors(case, estimate),
                        **_attention(heat[case.case_id]),
                        "evaluations": np.array(self._evaluations(path, case, estimate)),
                    }
                    yield case, arrays, pictures

    def _walks(self, jobs: Sequence[ImageJob]) -> Iterator[_Walk]:
        for job in jobs:
            picture = self.stage.picture(job)
            if picture is None:
                continue
            latent = self.stage.latent_of(job, picture)
            pixels = (picture[0].numpy() + 1) / 2
            for caption, tokens in self.stage.caption_tokens(job).items():
                cases = [case for case in job.cases if case.prompt_full == caption]
                yield _Walk(job, pixels, latent, caption, tokens, cases)

    def _flow(self, path: FlowPath, walks: Sequence[_Walk]) -> tuple[dict[_Row, torch.Tensor], dict[str, np.ndarray]]:
        """The latents of all ways back, and each case's attention map from the unchanged one."""
        latents = torch.stack([walk.latent for walk in walks])
        noise = path.reverse(latents, self._embeddings([walk.caption for walk in walks]))
        rows = [row for number, walk in enumerate(walks) for row in self._rows(number, walk)]
        made: dict[_Row, torch.Tensor] = {}
        heat: dict[str, np.ndarray] = {}
        with recording(self.stage.model.unet, self.stage.model.latent_shape[1:]) as recorder:
            for start in range(0, len(rows), self.stage.args.batch_size):
                batch = rows[start : start + self.stage.args.batch_size]
                before = partial(recorder.expect, _taps(batch, walks))
                embeddings = self._embeddings([row.caption for row in batch])
                ends = path.generate(torch.stack([noise[row.walk] for row in batch]), embeddings, before)
                made |= dict(zip(batch, ends, strict=True))
            for number, walk in enumerate(walks):
                heat |= self._heat(recorder, number, walk)
        return made, heat

    def _rows(self, number: int, walk: _Walk) -> Iterator[_Row]:
        yield _Row(number, "unchanged", "", walk.caption)
        for case in walk.cases:
            for branch, caption in case_edit(case, self.section).branches.items():
                if branch != "unchanged":
                    yield _Row(number, branch, case.case_id, caption)

    def _heat(self, recorder: AttentionRecorder, number: int, walk: _Walk) -> dict[str, np.ndarray]:
        recorded = recorder.pop(number)
        return {
            case.case_id: self.stage.word_map(case, recorded, walk.tokens, self.stage.args.heads) for case in walk.cases
        }

    def _embeddings(self, captions: Sequence[str]) -> torch.Tensor:
        known = self.stage.embeddings(list(dict.fromkeys(captions)))
        return torch.stack([known[caption] for caption in captions])

    def _pairs(self, case: Any) -> dict[str, Pair]:
        """The (reference, conditioned) prompts that are to be estimated, by the predictor's name."""
        edit = case_edit(case, self.section)
        pairs = (
            {}
            if case.case_id in self.known.keys
            else {"mi": ("", case.prompt_word), "cmi": (edit.omit, edit.unchanged)}
        )
        return pairs | ({"cmi_swap": (edit.swap, edit.unchanged)} if edit.swap else {})

    def _estimates(self, walks: Sequence[_Walk], interval: Interval) -> Iterator[Estimate | None]:
        """The estimate of each walk; None where there is nothing to estimate."""
        pairs = [
            list(dict.fromkeys(pair for case in walk.cases for pair in self._pairs(case).values())) for walk in walks
        ]
        problems = (self._problem(walk, own, interval) for walk, own in zip(walks, pairs, strict=True) if own)
        estimates = estimate_many(self.stage.predict, problems, self.stage.args.batch_size)
        for own in pairs:
            yield next(estimates) if own else None

    def _problem(self, walk: _Walk, pairs: Sequence[Pair], interval: Interval) -> Problem:
        """The same draws as in the localisation study, so that its maps and these are one run."""
        prompts = list(dict.fromkeys(prompt for pair in pairs for prompt in pair))
        draws = sample_draws(
            shape=self.stage.model.latent_shape,
            steps=self.information.steps,
            density=self.information.density,
            design=self.information.design,
            antithetic_eps=self.information.antithetic_eps,
            interval=interval,
            rng=generator(self.stage.args.seed, walk.job.image_id, "information"),
        )
        return Problem(walk.latent, self.stage.embeddings(prompts), pairs, draws)

    def _predictors(self, case: Any, estimate: Estimate | None) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        kinds = {} if estimate is None else {"s": estimate.standard, "o": estimate.orthogonal}
        for letter, of_pair in kinds.items():
            for name, pair in self._pairs(case).items():
                found = of_pair[pair]
                arrays[f"predictor/{name}_{letter}"] = found.map.astype(np.float32)
                arrays[f"{name}_{letter}"] = np.array(found.total)
                arrays[f"{name}_{letter}_error"] = np.array(found.total_error)
        return arrays | self.known.arrays(case, self.information.steps[-1])

    def _pictures(self, walk: _Walk, latents: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
        names = ["autoencoder", *latents]
        decoded = self.stage.model.decode(torch.stack([walk.latent, *latents.values()]))
        return {"real": walk.picture} | {name: (one.numpy() + 1) / 2 for name, one in zip(names, decoded, strict=True)}

    def _evaluations(self, path: FlowPath, case: Any, estimate: Estimate | None) -> int:
        """What the case takes by itself: one way to noise, its ways back, and the estimates that it asked for."""
        prompts = {prompt for pair in self._pairs(case).values() for prompt in pair}
        own = 0
        if estimate:
            own = len({estimate.error[prompt].data_ptr() for prompt in prompts}) * len(estimate.draws)
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
    arrays["psnr"] = np.array(peak_signal_to_noise(pictures["real"], pictures["unchanged"]))
    arrays["psnr_decoded"] = np.array(peak_signal_to_noise(pictures["autoencoder"], pictures["unchanged"]))
    arrays["psnr_autoencoder"] = np.array(peak_signal_to_noise(pictures["real"], pictures["autoencoder"]))
    arrays["latent_error"] = np.array(float((unchanged - walk.latent).square().mean().sqrt()))
    return arrays
