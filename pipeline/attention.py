"""Record cross-attention while a denoiser runs, and turn it into word maps.

The aggregation is DAAM's (Tang et al., ACL 2023): attention probabilities of every cross-attention layer in the down and up
blocks, summed over calls for each layer and head; each layer's map enlarged bicubically to the latent's size and clamped at
zero; plain mean over layers and heads, then over the word's tokens. Sums here are divided by the number of calls, so that
values do not depend on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention

_ROWS_AT_ONCE = 16


@dataclass
class AttentionSum:
    """Running sums of one recording: layer → (heads, tokens, h_l, w_l), and the number of calls summed."""

    layers: dict[str, torch.Tensor] = field(default_factory=dict)
    calls: int = 0

    def add(self, layer: str, probabilities: torch.Tensor) -> None:
        """Add one call's probabilities of a layer, (heads, tokens, h_l, w_l)."""
        if layer in self.layers:
            self.layers[layer] += probabilities
        else:
            self.layers[layer] = probabilities.clone()

    def of(self, tokens: Sequence[int]) -> AttentionSum:
        """The sums of some of the recorded tokens."""
        return AttentionSum({name: value[:, list(tokens)] for name, value in self.layers.items()}, self.calls)

    def __add__(self, other: AttentionSum) -> AttentionSum:
        layers = {name: value + other.layers[name] for name, value in self.layers.items()}
        return AttentionSum(layers, self.calls + other.calls)


@dataclass(frozen=True)
class Tap:
    """Record row `row` of the coming call under `key`, for these token positions."""

    row: int
    key: Hashable
    tokens: Sequence[int]


class AttentionRecorder:
    """Holds the sums of all recordings. Set `taps` before each call of the denoiser."""

    def __init__(self, latent_size: tuple[int, int]) -> None:
        self.latent_size = latent_size
        self.taps: Sequence[Tap] = ()
        self.sums: dict[Hashable, AttentionSum] = {}

    def expect(self, taps: Sequence[Tap]) -> None:
        """Say which rows of the next call are to be recorded."""
        self.taps = taps
        for tap in taps:
            self.sums.setdefault(tap.key, AttentionSum()).calls += 1

    def pop(self, key: Hashable) -> AttentionSum:
        """Take the sums of a finished recording."""
        return self.sums.pop(key)

    def observe(self, layer: str, attn: Attention, hidden_states: torch.Tensor, text: torch.Tensor) -> None:
        """Add one layer's probabilities of the tapped rows. hidden_states: (B, h_l·w_l, c); text: (B, tokens, width)."""
        for start in range(0, len(self.taps), _ROWS_AT_ONCE):
            taps = self.taps[start : start + _ROWS_AT_ONCE]
            rows = [tap.row for tap in taps]
            query = attn.head_to_batch_dim(attn.to_q(hidden_states[rows]))
            key = attn.head_to_batch_dim(attn.to_k(text[rows]))
            probabilities = attn.get_attention_scores(query, key).unflatten(0, (len(rows), attn.heads))
            size = layer_size(self.latent_size, hidden_states.shape[1])
            for tap, row in zip(taps, probabilities, strict=True):
                kept = row[:, :, list(tap.tokens)].transpose(1, 2).unflatten(2, size)  # (heads, tokens, h_l, w_l)
                self.sums[tap.key].add(layer, kept.float().cpu())


class _Recording:
    """An attention processor that shows its inputs to a recorder and leaves the computation to the one it wraps."""

    def __init__(self, inner: Any, layer: str, recorder: AttentionRecorder) -> None:
        self.inner, self.layer, self.recorder = inner, layer, recorder

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        if self.recorder.taps and encoder_hidden_states is not None:
            self.recorder.observe(self.layer, attn, hidden_states, encoder_hidden_states)
        return self.inner(attn, hidden_states, encoder_hidden_states, *args, **kwargs)


@contextmanager
def recording(unet: UNet2DConditionModel, latent_size: tuple[int, int]) -> Iterator[AttentionRecorder]:
    """Record cross-attention of the down and up blocks inside the `with`; the predictions stay bit for bit the same."""
    recorder = AttentionRecorder(latent_size)
    before = dict(unet.attn_processors)
    unet.set_attn_processor(
        {name: _Recording(inner, name, recorder) if is_recorded(name) else inner for name, inner in before.items()}
    )
    try:
        yield recorder
    finally:
        unet.set_attn_processor(before)


def is_recorded(layer: str) -> bool:
    """Whether a layer counts: cross-attention (`attn2`) outside the middle block."""
    return ".attn2." in layer and not layer.startswith("mid_block")


def layer_size(latent_size: tuple[int, int], positions: int) -> tuple[int, int]:
    """Height and width of a layer with `positions` queries: the latent's, halved (rounding up) until they fit."""
    height, width = latent_size
    while height * width > positions:
        height, width = -(-height // 2), -(-width // 2)
    if height * width != positions:
        raise ValueError(f"a layer of {positions} positions is no halving of a latent of {latent_size}")
    return height, width


def word_map(
    recorded: AttentionSum, tokens: Sequence[int], latent_size: tuple[int, int], *, heads: str = "all"
) -> np.ndarray:
    """The map of a word, float32 (h, w): mean over layers, heads and the word's tokens.

    tokens: indices into the recorded tokens. heads: `all`, or `second_half` of each layer's heads, which is what DAAM
    keeps when no guidance is used.
    """
    total, count = torch.zeros(latent_size, dtype=torch.float64), 0
    for sums in recorded.layers.values():
        first = sums.shape[0] // 2 if heads == "second_half" else 0
        kept = sums[first:][:, list(tokens)] / recorded.calls
        enlarged = torch.nn.functional.interpolate(kept, size=latent_size, mode="bicubic").clamp(min=0)
        total += enlarged.double().mean(1).sum(0)
        count += len(kept)
    return (total / count).float().numpy()
