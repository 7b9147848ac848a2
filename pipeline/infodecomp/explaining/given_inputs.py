"""Pictures and captions at hand, as the inputs that estimation asks for: the workflow's functions then run on them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from infodecomp.explaining.caption_spans import masked, without
from infodecomp.explaining.explanation import Span
from infodecomp.explaining.given_pictures import Fit, FittedPicture, fitted_picture
from infodecomp.jobs.caption_tokens import CaptionTokens, unread
from infodecomp.models.protocol import DiffusionModel
from infodecomp.pictures.images import image_array
from infodecomp.runs.errors import InputError
from infodecomp.runs.shards import ImageJob
from infodecomp.words.occurrences import word_token_positions


@dataclass(frozen=True)
class WordCase:
    """One place of a word, with the fields that `words.prompts.case_prompts` reads; span None: the whole caption."""

    case_id: str
    prompt_full: str
    prompt_context: str
    prompt_word: str
    prompt_masked: str
    span: Span | None

    @property
    def prompt_label(self) -> str:
        """The word: there are no labels here."""
        return self.prompt_word


def word_case(number: int, caption: str, span: Span, methods: Collection[str] = ("mi", "cmi")) -> WordCase:
    """The case of a place in the caption of picture `number`; only this place is taken out of the context.

    Of "mi" and "cmi", one that is not among the methods compares a prompt with itself, which takes no evaluation.
    """
    start, end = span.start, span.end
    context, hidden = without(caption, (start, end)), masked(caption, start, end)
    if "cmi" not in methods:
        context = hidden = caption
    word = span.text if "mi" in methods else ""
    return WordCase(f"{number}/{start}-{end}", caption, context, word, hidden, span)


def caption_case(number: int, caption: str) -> WordCase:
    """The whole caption against nothing, as if it were its own only word."""
    return WordCase(f"{number}/caption", caption, "", caption, "", None)


class SpanTokens(CaptionTokens):
    """Captions with the tokens of single places of words."""

    def __init__(self, model: DiffusionModel) -> None:
        super().__init__(_refuse, lambda: model)
        self.model = model

    def word_tokens(self, case: Any) -> list[int]:
        """Token positions of a case's place, or of the whole caption; empty if the model reads none of it."""
        offsets = self.model.token_offsets(case.prompt_full)
        place = (case.span.start, case.span.end) if case.span else (0, len(case.prompt_full))
        return word_token_positions(offsets, [place])[0]

    def unread(self, case: WordCase) -> tuple[str, str] | None:
        """Status and reason of a place of which the model reads no token; None if it reads one."""
        if self.word_tokens(case) or case.span is None:
            return None
        place = (case.span.start, case.span.end)
        return unread(self.model, case.prompt_full, case.span.text, [place], self.model.token_offsets(case.prompt_full))


def _refuse(case: Any, status: str, reason: str) -> None:
    raise InputError(f"{reason}.")


@dataclass
class GivenImages:
    """Pictures by number, read and encoded when their turn comes, and kept until `drop`.

    image_id: names the draws of all of them; None: each has those of its pixels.
    """

    model: DiffusionModel
    images: Sequence[Any]
    fit: Fit
    image_id: str | None = None
    kept: dict[int, tuple[FittedPicture, torch.Tensor]] = field(default_factory=dict)

    def latents(self, jobs: Iterable[ImageJob]) -> Iterator[tuple[ImageJob, torch.Tensor]]:
        """Each job, whose path is its picture's number, with the latent (C, h, w); InputError for what is no picture."""
        for job in jobs:
            picture, latent = self._made(int(job.image_path))
            yield replace(job, image_id=picture.image_id if self.image_id is None else self.image_id), latent

    def picture(self, number: int) -> FittedPicture:
        """A picture that was read."""
        return self.kept[number][0]

    def drop(self, number: int) -> None:
        """Forget a picture that is done."""
        self.kept.pop(number, None)

    def _made(self, number: int) -> tuple[FittedPicture, torch.Tensor]:
        if number not in self.kept:
            try:
                picture = fitted_picture(self.images[number], self.model.image_size, self.fit)
            except InputError as error:
                where = f"image {number} of {len(self.images)}: " if len(self.images) > 1 else ""
                raise InputError(f"{where}{error}") from error
            pixels = torch.from_numpy(image_array(picture.image))[None]
            self.kept[number] = picture, self.model.encode_pixels(pixels)
        return self.kept[number]


@dataclass
class GivenInputs:
    """What `infodecomp.jobs.model_inputs.ModelInputs` asks for."""

    model: DiffusionModel
    images: GivenImages
    captions: SpanTokens
    seed: int
    pilot: Path | None = None
