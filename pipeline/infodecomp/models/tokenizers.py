"""The tokenizers of a model, without its weights: how much of a caption the model reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from infodecomp.models.layout import INDEX
from infodecomp.models.learned_tokens import Span, learned_vectors, token_offsets
from infodecomp.models.pipelines import PIPELINES
from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

_SETTINGS = "tokenizer_config.json"
_VOCABULARIES = ("tokenizer.json", "vocab.json", "spiece.model")
# Of a CLIP whose configuration leaves it out.
_POSITIONS_OF_CLIP = 77
# What a tokenizer without a limit says is 10³⁰.
_UNLIMITED = 10**18
# Tokens without text, at most: one at each end.
_SPECIAL = 2


class Tokenizers:
    """Those of all text encoders of a pipeline's folder; a caption is read as far as any of them reads it."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError if the folder has none, or none of which is known how many tokens are read."""
        self._folders = sorted({path.parent for name in _VOCABULARIES for path in folder.glob(f"tokenizer*/{name}")})
        for path in folder.glob("tokenizer*/*"):
            checked(path)
        fewer = _read_by_pipeline(folder)
        self._limits = [min(limit := _limit(path), fewer.get(path.name, limit)) for path in self._folders]
        self._learned = any(learned_vectors(_added(path)) for path in self._folders)
        if not self._folders:
            raise InputError(
                f"{folder}: the model has no tokenizer (tokenizer.json or vocab.json), which says how much of a caption it "
                "reads."
            )

    def reads_all(self, caption: str) -> bool:
        """Whether a caption is surely read whole: a token has at least one of its bytes, and no more of these are there.

        A learned token of several vectors can have more tokens than bytes.
        """
        return not self._learned and caption.isascii() and len(caption) + _SPECIAL <= max(self._limits)

    def offsets(self, caption: str) -> list[list[Span]]:
        """Of each tokenizer, the character span of every token that is read; special tokens as (0, 0)."""
        loaded = zip(self._loaded, self._limits, strict=True)
        return [token_offsets(tokenizer, caption, limit) for tokenizer, limit in loaded]

    @cached_property
    def _loaded(self) -> Sequence[Any]:
        # Takes seconds, and captions are seldom so long.
        from transformers import AutoTokenizer, CLIPTokenizer

        try:
            return [
                (AutoTokenizer if (folder / _SETTINGS).is_file() else CLIPTokenizer).from_pretrained(str(folder))
                for folder in self._folders
            ]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{self._folders[0]}: this is not a readable tokenizer ({error}).") from error


def read_tokens(model_max_length: int | None, positions: int | None) -> int:
    """How many tokens are read: as many as the tokenizer says, and never more than the text encoder has positions for.

    A tokenizer that does not say it has `model_max_length` 10³⁰. Raises ValueError if neither is known.
    """
    known = [limit for limit in (model_max_length, positions) if limit is not None and 0 < limit < _UNLIMITED]
    return int(min(known))


def _limit(folder: Path) -> int:
    """The number of tokens that are read of a caption, by the settings of a tokenizer and of its text encoder."""
    encoder = folder.with_name(folder.name.replace("tokenizer", "text_encoder")) / "config.json"
    settings, config = _json(folder / _SETTINGS), _json(encoder)
    positions = config.get("max_position_embeddings")
    if positions is None and config.get("model_type") == "clip_text_model":
        positions = _POSITIONS_OF_CLIP
    try:
        return read_tokens(settings.get("model_max_length"), positions)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{folder / _SETTINGS}: no readable `model_max_length`, the number of tokens that are read, and {encoder} has "
            "no `max_position_embeddings` either."
        ) from error


def _read_by_pipeline(folder: Path) -> Mapping[str, int]:
    """Tokenizer → how many tokens a pipeline reads of a caption, where that is fewer than the tokenizer allows."""
    kind = PIPELINES.get(str(_json(folder / INDEX).get("_class_name")))
    return kind.tokens if kind else {}


def _added(folder: Path) -> set[str]:
    """The tokens that were added to the vocabulary, by any of the files that can list them."""
    listed = _json(folder / "tokenizer.json").get("added_tokens") or []
    decoded = _json(folder / _SETTINGS).get("added_tokens_decoder") or {}
    found = [one.get("content") for one in (*listed, *decoded.values())]
    return {*map(str, found), *_json(folder / "added_tokens.json")}


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one if there is no such file."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(checked(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: this is not readable JSON ({error}).") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected a JSON object, found a {type(found).__name__}.")
    return found
