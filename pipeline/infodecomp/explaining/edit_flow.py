"""Edit a picture by its caption, by the functions of the editing study: the same pictures, maps and correlations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import torch

from infodecomp.config import EditingTableSection, FlowSection, InformationSection
from infodecomp.editing.changes import change_arrays
from infodecomp.editing.edits import CHANGES, EditMaps
from infodecomp.editing.measures import PREDICTORS, Measures
from infodecomp.editing.measures import quantity as quantity_of
from infodecomp.editing.round_trip import CaptionedImage, RoundTripper
from infodecomp.explaining.caption_spans import masked, without
from infodecomp.explaining.edit import Agreement, Edit
from infodecomp.explaining.estimation import quantity
from infodecomp.explaining.explanation import Explanation, Quantity, Span
from infodecomp.explaining.given_inputs import GivenInputs, WordCase
from infodecomp.flows.path import Path, make_path
from infodecomp.information.case_draws import draw_cases
from infodecomp.information.quantities import KINDS
from infodecomp.pictures.images import fitted_box, image_array, picture_bytes
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import ImageJob
from infodecomp.words.prompts import case_pairs

# Names of the predictors of the editing study, as in an `Edit`.
_NAMES = {"cmi_s": "cmi_standard", "cmi_o": "cmi", "mi_o": "mi", "attention": "attention"}
_KINDS = {"s": "standard", "o": "orthogonal"}
_HEADS = "all"  # of attention, as for the method `attention`


@dataclass(frozen=True)
class EditTask:
    """The edit of a word: branch "swap", replaced, or "omit", left out; edited: the caption that results."""

    span: Span
    branch: str
    edited: str


def left_out(caption: str, span: Span, information: InformationSection) -> EditTask:
    """A caption without a word, as the context of its CMI."""
    if information.prompts.missing == "underscore":
        return EditTask(span, "omit", masked(caption, span.start, span.end))
    return EditTask(span, "omit", without(caption, (span.start, span.end)))


@dataclass(frozen=True)
class EditFlow:
    """Edits one explained picture. steps: noise levels of the flow."""

    inputs: GivenInputs
    explanation: Explanation
    information: InformationSection
    steps: int

    def evaluations(self, task: EditTask) -> int:
        """Evaluations of the denoiser that an edit takes, at most."""
        pairs = case_pairs(self._case(task, *self._missing(task)), self.information.prompts)
        prompts = {prompt for pair in pairs.values() if self._missing(task) for prompt in pair}
        return 3 * self._path.evaluations + len(prompts) * self.information.budget.steps[-1]

    def edit(self, task: EditTask, evaluated: Callable[[int], None] = lambda _: None) -> Edit:
        """The edit. evaluated: receives the rows of calls of the denoiser.

        Raises InputError if the model gives values that are not finite.
        """
        case = self._case(task, "cmi", "mi")
        image, path = self._image(case), self._path
        captions = {"unchanged": self.explanation.caption, task.branch: task.edited}
        tripper = RoundTripper(
            self.inputs,
            path,
            captions=lambda _: captions,
            noised_start=self._flow.noised_start,
            heads=_HEADS,
            ways=len(captions),
            evaluated=evaluated,
        )
        trips = tripper.trips([image], 1)
        latents = {way.branch: latent for way, latent in trips.latents.items()}
        pictures = {"real": image.real, "autoencoder": image.autoencoder}
        pictures |= {branch: self._picture(latent) for branch, latent in latents.items()}
        if not all(np.isfinite(picture).all() for picture in pictures.values()):
            raise InputError(
                "the edit gave values that are not finite; use a model in float32, as by Explainer(…, precision='float32')."
            )
        arrays = change_arrays(image, latents, pictures)
        found, estimated = self._quantities(task, evaluated)
        changes = {name: arrays[f"change/{name}/{task.branch}"].astype(np.float32) for name in CHANGES}
        heat, inside = trips.heat[case.case_id], arrays["inside"]
        psnr = float(arrays["psnr"])
        return Edit(
            span=task.span,
            caption=self.explanation.caption,
            edited_caption=task.edited,
            picture=self.explanation.picture,
            round_trip=picture_bytes(pictures["unchanged"]),
            edited=picture_bytes(pictures[task.branch]),
            changes=changes,
            quantities={name: found[key] for name, key in _QUANTITIES.items()},
            attention=heat,
            agreements=_agreements(task.branch, changes, found, heat, inside),
            psnr=psnr,
            psnr_autoencoder=float(arrays["psnr_autoencoder"]),
            inside=inside,
            steps=self.steps,
            evaluations=path.evaluations * (1 + len(captions)) + estimated,
            warnings=tuple(_doubts(psnr)),
        )

    @property
    def _flow(self) -> FlowSection:
        return FlowSection(steps=self.steps)

    @cached_property
    def _path(self) -> Path:
        return make_path(self._flow.sampler, self.inputs.model, self._flow.steps, self._flow.rho)

    def _case(self, task: EditTask, *compared: str) -> WordCase:
        """The case whose CMI is that of the caption against the edited one; what is not compared takes no evaluation."""
        caption = self.explanation.caption
        edited = task.edited if "cmi" in compared else caption
        word = task.span.text if "mi" in compared else ""
        return WordCase(f"0/{task.span.start}-{task.span.end}", caption, edited, word, edited, task.span)

    def _image(self, case: WordCase) -> CaptionedImage:
        ((job, latent),) = self.inputs.images.latents([ImageJob("0", "0", (case,))])
        real = (image_array(self.inputs.images.picture(0).image) + 1) / 2
        tokens = self.inputs.captions.caption_tokens(job)[case.prompt_full]
        return CaptionedImage(job, real, self._picture(latent), self._box(), latent, case.prompt_full, tokens, [case])

    def _box(self) -> tuple[int, int, int, int]:
        """Where the picture is in the model's square: left, top, width, height."""
        fit: Mapping[str, Any] = self.explanation.settings["fit"]
        (width, height), side = fit["size"], self.explanation.picture.shape[0]
        return fitted_box((height, width), (side, side), "letterbox" if fit["mode"] == "letterbox" else "squeeze")

    def _picture(self, latent: torch.Tensor) -> np.ndarray:
        """The picture of a latent, (3, H, W) in [0, 1]."""
        return np.asarray((self.inputs.model.decode(latent[None]).numpy()[0] + 1) / 2)

    def _known(self, task: EditTask) -> dict[tuple[str, str], Quantity]:
        """What the explanation knows of MI and CMI; for a replaced word, its CMI is against another caption."""
        return {
            key: found
            for word in self.explanation.words
            if word.span == task.span
            for key, found in word.quantities.items()
            if task.branch == "omit" or key[0] == "mi"
        }

    def _missing(self, task: EditTask) -> list[str]:
        known = self._known(task)
        return [name for name in ("cmi", "mi") if any((name, kind) not in known for kind in KINDS)]

    def _quantities(
        self, task: EditTask, evaluated: Callable[[int], None]
    ) -> tuple[dict[tuple[str, str], Quantity], int]:
        """CMI against the edited caption and MI by both estimators, and the evaluations that they took."""
        known, missing = self._known(task), self._missing(task)
        if not missing:
            return known, 0
        case = self._case(task, *missing)
        pairs = case_pairs(case, self.information.prompts)
        job = ImageJob("0", "0", (case,))
        ((_, _, estimate),) = draw_cases(self.inputs, [(job, 0)], self.information, evaluated)
        found = {(name, kind): quantity(getattr(estimate, kind)[pairs[name]]) for name in missing for kind in KINDS}
        return {**known, **found}, estimate.evaluations


_QUANTITIES = {"cmi": ("cmi", "orthogonal"), "cmi_standard": ("cmi", "standard"), "mi": ("mi", "orthogonal")}


def _agreements(
    branch: str,
    changes: Mapping[str, np.ndarray],
    found: Mapping[tuple[str, str], Quantity],
    heat: np.ndarray,
    inside: np.ndarray,
) -> dict[tuple[str, str], Agreement]:
    """As the editing study measures them."""
    maps, totals = {"attention": heat}, {"attention": float(heat.sum())}
    for name in PREDICTORS[:-1]:
        one = found[name[:-2], _KINDS[name[-1]]]
        maps[quantity_of(name, branch)], totals[quantity_of(name, branch)] = one.map, one.total
    measures = Measures.empty(1, masked=False)
    measures.fill(
        0, branch, EditMaps({(name, branch): one for name, one in changes.items()}, maps, inside), totals, None
    )
    return {
        (_NAMES[predictor], change): Agreement(float(measures.r[0, p, c]), float(measures.rho[0, p, c]))
        for (p, predictor), (c, change) in product(enumerate(PREDICTORS), enumerate(CHANGES))
    }


def _doubts(psnr: float) -> Iterator[str]:
    least = EditingTableSection().min_reconstruction_psnr
    if psnr < least:
        yield (
            f"With its own caption the picture came back with a PSNR of {psnr:.1f} dB, below {least:.0f}: the edit starts "
            "from another picture; use more steps, or a caption that fits the picture."
        )
