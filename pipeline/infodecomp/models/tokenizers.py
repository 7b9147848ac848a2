"""The tokenizers of a model, without its weights: how much of a caption the model reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from infodecomp.runs.errors import InputError
from infodecomp.runs.ledger import checked

_SETTINGS = "tokenizer_config.json"
# Tokens without text, at most: one at each end.
_SPECIAL = 2


class Tokenizers:
    """Those of all text encoders of a pipeline's folder; a caption is read as far as any of them reads it."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError if the folder has none, or none that says how many tokens it reads."""
        self._folders = sorted(path.parent for path in folder.glob(f"tokenizer*/{_SETTINGS}"))
        for path in folder.glob("tokenizer*/*"):
            checked(path)
        self._limits = [_limit(path) for path in self._folders]
        if not self._folders:
            raise InputError(
                f"{folder}: the model has no tokenizer/{_SETTINGS}, which says how much of a caption it reads."
            )

    def reads_all(self, caption: str) -> bool:
        """Whether a caption is surely read whole: a token has at least one of its bytes, and no more of these are there."""
        return caption.isascii() and len(caption) + _SPECIAL <= max(self._limits)

    def offsets(self, caption: str) -> list[list[tuple[int, int]]]:
        """Of each tokenizer, the character span of every token that is read; special tokens as (0, 0)."""
        found = []
        for tokenizer, limit in zip(self._loaded, self._limits, strict=True):
            encoded = tokenizer(caption, truncation=True, max_length=limit, return_offsets_mapping=True)
            found.append([(int(start), int(end)) for start, end in encoded["offset_mapping"]])
        return found

    @cached_property
    def _loaded(self) -> Sequence[Any]:
        # Takes seconds, and captions are seldom so long.
        from transformers import AutoTokenizer

        try:
            return [AutoTokenizer.from_pretrained(str(folder)) for folder in self._folders]
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{self._folders[0]}: this is not a readable tokenizer ({error}).") from error


def _limit(folder: Path) -> int:
    path = folder / _SETTINGS
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["model_max_length"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: no readable `model_max_length`, the number of tokens that are read ({error!r})."
        ) from error
