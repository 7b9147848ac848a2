"""Captions as the model reads them: encoded, and which of their tokens a word became."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

from infodecomp.estimator.condition import Condition
from infodecomp.models.protocol import DiffusionModel
from infodecomp.runs.shards import ImageJob
from infodecomp.words.occurrences import Span, find_word, word_token_positions

# Those of Stable Diffusion 2 take 315 kB each.
_CONDITIONS_KEPT = 100


class CaptionTokens:
    """Encodes the prompts of a shard's cases and finds their words among the tokens; a case whose word has none fails."""

    def __init__(self, fail: Callable[[Any, str, str], None], load: Callable[[], DiffusionModel]) -> None:
        """fail: receives each case that fails, its status and its reason. load: returns the model, when first needed."""
        self._fail, self._load = fail, load

    @cached_property
    def _model(self) -> DiffusionModel:
        return self._load()

    @cached_property
    def condition(self) -> Callable[[str], Condition]:
        """Prompt → condition; the last ones encoded are kept."""
        return lru_cache(_CONDITIONS_KEPT)(lambda prompt: self._model.encode_prompts([prompt])[0])

    def conditions(self, prompts: Sequence[str]) -> dict[str, Condition]:
        """Prompt → condition."""
        return {prompt: self.condition(prompt) for prompt in prompts}

    def batch(self, prompts: Sequence[str]) -> Condition:
        """The conditions of prompts, one a row."""
        return Condition.stack([self.condition(prompt) for prompt in prompts])

    def word_tokens(self, case: Any) -> list[int]:
        """Token positions of a case's word in its caption, all occurrences; as `tokens_of`."""
        return self.tokens_of(case, case.prompt_word)

    def tokens_of(self, case: Any, word: str) -> list[int]:
        """Token positions of a word in the case's caption, all occurrences.

        Where there are none, the case fails and the list is empty: the word is not in the caption, only inside a longer
        token, as cat in the learned token <cat>, or only beyond the number of tokens that the model reads.
        """
        offsets = self._model.token_offsets(case.prompt_full)
        spans = find_word(case.prompt_full, word)
        tokens = [position for occurrence in word_token_positions(offsets, spans) for position in occurrence]
        if not tokens:
            self._fail(case, *unread(self._model, case.prompt_full, word, spans, offsets))
        return tokens

    def caption_tokens(self, job: ImageJob) -> dict[str, list[int]]:
        """Caption → the token positions of all words that the job's cases ask about, in order."""
        tokens: dict[str, set[int]] = {}
        for case in job.cases:
            tokens.setdefault(case.prompt_full, set()).update(self.word_tokens(case))
        return {caption: sorted(positions) for caption, positions in tokens.items()}

    def readable(self, jobs: Sequence[ImageJob], words: Sequence[str] = ("prompt_word",)) -> list[ImageJob]:
        """The jobs with only those cases whose words the model reads; words: the columns that hold them."""
        kept = [
            ImageJob(
                job.image_id,
                job.image_path,
                tuple(case for case in job.cases if all(self.tokens_of(case, getattr(case, name)) for name in words)),
            )
            for job in jobs
        ]
        return [job for job in kept if job.cases]


def unread(
    model: DiffusionModel, caption: str, word: str, spans: Sequence[Span], offsets: Sequence[Span]
) -> tuple[str, str]:
    """Status and reason of a word, at these places of a caption, that has no token of its own; offsets: of all tokens."""
    if not spans:
        return "word_not_in_caption", f"the word '{word}' is not in the caption"
    if token := _token_around(caption, offsets, spans):
        return "word_in_token", f"the word '{word}' is part of '{token}', which the model reads as one"
    reason = f"the word '{word}' is beyond the first {model.token_limit} tokens, which the model reads"
    return "word_truncated", reason


def _token_around(caption: str, offsets: Sequence[Span], spans: Sequence[Span]) -> str | None:
    """The text of the first token that reaches over an edge of the word's occurrences."""
    for low, high in offsets:
        if any(low < end and start < high for start, end in spans):
            return caption[low:high]
    return None
