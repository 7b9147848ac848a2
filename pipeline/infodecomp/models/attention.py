"""Record the cross-attention of a UNet while it runs, and turn it into word maps.

The aggregation is DAAM's (Tang et al., ACL 2023): attention probabilities of every cross-attention layer in the down and up
blocks, summed over calls for each layer and head; each layer's map enlarged bicubically to the latent's size and clamped at
zero; plain mean over layers and heads, then over the word's tokens. Sums here are divided by the number of calls, so that
values do not depend on it; calls can be weighted.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention

from infodecomp.estimator.batching import groups

_ROWS_AT_ONCE = 16


@dataclass
class AttentionSum:
    """Running sums of one recording: layer → (heads, tokens, h_l, w_l), and the number of calls summed."""

    layers: dict[str, torch.Tensor] = field(default_factory=dict)
    calls: int = 0

    def of(self, tokens: Sequence[int]) -> AttentionSum:
        """The sums of some of the recorded tokens, float32."""
        return AttentionSum({name: value[:, list(tokens)].float() for name, value in self.layers.items()}, self.calls)

    def __add__(self, other: AttentionSum) -> AttentionSum:
        layers = {name: value + other.layers[name] for name, value in self.layers.items()}
        return AttentionSum(layers, self.calls + other.calls)


@dataclass(frozen=True)
class Tap:
    """Record row `row` of the next call under `key`, for these token positions, with this weight."""

    row: int
    key: Hashable
    tokens: Sequence[int]
    weight: float = 1.0


class AttentionRecorder:
    """The sums of all recordings; announce the rows of the next call with `expect`."""

    def __init__(self, latent_size: tuple[int, int], *, precise: bool = False) -> None:
        self.latent_size = latent_size
        self._precise = precise
        self.sums: dict[Hashable, AttentionSum] = {}
        self._expected: Sequence[Tap] = ()
        self._first = 0  # first row of the next call among the expected ones
        self._taps: list[Tap] = []
        self._queries: dict[str, torch.Tensor] = {}
        self._seen: list[tuple[str, torch.Tensor]] = []

    def expect(self, taps: Sequence[Tap]) -> None:
        """Announce which of the next rows are recorded; they may come in one call or, in this order, in several."""
        self._expected, self._first = taps, 0
        for tap in taps:
            self.sums.setdefault(tap.key, AttentionSum()).calls += 1

    def pop(self, key: Hashable) -> AttentionSum:
        """Take the sums of a finished recording."""
        return self.sums.pop(key)

    @torch.compiler.disable
    def begin(self, rows: int) -> None:
        """A call of `rows` rows begins; whatever a failed call has left is dropped."""
        self._queries.clear()
        self._seen.clear()
        coming = range(self._first, self._first + rows)
        self._taps = [replace(tap, row=tap.row - self._first) for tap in self._expected if tap.row in coming]

    @torch.compiler.disable
    def end(self, rows: int) -> None:
        """The call has succeeded: add the probabilities of its layers."""
        self._first += rows
        keys = list(dict.fromkeys(tap.key for tap in self._taps))
        owner = [keys.index(tap.key) for tap in self._taps]
        tokens = {tap.key: len(tap.tokens) for tap in self._taps}
        weights = torch.tensor([tap.weight for tap in self._taps])[:, None, None, None, None]
        weighted = bool((weights != 1).any())
        for layer, seen in self._seen:
            kept = seen.cpu().double() if self._precise else seen
            if weighted:
                kept = kept * weights.to(kept)
            sums = self._so_far(layer, keys, kept)
            # Summed on the device, which takes one transfer a key instead of one a row.
            sums.index_add_(0, torch.tensor(owner).to(kept.device), kept)
            for key, total in zip(keys, sums.cpu(), strict=True):
                self.sums[key].layers[layer] = total[:, : tokens[key]].clone()
        self._seen.clear()

    def _so_far(self, layer: str, keys: Sequence[Hashable], like: torch.Tensor) -> torch.Tensor:
        """The sums of some recordings, (keys, heads, tokens, h_l, w_l), to which rows are added one by one: sums over whole
        calls would round differently depending on how rows are divided into calls.
        """
        sums = like.new_zeros((len(keys), *like.shape[1:]))
        for place, key in enumerate(keys):
            if (known := self.sums[key].layers.get(layer)) is not None:
                sums[place, :, : known.shape[1]] = known
        return sums

    @torch.compiler.disable
    def queries(self, layer: str, query: torch.Tensor) -> None:
        """A layer's queries of all rows, (B, h_l·w_l, heads·d)."""
        if self._taps:
            self._queries[layer] = query

    @torch.compiler.disable
    def keys(self, layer: str, attn: Attention, key: torch.Tensor) -> None:
        """A layer's keys of all rows, (B, tokens, heads·d): keep the probabilities of the tapped rows and tokens."""
        query = self._queries.pop(layer, None)
        if query is None:
            return
        size = layer_size(self.latent_size, query.shape[1])
        parts = [self._probabilities(attn, query, key, taps) for taps in groups(self._taps, _ROWS_AT_ONCE)]
        self._seen.append(
            (layer, torch.cat(parts).transpose(2, 3).unflatten(3, size))
        )  # (taps, heads, tokens, h_l, w_l)

    def _probabilities(
        self, attn: Attention, query: torch.Tensor, key: torch.Tensor, taps: Sequence[Tap]
    ) -> torch.Tensor:
        """Probabilities (taps, heads, h_l·w_l, tokens), float32; rows with fewer tokens repeat their first."""
        rows = [tap.row for tap in taps]
        query, key = (attn.head_to_batch_dim(states[rows]) for states in (query, key))
        probabilities = probabilities_of(attn, query, key).unflatten(0, (len(rows), attn.heads))
        most = max(len(tap.tokens) for tap in self._taps)
        wanted = torch.tensor([[*tap.tokens, *[tap.tokens[0]] * (most - len(tap.tokens))] for tap in taps])
        index = wanted[:, None, None, :].to(key.device).expand(*probabilities.shape[:3], most)
        return probabilities.gather(3, index).float()


def probabilities_of(attn: Attention, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """Probabilities (n, h_l·w_l, tokens) of queries and keys, (n, …, d) each, as `attn` computes them, but faster."""
    if attn.upcast_attention:
        query, key = query.float(), key.float()
    scores = torch.bmm(query * attn.scale, key.transpose(1, 2))
    return (scores.float() if attn.upcast_softmax else scores).softmax(2)


@contextmanager
def recording(
    unet: UNet2DConditionModel, latent_size: tuple[int, int], *, precise: bool = False
) -> Iterator[AttentionRecorder]:
    """Record cross-attention of the down and up blocks inside the `with`; the predictions stay bit for bit the same.

    Queries and keys are read where the layers compute them, so that the layers run as always and only the product of the two
    is computed in addition. `precise`: sums in float64, where their order hardly ever matters.
    """
    recorder = AttentionRecorder(latent_size, precise=precise)
    hooks = [
        unet.register_forward_pre_hook(lambda _, inputs: recorder.begin(len(inputs[0]))),
        unet.register_forward_hook(lambda _, inputs, __: recorder.end(len(inputs[0])), prepend=True),
    ]
    for name, layer in unet.named_modules():
        if is_recorded(name):
            hooks.append(layer.to_q.register_forward_hook(partial(_show_queries, recorder, name)))
            hooks.append(layer.to_k.register_forward_hook(partial(_show_keys, recorder, name, layer)))
    try:
        yield recorder
    finally:
        for hook in hooks:
            hook.remove()


def _show_queries(recorder: AttentionRecorder, layer: str, _: Any, __: Any, query: torch.Tensor) -> None:
    recorder.queries(layer, query)


def _show_keys(recorder: AttentionRecorder, layer: str, attn: Attention, _: Any, __: Any, key: torch.Tensor) -> None:
    recorder.keys(layer, attn, key)


def is_recorded(layer: str) -> bool:
    """Whether a module is recorded: a cross-attention layer (`attn2`) outside the middle block."""
    return layer.endswith(".attn2") and not layer.startswith("mid_block")


def layer_size(latent_size: tuple[int, int], positions: int) -> tuple[int, int]:
    """Height and width of a layer with `positions` queries: the latent's, halved (rounding up) until they fit."""
    height, width = latent_size
    while height * width > positions:
        height, width = -(-height // 2), -(-width // 2)
    if height * width != positions:
        raise ValueError(
            f"a layer has {positions} positions; expected those of a latent of {latent_size}, halved some times"
        )
    return height, width


def word_map(
    recorded: AttentionSum, tokens: Sequence[int], latent_size: tuple[int, int], *, heads: str = "all"
) -> np.ndarray:
    """The map of a word, float32 (h, w): mean over layers, heads and the word's tokens.

    tokens: indices into the recorded tokens. heads: `all`, or `second_half` of each layer's heads, which is what DAAM
    keeps if there is no guidance.
    """
    total, count = torch.zeros(latent_size, dtype=torch.float64), 0
    for sums in recorded.layers.values():
        first = sums.shape[0] // 2 if heads == "second_half" else 0
        kept = sums[first:][:, list(tokens)] / recorded.calls
        enlarged = torch.nn.functional.interpolate(kept, size=latent_size, mode="bicubic").clamp(min=0)
        total += enlarged.double().mean(1).sum(0)
        count += len(kept)
    return (total / count).float().numpy()
