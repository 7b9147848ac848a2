"""Taggers and tokenizers of captions, with names and versions for the record.

ARO takes tokens and Penn Treebank tags from spaCy's en_core_web_sm, and tokens without tags from NLTK. Both are imported
late: a Parquet mirror or the embedded scenes need neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress

if TYPE_CHECKING:
    from nltk.tokenize import NLTKWordTokenizer

Tokens = list[tuple[str, str]]


class Tagger(Protocol):
    """Splits captions into tokens with their Penn Treebank tags."""

    versions: str

    def tag(self, captions: Sequence[str]) -> list[Tokens]:
        """(token, tag) of each token, for each caption."""
        ...


def word_tokens(caption: str) -> list[str]:
    """The tokens of a caption by NLTK's word tokenizer.

    NLTK's `word_tokenize` first cuts a text into sentences with a model that has to be downloaded. Here the caption is
    one sentence: a full stop in its middle stays with its word, until the clean-up takes it out.
    """
    return list(_word_tokenizer().tokenize(caption))


def word_tokenizer_version() -> str:
    """Name and version of what `word_tokens` uses."""
    return f"nltk {metadata.version('nltk')}"


class SpacyTagger:
    """A spaCy pipeline that sets `tag_`, such as en_core_web_sm."""

    def __init__(self, name: str) -> None:
        """Load the pipeline `name`, a package or a folder. Raises InputError if spaCy or the pipeline is not there."""
        self._name = name
        self._pipeline = _load_spacy(name)
        meta = self._pipeline.meta
        self.versions = f"spacy {metadata.version('spacy')}, {meta['lang']}_{meta['name']} {meta['version']}"

    def tag(self, captions: Sequence[str]) -> list[Tokens]:
        """(token, tag) of each token, for each caption; InputError if the pipeline gives no tags."""
        tagged = []
        with Progress("tagging", len(captions), "captions") as progress:
            for text in self._pipeline.pipe(captions):
                tagged.append([(token.text, token.tag_) for token in text])
                progress.advance()
        if any(tagged) and not any(tag for tokens in tagged for _, tag in tokens):
            raise InputError(
                f"the spaCy pipeline {self._name} gives no part-of-speech tags (its parts: "
                f"{', '.join(self._pipeline.pipe_names) or 'none'}); `tagger` needs one that does, such as en_core_web_sm."
            )
        return tagged


def _load_spacy(name: str) -> Any:
    try:
        import spacy
    except ImportError as error:
        raise InputError(
            f"the tagger {name} is a spaCy pipeline, and spaCy is not installed: `pip install .[aro]` and "
            f"`python -m spacy download {name}`."
        ) from error
    try:
        # Nothing but tokens and tags is asked for; the other parts cost time and change no tag.
        return spacy.load(name, exclude=["parser", "ner", "lemmatizer"])
    except (OSError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise InputError(
            f"the spaCy pipeline {name} cannot be loaded ({reason}); install it with `python -m spacy download {name}`, or "
            "name a folder that holds one."
        ) from error


@cache
def _word_tokenizer() -> NLTKWordTokenizer:
    from nltk.tokenize import NLTKWordTokenizer  # a second: only for those who shuffle captions

    return NLTKWordTokenizer()
