"""Explain a picture: what each word of its caption tells a text-to-image model about each cell, in nats.

import infodecomp

explainer = infodecomp.Explainer(pipe)
e = explainer(image, "a blue dog below a brown robot")
e["dog"].cmi.total, e["dog"].cmi.interval(0.95), e["dog"].cmi.map
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from warnings import warn

from infodecomp.config import InformationSection
from infodecomp.estimator.interval import interval_of
from infodecomp.explaining.caption_spans import Asked, caption_spans
from infodecomp.explaining.doubts import ExplanationWarning, doubts_of_caption, doubts_of_draws, doubts_of_model
from infodecomp.explaining.estimation import Found, Measured, Task, found_words
from infodecomp.explaining.explanation import Explanation, Quantity, Span, WordExplanation
from infodecomp.explaining.familiarity import doubts_of_picture, known_range
from infodecomp.explaining.given_inputs import GivenImages, GivenInputs, SpanTokens, word_case
from infodecomp.explaining.given_pictures import Fit
from infodecomp.explaining.measured import METHODS, measured
from infodecomp.models.batch_size import AUTO
from infodecomp.models.held import HeldModel
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from infodecomp.words.unicode_form import composed

__all__ = ["Explainer", "Explanation", "ExplanationWarning", "Quantity", "Span", "WordExplanation"]

_VERSIONS = ("infodecomp", "diffusers", "numpy", "torch", "transformers")


class Explainer:
    """Explains pictures and captions by one text-to-image model.

    Args:
        model: a diffusers pipeline of a supported family (docs/inputs.md), which is used where and as it is: no weights are
            copied, and dtype, device, modes, processors and hooks are afterwards as before; or a folder or Hub id of one.
        device: of a folder or Hub id: "auto", "cpu", "cuda", "cuda:1". A pipeline stays where it is.
        precision: of a folder or Hub id: "auto" (float32 on a CPU, tf32 on a GPU), "float32", "tf32", "bfloat16", "float16".
        batch_size: rows in one call of the denoiser; "auto" adapts to the memory. No number depends on it beyond rounding.

    Raises:
        InputError: the model cannot be read, in a sentence.

    >>> explainer = Explainer("data/models/scenes", device="cpu")
    >>> import numpy as np
    >>> e = explainer(np.zeros((64, 64, 3), dtype=np.uint8), "a dog", words=["dog"], draws=24, progress=False)
    >>> e["dog"].cmi.map.shape, e.settings["evaluations"]
    ((16, 16), 96)
    """

    def __init__(
        self,
        model: Any,
        *,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int | Literal["auto"] = AUTO,
    ) -> None:
        if batch_size != AUTO and (not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1):
            raise InputError(f"batch_size is {batch_size!r}; allowed are 'auto' and whole numbers from 1.")
        self._model = HeldModel(model, device, precision, batch_size)

    def __call__(
        self,
        image: Any,
        caption: str | None = None,
        *,
        words: Sequence[Asked] | None = None,
        draws: int = 100,
        seed: int = 0,
        methods: Sequence[str] = METHODS,
        target_error: float | None = None,
        fit: Fit = "squeeze",
        image_id: str | None = None,
        information: InformationSection | None = None,
        pilot: Path | None = None,
        progress: bool | None = None,
    ) -> Explanation:
        """Explain one picture: MI and CMI of every word (Kong et al., ICLR 2024, Eq. 6), all in one pass over shared draws.

        Args:
            image: a path, a PIL image of any mode and size, an array (H, W[, channels]) or a tensor ([1,] 3, H, W), uint8
                0 … 255 or floats 0 … 1. The EXIF orientation is applied.
            caption: of the image.
            words: those to explain: words or phrases (all their places), ("dog", 1) for a place, (start, end) for
                characters; None: every word. Each place is a word by itself, and its context the caption without this place.
            draws: (α, ε) of the picture, an even number; 2 + 2·words evaluations each, equal prompts once.
            seed: of the draws.
            methods: of "cmi", "mi", "attention", "attention_output", "attention_information" and "gradient".
            target_error: stop at draws/2, draws/4, … once every map of a word has this mean standard error, relative to its
                range.
            fit: how the picture becomes square: "squeeze", "letterbox" or "crop".
            image_id: with the seed, names the draws, as in a study; None: the picture's pixels do.
            information: all settings of the estimator, as the section `information` of a study has them; in place of `draws`
                and `target_error`. pilot: the density.json of a study whose density is adaptive.
            progress: a bar on stderr; None: if that is a terminal or a notebook.

        Raises:
            InputError: the image, the caption, a word or a setting cannot be used, in a sentence.
        """
        if caption is None:
            raise InputError(
                "caption is None; pass the text that describes the image, or use explainer.generate(prompt), which makes "
                "the image and explains it: a pipeline does not remember its prompt."
            )
        found = self.map(
            [image],
            [caption],
            words=words,
            draws=draws,
            seed=seed,
            methods=methods,
            target_error=target_error,
            fit=fit,
            image_id=image_id,
            information=information,
            pilot=pilot,
            progress=progress,
        )
        return next(iter(found))

    def map(
        self,
        images: Sequence[Any],
        captions: Sequence[str],
        *,
        words: Sequence[Asked] | None = None,
        draws: int = 100,
        seed: int = 0,
        methods: Sequence[str] = METHODS,
        target_error: float | None = None,
        fit: Fit = "squeeze",
        image_id: str | None = None,
        information: InformationSection | None = None,
        pilot: Path | None = None,
        progress: bool | None = None,
    ) -> Iterator[Explanation]:
        """Explain many pictures, in order, with calls of the denoiser that run across them; arguments as for a call.

        words: asked of every caption. Each explanation is that of a call of its own. Captions are checked at once, pictures
        when their turn comes. Until the last one is taken, a pipeline of yours is lent out.
        """
        if isinstance(captions, str) or len(images) != len(captions):
            count = 1 if isinstance(captions, str) else len(captions)
            raise InputError(f"there are {len(images)} images and {count} captions; expected equally many.")
        how = measured(methods, draws, target_error, information)
        tasks = [_task(number, caption, words) for number, caption in enumerate(captions)]
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise InputError(f"seed is {seed!r}; allowed are whole numbers from 0.")
        return self._explanations(images, tasks, how, seed, fit, image_id, pilot, progress)

    def generate(
        self,
        prompt: str,
        *,
        words: Sequence[Asked] | None = None,
        draws: int = 100,
        seed: int = 0,
        methods: Sequence[str] = METHODS,
        target_error: float | None = None,
        progress: bool | None = None,
        **options: Any,
    ) -> Explanation:
        """Make an image by the pipeline's own call, `pipe(prompt, **options)`, and explain it with its prompt.

        options: of the pipeline, such as guidance_scale; without `generator`, the noise comes from the seed.
        """
        if not isinstance(prompt, str):
            raise InputError(f"the prompt is a {type(prompt).__name__}; expected one text.")
        images = self._model.generated(prompt, seed, **options)
        if len(images) != 1:
            raise InputError(
                f"the pipeline made {len(images)} images; use num_images_per_prompt=1, and a loop for more."
            )
        return self(
            images[0],
            prompt,
            words=words,
            draws=draws,
            seed=seed,
            methods=methods,
            target_error=target_error,
            progress=progress,
        )

    def _explanations(
        self,
        images: Sequence[Any],
        tasks: Sequence[Task],
        how: Measured,
        seed: int,
        fit: Fit,
        image_id: str | None,
        pilot: Path | None,
        progress: bool | None,
    ) -> Iterator[Explanation]:
        total = sum(task.prompts(how) for task in tasks) * how.section.budget.steps[-1]
        with self._model.lent() as model, _bar(total, progress) as evaluated:
            given = GivenImages(model, images, fit, image_id)
            inputs = GivenInputs(model, given, SpanTokens(model), seed, pilot)
            said = _say([], [*doubts_of_model(model), *doubts_of_draws(how.section.budget.steps[-1])])
            for found in found_words(inputs, tasks, how, evaluated):
                words = _words(found, how)
                doubts = _say(said, [*doubts_of_caption(model, found.task.caption, words), *self._unfamiliar(found)])
                picture = given.picture(found.task.number)
                settings = {
                    **self._settings(model, how, seed),
                    "image_id": picture.image_id if image_id is None else image_id,
                    "fit": picture.fit,
                    "evaluations": found.evaluations,
                    "draws_used": [found.draws.get(_case_id(found.task, word.span), 0) for word in words],
                }
                yield Explanation(
                    picture.pixels, found.task.caption, words, found.caption_nats, settings, tuple(doubts)
                )
                given.drop(found.task.number)

    def _unfamiliar(self, found: Found) -> Iterator[str]:
        """Doubts of a picture by its likelihood, for a model that has a record of those of its kind."""
        if self._model.folder is not None and found.likelihood is not None:
            yield from doubts_of_picture(found.likelihood, known_range(self._model.folder))

    def _settings(self, model: LatentDiffusion, how: Measured, seed: int) -> dict[str, Any]:
        section = how.section
        interval = interval_of(section.range, model.logsnr_range)
        settings: dict[str, Any] = {
            "model": self._model.name,
            "device": str(model.device),
            "precision": model.precision,
            "seed": seed,
            "draws": section.budget.steps[-1],
            "methods": list(how.methods),
            "density": section.draws.density,
            "logsnr": [interval.low, interval.high],
            "information": section.model_dump(mode="json"),
            "versions": {name: _version(name) for name in _VERSIONS},
        }
        if {"attention", "attention_output"} & set(how.methods):
            settings["attention_steps"] = how.attention.steps[-1]
        if "gradient" in how.methods:
            settings["gradient_draws"] = how.gradients.steps[-1]
        return settings


def _task(number: int, caption: str, words: Sequence[Asked] | None) -> Task:
    if not isinstance(caption, str):
        raise InputError(f"caption is a {type(caption).__name__}; expected a text.")
    caption = composed(caption)
    return Task(number, caption, caption_spans(caption, words))


def _words(found: Found, how: Measured) -> tuple[WordExplanation, ...]:
    """The words in the order of the caption."""
    return tuple(found.words[_case_id(found.task, span)] for span in found.task.spans)


def _case_id(task: Task, span: Span) -> str:
    return word_case(task.number, task.caption, span).case_id


def _say(before: Sequence[str], doubts: Sequence[str]) -> list[str]:
    """Warn of doubts that were not said before; returns all of them."""
    for sentence in doubts:
        if sentence not in before:
            warn(sentence, ExplanationWarning, stacklevel=4)
    return [*before, *(sentence for sentence in doubts if sentence not in before)]


@contextmanager
def _bar(total: int, wanted: bool | None) -> Iterator[Callable[[int], None]]:
    """A progress bar of evaluations; yields what counts them."""
    from tqdm.auto import tqdm

    # With `disable=None`, tqdm shows a bar only on a terminal; its notebook's bar is always shown.
    with tqdm(
        total=total, unit=" evaluations", desc="explaining", disable=None if wanted is None else not wanted
    ) as bar:
        yield bar.update


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
