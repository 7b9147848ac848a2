"""The attention map of a case's word, from a recording of its caption's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.maps.rounding import rounded_map
from infodecomp.models.attention import AttentionSum, word_map


def word_attention_map(
    stage: ModelInputs, case: Any, recorded: AttentionSum, tokens: Sequence[int], heads: str
) -> np.ndarray:
    """The map (h, w) of a case's word, from a recording of these token positions of its caption."""
    return attention_map(stage, word_sum(stage, case, recorded, tokens), heads)


def word_sum(stage: ModelInputs, case: Any, recorded: AttentionSum, tokens: Sequence[int]) -> AttentionSum:
    """The part of a recording of these token positions that belongs to the case's word."""
    return recorded.of([tokens.index(position) for position in stage.captions.word_tokens(case)])


def attention_map(stage: ModelInputs, recorded: AttentionSum, heads: str) -> np.ndarray:
    """The map (h, w) of a word from a recording of its tokens alone, rounded as maps are stored."""
    tokens = range(next(iter(recorded.layers.values())).shape[1])
    return rounded_map(word_map(recorded, tokens, stage.model.latent_shape[1:], heads=heads))
