"""Which words of a caption the model reads, known from its tokenizers alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from infodecomp.config import ModelSection
from infodecomp.models.folders import model_folder
from infodecomp.models.tokenizers import Tokenizers
from infodecomp.runs.errors import InputError
from infodecomp.words.occurrences import find_word, word_token_positions


def word_reader(model: ModelSection) -> Callable[[str, str], bool]:
    """(caption, word) → whether any token of the word is among those that the model reads.

    Raises InputError if the model's folder is missing or has not been fetched.
    """
    tokenizers = Tokenizers(model_folder("model → id", model.id, model.revision, model.variant))
    offsets = lru_cache(1)(tokenizers.offsets)

    def reads(caption: str, word: str) -> bool:
        spans = find_word(caption, word)
        return tokenizers.reads_all(caption) or any(any(word_token_positions(read, spans)) for read in offsets(caption))

    return reads


def planned_reader(model: ModelSection) -> Callable[[str, str], bool] | None:
    """As `word_reader`, or None, which takes all words for read, while the model is not there."""
    try:
        return word_reader(model)
    except InputError:
        return None
