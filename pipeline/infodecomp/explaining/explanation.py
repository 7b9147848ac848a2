"""What `Explainer` returns: every word of a caption with its nats, their errors and its maps.

Reading, drawing and saving an explanation need no model, so nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from infodecomp.runs.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from PIL import Image

    from infodecomp.explaining.caption_spans import Asked
    from infodecomp.explaining.edit import Edit
    from infodecomp.explaining.word_pair import Given, WordPair

Key = str | tuple[str, int]

EDIT_STEPS = 15  # noise levels of the flow of an edit, as in a study


@dataclass(frozen=True)
class Span:
    """A word or phrase of a caption: characters `start` … `end` − 1; occurrence 0, 1, … among equal texts."""

    text: str
    start: int
    end: int
    occurrence: int = 0

    @property
    def key(self) -> Key:
        """Its key in an explanation: the text; for later occurrences the text and their number, ("dog", 1)."""
        return (self.text, self.occurrence) if self.occurrence else self.text


@dataclass(frozen=True, eq=False)
class Quantity:
    """One quantity of one word, by one estimator, in nats.

    total: the sum over the picture; error: its standard error. map: float32 (h, w), at the model's own resolution; it sums
    to the total. freedom, skewness: of the error and of the mean, which shape the interval (see
    `infodecomp.estimator.mean`). With fewer than three pairs of draws, all but the total and the map are NaN.

    >>> dog = Quantity(9.0, 1.0, np.array([[4.0, 5.0]], dtype=np.float32))
    >>> low, high = dog.interval(0.95)
    >>> round(low, 2), round(high, 2)
    (7.04, 10.96)
    """

    total: float
    error: float
    map: np.ndarray
    freedom: float = float("inf")
    skewness: float = 0.0

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Ends of the interval that covers the total with probability `confidence`, nats.

        Raises InputError for a confidence outside 0 … 1.
        """
        from infodecomp.estimator.mean import Mean

        if not 0 < confidence < 1:
            raise InputError(f"confidence is {confidence}; allowed is a number between 0 and 1, such as 0.95.")
        values = (self.total, self.error, self.freedom, self.skewness)
        low, high = Mean(*(np.array(value, dtype=np.float64) for value in values)).interval(confidence)
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class WordExplanation:
    """One word of a caption.

    quantities: ("cmi" or "mi", "orthogonal" or "standard") → quantity. maps: other methods, by their key in
    `infodecomp.methods.METHODS` ("attention", "attention_information", "gradient") → (h, w), in the method's unit.
    status: "ok", or why there are neither ("word_truncated", "word_in_token"), with the reason in a sentence.
    """

    span: Span
    quantities: Mapping[tuple[str, str], Quantity]
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    status: str = "ok"
    reason: str = ""

    @property
    def cmi(self) -> Quantity:
        """i^o(x; y*|c): what the word adds to the rest of the caption, by the orthogonal estimator."""
        return self._orthogonal("cmi")

    @property
    def mi(self) -> Quantity:
        """i^o(x; y*): what the word alone says, by the orthogonal estimator."""
        return self._orthogonal("mi")

    def _orthogonal(self, name: str) -> Quantity:
        found = self.quantities.get((name, "orthogonal"))
        if found is None:
            why = self.reason or f"it was not estimated; add {name!r} to `methods`"
            raise InputError(f"the word {self.span.text!r} has no {name.upper()}: {why}.")
        return found


class Source(Protocol):
    """The model that an explanation came from, for questions that it cannot answer from what it holds."""

    def pair(
        self, explanation: Explanation, words: tuple[Span, Span], given: Given, draws: int | None, progress: bool | None
    ) -> WordPair:
        """Two words, in the order of the caption, that do not overlap."""
        ...

    def edit(self, explanation: Explanation, word: Span, other: str | None, steps: int, progress: bool | None) -> Edit:
        """A word replaced by another, or left out if there is none."""
        ...


@dataclass(frozen=True, eq=False)
class Explanation(Mapping[Key, WordExplanation]):
    """A picture, its caption and what each word of it carries: a mapping from words to their explanations.

    `e["dog"]` is the first dog of the caption, `e["dog", 1]` the second.

    picture: uint8 (H, W, 3), as the model saw it. words: in the order of the caption. caption_nats: "standard" (the log
    likelihood ratio of the caption against no text) and "orthogonal". settings: plain JSON values: model, draws, seed,
    methods, density, how the picture was fitted, versions. warnings: sentences. pairs: those that were asked for. source:
    the model, which pairs and edits need; None for an explanation that was loaded, until `Explainer.resume`.
    """

    picture: np.ndarray
    caption: str
    words: tuple[WordExplanation, ...]
    caption_nats: Mapping[str, Quantity]
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    pairs: list[WordPair] = field(default_factory=list, repr=False)
    source: Source | None = field(default=None, repr=False)

    def __getitem__(self, key: Key) -> WordExplanation:
        text, occurrence = (key, 0) if isinstance(key, str) else key
        for same in (str, str.casefold):
            for word in self.words:
                if (same(word.span.text), word.span.occurrence) == (same(text), occurrence):
                    return word
        raise KeyError(f"{key!r} is not among the explained words: {', '.join(map(repr, self))}")

    def __iter__(self) -> Iterator[Key]:
        return (word.span.key for word in self.words)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Explanation({self.caption!r}: {len(self.words)} words)"

    def pair(
        self,
        first: Asked,
        second: Asked,
        *,
        given: Given = "rest",
        draws: int | None = None,
        progress: bool | None = None,
    ) -> WordPair:
        """What two words of the caption share, what is unique to each, and what they say only together.

        The pair is estimated when it is first asked for, on draws of the explanation's seed and picture, and then kept, also
        by `save`.

        Args:
            first, second: words or places of the caption, explained or not, in any order, such as "dog" or ("dog", 1).
            given: "rest", the caption without both words, or "nothing".
            draws: altogether, rounded up to four equal parts, from which errors follow; None: those of the explanation, or
                of the pair that is kept. A draw takes four evaluations of the denoiser.
            progress: a bar on stderr; None: if that is a terminal or a notebook.

        Raises:
            InputError: a word is not in the caption, both overlap, the model does not read one, or the explanation was
                loaded and neither holds the pair nor has a model.
        """
        from infodecomp.explaining.pair_places import kept_pair, pair_places

        words = pair_places(self.caption, first, second)
        found = kept_pair(self.pairs, words, given, draws)
        if found is None:
            found = self._asked(f"the pair {words[0].key!r}, {words[1].key!r}").pair(
                self, words, given, draws, progress
            )
            self.pairs.append(found)
        return found

    def edit(self, word: Asked, other: str, *, steps: int = EDIT_STEPS, progress: bool | None = None) -> Edit:
        """Carry the picture to noise with its caption, and back with another text in place of a word.

        Args:
            word: a word or place of the caption: "dog" (its first place), ("dog", 1), (start, end).
            other: put there as it is; a capital first letter is kept, and an article directly before agrees.
            steps: noise levels of the flow (Heun), each way.
            progress: as for `pair`.

        Raises:
            InputError: the word is not in the caption, the model does not read it, `other` is empty or the same, or the
                explanation was loaded and has no model.
        """
        return self._edited(word, other, steps, progress)

    def without(self, word: Asked, *, steps: int = EDIT_STEPS, progress: bool | None = None) -> Edit:
        """As `edit`, with the caption without the word. Where the change is, its CMI should be.

        >>> from infodecomp import Explainer
        >>> explainer, picture = Explainer("data/models/scenes", device="cpu"), np.zeros((64, 64, 3), np.uint8)
        >>> e = explainer(picture, "a dog", words=["dog"], draws=24, methods=["cmi", "mi"], progress=False)
        >>> edit = e.without("dog", steps=2, progress=False)
        >>> edit.edited_caption, edit.change.shape, edit.evaluations
        ('a', (16, 16), 6)
        """
        return self._edited(word, None, steps, progress)

    def _edited(self, word: Asked, other: str | None, steps: int, progress: bool | None) -> Edit:
        from infodecomp.explaining.caption_spans import caption_spans

        span = caption_spans(self.caption, [word])[0]
        return self._asked("an edit").edit(self, span, other, steps, progress)

    def _asked(self, what: str) -> Source:
        if self.source is None:
            raise InputError(
                f"{what} needs the model, which an explanation that was loaded does not have; use "
                "explainer.resume(explanation) with an Explainer of the same model."
            )
        return self.source

    def table(self, confidence: float = 0.95) -> pd.DataFrame:
        """One row a word, nats: see `infodecomp.explaining.word_table.word_table`."""
        from infodecomp.explaining.word_table import word_table

        return word_table(self, confidence)

    def plot(self, **options: Any) -> Figure:
        """The caption coloured by nats, the picture and the maps of every word, as a Matplotlib figure."""
        from infodecomp.explaining.figure import explanation_figure

        return explanation_figure(self, **options)

    def overlay(self, word: Key, **options: Any) -> Image.Image:
        """The picture under a word's map, whose opacity follows its heat."""
        from infodecomp.explaining.overlay import word_overlay

        return word_overlay(self, word, **options)

    def _repr_html_(self) -> str:
        from infodecomp.explaining.html import explanation_html

        return explanation_html(self)

    def save(self, path: str | Path) -> None:
        """Write everything to one file, arrays and JSON in a zip, which `Explanation.load` reads."""
        from infodecomp.explaining.archive import save_explanation

        save_explanation(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Read a file that `save` wrote. Raises InputError for a damaged one, and for one of a newer version."""
        from infodecomp.explaining.archive import load_explanation

        return load_explanation(Path(path))
