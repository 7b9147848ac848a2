"""The model of an Explainer, asked again by its explanations: word pairs and edits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from warnings import warn

from infodecomp.config import InformationSection, parse
from infodecomp.explaining.doubts import ExplanationWarning
from infodecomp.explaining.edit import Edit
from infodecomp.explaining.edit_flow import EditFlow, EditTask, left_out
from infodecomp.explaining.explanation import Explanation, Span
from infodecomp.explaining.given_inputs import GivenImages, GivenInputs, SpanTokens, word_case
from infodecomp.explaining.pair_estimation import (
    estimated_pair,
    pair_case,
    pair_evaluations,
    pair_sampling,
)
from infodecomp.explaining.progress_bar import progress_bar
from infodecomp.explaining.word_pair import Given, WordPair
from infodecomp.models.held import HeldModel
from infodecomp.runs.errors import InputError
from infodecomp.words.swaps import swap_places
from infodecomp.words.unicode_form import composed

_MOST_STEPS = 999


@dataclass(frozen=True)
class HeldSource:
    """Answers explanations of one model; pilot: of an adaptive density."""

    held: HeldModel
    pilot: Path | None

    def pair(
        self, explanation: Explanation, words: tuple[Span, Span], given: Given, draws: int | None, progress: bool | None
    ) -> WordPair:
        """See `Explanation.pair`."""
        information = _information(explanation)
        sampling = pair_sampling(draws or information.budget.steps[-1])
        case = pair_case(explanation.caption, *words)
        with (
            self._inputs(explanation, words) as inputs,
            progress_bar(pair_evaluations(case, given, sampling), progress, "pair") as evaluated,
        ):
            return estimated_pair(inputs, explanation, case, words, given, sampling, information, evaluated)

    def edit(self, explanation: Explanation, word: Span, other: str | None, steps: int, progress: bool | None) -> Edit:
        """See `Explanation.edit`."""
        if not _whole(steps, 2, _MOST_STEPS):
            raise InputError(f"steps is {steps!r}; allowed are whole numbers from 2 to {_MOST_STEPS}.")
        information = _information(explanation)
        caption = explanation.caption
        task = left_out(caption, word, information) if other is None else _replaced(caption, word, other)
        with self._inputs(explanation, (word,)) as inputs:
            flow = EditFlow(inputs, explanation, information, steps)
            with progress_bar(flow.evaluations(task), progress, "edit") as evaluated:
                found = flow.edit(task, evaluated)
        for sentence in found.warnings:
            warn(sentence, ExplanationWarning, stacklevel=4)
        return found

    @contextmanager
    def _inputs(self, explanation: Explanation, words: tuple[Span, ...]) -> Iterator[GivenInputs]:
        """The explanation's picture and seed, with the model lent; InputError for a word that the model does not read."""
        settings = explanation.settings
        with self.held.lent() as model:
            images = GivenImages(model, [explanation.picture], "squeeze", settings["image_id"])
            inputs = GivenInputs(model, images, SpanTokens(model), settings["seed"], self.pilot)
            for word in words:
                if problem := inputs.captions.unread(word_case(0, explanation.caption, word)):
                    raise InputError(f"{problem[1]}.")
            yield inputs


def _information(explanation: Explanation) -> InformationSection:
    """The settings of the estimator that the explanation was made with."""
    return parse(InformationSection, json.dumps(explanation.settings["information"]))


def _replaced(caption: str, word: Span, other: str) -> EditTask:
    """Raises InputError for a text that is none, or that changes nothing."""
    if not isinstance(other, str) or not other.strip():
        raise InputError(
            f"the text in place of {word.text!r} is {other!r}; expected a word, or use e.without({word.key!r})."
        )
    edited = swap_places(caption, [(word.start, word.end)], composed(" ".join(other.split())))
    if edited == caption:
        raise InputError(f"{other!r} in place of {word.text!r} leaves the caption as it is; expected another word.")
    return EditTask(word, "swap", edited)


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
