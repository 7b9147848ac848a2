"""One text encoder's reading of a caption: which characters each of its tokens stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infodecomp.models.learned_tokens import Span, converted, token_offsets


@dataclass(frozen=True)
class TextReader:
    """limit: the number of tokens that are read. lowered: whether the caption is first put in lower case and stripped.

    template: what the encoder reads, with {} for the caption; dropped: how many of its first tokens the denoiser never sees.
    """

    tokenizer: Any
    limit: int
    lowered: bool = False
    template: str = "{}"
    dropped: int = 0

    def offsets(self, caption: str) -> list[Span]:
        """Character span in the caption of every token that is read, special tokens as (0, 0); at most `limit`."""
        if self.template != "{}":
            return self._inside_template(caption)
        if not self.lowered:
            return token_offsets(self.tokenizer, caption, self.limit)
        text, places = lowered(caption)
        spans = token_offsets(self.tokenizer, text, self.limit)
        return [(places[start], places[end - 1] + 1) if start < end else (0, 0) for start, end in spans]

    def unknown(self, caption: str) -> set[int]:
        """Positions of tokens that stand for what the tokenizer does not know, as `offsets` counts them.

        Byte-level tokenizers, such as CLIP's, know everything; their unknown token ends a text.
        """
        unknown, tokenizer = self.tokenizer.unk_token_id, self.tokenizer
        if unknown is None or unknown in (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.bos_token_id):
            return set()
        text = lowered(caption)[0] if self.lowered else converted(tokenizer, caption)[0]
        ids = tokenizer(self.template.format(text), truncation=True, max_length=self.limit + self.dropped).input_ids
        return {position for position, token in enumerate(ids[self.dropped :]) if token == unknown}

    def _inside_template(self, caption: str) -> list[Span]:
        first = self.template.index("{}")
        spans = token_offsets(self.tokenizer, self.template.format(caption), self.limit + self.dropped)[self.dropped :]
        # A token may hold the last sign of the template before the caption, or the first one after it.
        clipped = ((max(start - first, 0), min(end - first, len(caption))) for start, end in spans)
        return [(start, end) if start < end else (0, 0) for start, end in clipped]


def lowered(caption: str) -> tuple[str, list[int]]:
    """A caption in lower case without space at its ends, and of each of its characters the place in the caption.

    >>> lowered(" A dog ")
    ('a dog', [1, 2, 3, 4, 5])
    """
    whole = caption.lower()
    places = [place for place, character in enumerate(caption) for _ in character.lower()]
    first = len(whole) - len(whole.lstrip())
    text = whole.strip()
    return text, places[first : first + len(text)]
