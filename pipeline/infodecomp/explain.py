"""Explain a picture: what each word of its caption tells a text-to-image model about each cell, in nats.

import infodecomp

explainer = infodecomp.Explainer(pipe)
e = explainer(image, "a blue dog below a brown robot")
e["dog"].cmi.total, e["dog"].cmi.interval(0.95), e["dog"].cmi.map
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, Unpack
from warnings import warn

from infodecomp.estimator.interval import interval_of
from infodecomp.explaining.caption_spans import Asked, caption_spans
from infodecomp.explaining.doubts import ExplanationWarning, doubts_of_caption, doubts_of_draws, doubts_of_model
from infodecomp.explaining.estimation import Found, Measured, Task, found_words
from infodecomp.explaining.explanation import Explanation, Quantity, Span, WordExplanation
from infodecomp.explaining.familiarity import doubts_of_picture, known_range
from infodecomp.explaining.given_inputs import GivenImages, GivenInputs, SpanTokens, word_case
from infodecomp.explaining.held_source import HeldSource
from infodecomp.explaining.measured import measured
from infodecomp.explaining.options import Options, chosen, parted, shows_options
from infodecomp.explaining.progress_bar import progress_bar
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

    @shows_options
    def __call__(self, image: Any, caption: str | None = None, **options: Unpack[Options]) -> Explanation:
        """Explain one picture: MI and CMI of every word (Kong et al., ICLR 2024, Eq. 6), all in one pass over shared draws.

        Args:
            image: a path, a PIL image of any mode and size, an array (H, W[, channels]) or a tensor ([1,] 3, H, W), uint8
                0 … 255 or floats 0 … 1. The EXIF orientation is applied.
            caption: of the image.
            options: see `Options`.

        Raises:
            InputError: the image, the caption, a word or a setting cannot be used, in a sentence.
        """
        if caption is None:
            raise InputError(
                "caption is None; pass the text that describes the image, or use explainer.generate(prompt), which makes "
                "the image and explains it: a pipeline does not remember its prompt."
            )
        return next(self.map([image], [caption], **options))

    @shows_options
    def map(self, images: Sequence[Any], captions: Sequence[str], **options: Unpack[Options]) -> Iterator[Explanation]:
        """Explain many pictures, in order, with calls of the denoiser that run across them; options as for a call.

        words: asked of every caption. Each explanation is that of a call of its own. Captions are checked at once, pictures
        when their turn comes. Until the last one is taken, a pipeline of yours is lent out.
        """
        if isinstance(captions, str) or len(images) != len(captions):
            count = 1 if isinstance(captions, str) else len(captions)
            raise InputError(f"there are {len(images)} images and {count} captions; expected equally many.")
        given = chosen(options)
        how = measured(given["methods"], given["draws"], given["target_error"], given["information"])
        tasks = [_task(number, caption, given["words"]) for number, caption in enumerate(captions)]
        return self._explanations(images, tasks, how, given)

    @shows_options
    def generate(self, prompt: str, **options: Any) -> Explanation:
        """Make an image by the pipeline's own call, and explain it with its prompt.

        options: those of a call, see `Options`; all others are the pipeline's, such as guidance_scale. Without `generator`,
        its noise comes from the seed.
        """
        if not isinstance(prompt, str):
            raise InputError(f"the prompt is a {type(prompt).__name__}; expected one text.")
        ours, of_pipeline = parted(options)
        images = self._model.generated(prompt, chosen(ours)["seed"], **of_pipeline)
        if len(images) != 1:
            raise InputError(
                f"the pipeline made {len(images)} images; use num_images_per_prompt=1, and a loop for more."
            )
        return self(images[0], prompt, **ours)

    def resume(self, explanation: Explanation, *, pilot: Path | None = None) -> Explanation:
        """The same explanation, of this model, whose pairs and edits can be estimated: for one that was loaded.

        pilot: as in `Options`, if its density is adaptive. Raises InputError if it is of a model of another name.

        >>> import numpy as np
        >>> explainer = Explainer("data/models/scenes", device="cpu")
        >>> e = explainer(np.zeros((64, 64, 3), np.uint8), "a dog", words=["dog"], draws=24, progress=False)
        >>> explainer.resume(e).pair("a", "dog", draws=8, progress=False).draws
        8
        """
        name = explanation.settings.get("model")
        if name != self._model.name:
            raise InputError(
                f"the explanation is by the model {name!r}, this Explainer has {self._model.name!r}; use an Explainer of "
                "the same model, by the same name."
            )
        return replace(explanation, source=HeldSource(self._model, pilot))

    def _explanations(
        self, images: Sequence[Any], tasks: Sequence[Task], how: Measured, given: Options
    ) -> Iterator[Explanation]:
        total = sum(task.prompts(how) for task in tasks) * how.section.budget.steps[-1]
        image_id, seed = given["image_id"], given["seed"]
        with self._model.lent() as model, progress_bar(total, given["progress"]) as evaluated:
            pictures = GivenImages(model, images, given["fit"], image_id)
            inputs = GivenInputs(model, pictures, SpanTokens(model), seed, given["pilot"])
            said = _say([], [*doubts_of_model(model), *doubts_of_draws(how.section.budget.steps[-1])])
            for found in found_words(inputs, tasks, how, evaluated):
                words = _words(found, how)
                doubts = _say(said, [*doubts_of_caption(model, found.task.caption, words), *self._unfamiliar(found)])
                picture = pictures.picture(found.task.number)
                settings = {
                    **self._settings(model, how, seed),
                    "image_id": picture.image_id if image_id is None else image_id,
                    "fit": picture.fit,
                    "evaluations": found.evaluations,
                    "draws_used": [found.draws.get(_case_id(found.task, word.span), 0) for word in words],
                }
                yield Explanation(
                    picture.pixels,
                    found.task.caption,
                    words,
                    found.caption_nats,
                    settings,
                    tuple(doubts),
                    source=HeldSource(self._model, given["pilot"]),
                )
                pictures.drop(found.task.number)

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


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
