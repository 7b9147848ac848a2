"""Record how the image attends to the text while a denoiser runs, and turn that into word maps.

All families compute attention by torch's `scaled_dot_product_attention`, where queries and keys have passed every norm,
rotation and projection: it is listened to there, and predictions stay bit for bit the same. Recorded are the probabilities
of image positions over the tokens of the text, out of a softmax over all keys: the text alone in cross-attention, text and
image where these attend to each other.

The aggregation is DAAM's (Tang et al., ACL 2023): attention probabilities of every recorded layer (of a U-Net the
cross-attention in its down and up blocks), summed over calls for each layer and head; each layer's map enlarged bicubically
to the latent's size and clamped at zero; plain mean over layers and heads, then over the word's tokens. Sums here are
divided by the number of calls, so that values do not depend on it; calls can be weighted.

Where image and text attend to each other, both have results of it. Their dot products, over all heads, are a second map of a
word (`output_map`): Helbling et al., ICML 2025, compare results of extra words in this way; here they are the caption's own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import nn

from infodecomp.estimator.batching import groups
from infodecomp.models.attention_calls import AttentionCall, listening

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
    """Record row `row` of the next call under `key`, for these token positions, with this weight.

    what: the probabilities of attention, or the dot products of its results at the image's positions and the tokens, which
    have one head; these need a text that attends too.
    """

    row: int
    key: Hashable
    tokens: Sequence[int]
    weight: float = 1.0
    what: Literal["probabilities", "outputs"] = "probabilities"


class AttentionRecorder:
    """The sums of all recordings; announce the rows of the next call with `expect`.

    layers: name → module, of those that are recorded. text_keys: where the text stands among the keys. precise: sums in
    float64, where their order hardly ever matters.
    """

    def __init__(
        self, layers: Mapping[str, nn.Module], text_keys: Literal["alone", "first", "last"], *, precise: bool = False
    ) -> None:
        self._layers, self._text_keys, self._precise = layers, text_keys, precise
        self.sums: dict[Hashable, AttentionSum] = {}
        self._expected: Sequence[Tap] = ()
        self._first = 0  # first row of the next call among the expected ones

    def expect(self, taps: Sequence[Tap]) -> None:
        """Announce which of the next rows are recorded; they may come in one call or, in this order, in several."""
        self._expected, self._first = taps, 0
        for tap in taps:
            self.sums.setdefault(tap.key, AttentionSum()).calls += 1

    def pop(self, key: Hashable) -> AttentionSum:
        """Take the sums of a finished recording."""
        return self.sums.pop(key)

    @contextmanager
    def call(self, latents: torch.Tensor, states: torch.Tensor) -> Iterator[None]:
        """Around one call of the denoiser with latents (B, C, h, w) and text states (B, tokens, width).

        A call that fails leaves nothing behind.
        """
        rows = len(latents)
        coming = range(self._first, self._first + rows)
        taps = [replace(tap, row=tap.row - self._first) for tap in self._expected if tap.row in coming]
        kinds = {what: [tap for tap in taps if tap.what == what] for what in dict.fromkeys(tap.what for tap in taps)}
        seen: dict[str, list[tuple[str, torch.Tensor]]] = {what: [] for what in kinds}
        with ExitStack() as stack:
            if taps:
                size, tokens = (latents.shape[2], latents.shape[3]), states.shape[1]

                def heard(call: AttentionCall) -> None:
                    for what, some in kinds.items():
                        read = self._probabilities if what == "probabilities" else self._outputs
                        seen[what].append((call.layer, read(call, some, size, tokens)))

                stack.enter_context(listening(self._layers, heard))
            yield
        self._first += rows
        for what, some in kinds.items():
            self._add(some, seen[what])

    def _add(self, taps: Sequence[Tap], seen: Sequence[tuple[str, torch.Tensor]]) -> None:
        """Add what was seen in the layers of a call, (taps, heads, tokens, h_l, w_l)."""
        keys = list(dict.fromkeys(tap.key for tap in taps))
        owner = [keys.index(tap.key) for tap in taps]
        tokens = {tap.key: len(tap.tokens) for tap in taps}
        weights = torch.tensor([tap.weight for tap in taps])[:, None, None, None, None]
        weighted = bool((weights != 1).any())
        for layer, values in seen:
            kept = values.cpu().double() if self._precise else values
            if weighted:
                kept = kept * weights.to(kept)
            sums = self._so_far(layer, keys, kept)
            # Summed on the device, which takes one transfer a key instead of one a row.
            sums.index_add_(0, torch.tensor(owner).to(kept.device), kept)
            for key, total in zip(keys, sums.cpu(), strict=True):
                self.sums[key].layers[layer] = total[:, : tokens[key]].clone()

    def _so_far(self, layer: str, keys: Sequence[Hashable], like: torch.Tensor) -> torch.Tensor:
        """The sums of some recordings, (keys, heads, tokens, h_l, w_l), to which rows are added one by one: sums over whole
        calls would round differently depending on how rows are divided into calls.
        """
        sums = like.new_zeros((len(keys), *like.shape[1:]))
        for place, key in enumerate(keys):
            if (known := self.sums[key].layers.get(layer)) is not None:
                sums[place, :, : known.shape[1]] = known
        return sums

    def _probabilities(
        self, call: AttentionCall, taps: Sequence[Tap], size: tuple[int, int], tokens: int
    ) -> torch.Tensor:
        """Probabilities of tapped rows and tokens, (taps, heads, tokens, h_l, w_l), float32."""
        first, image = self._places(call, tokens)
        most = max(len(tap.tokens) for tap in taps)
        parts = []
        for some in groups(taps, _ROWS_AT_ONCE):
            probabilities = call.probabilities([tap.row for tap in some], image)  # (taps, heads, h_l·w_l, keys)
            wanted = first + torch.tensor([_filled(tap.tokens, most) for tap in some])
            index = wanted[:, None, None, :].to(probabilities.device).expand(*probabilities.shape[:3], most)
            parts.append(probabilities.gather(3, index))
        found = torch.cat(parts)
        return found.transpose(2, 3).unflatten(3, layer_size(size, found.shape[2]))

    def _outputs(self, call: AttentionCall, taps: Sequence[Tap], size: tuple[int, int], tokens: int) -> torch.Tensor:
        """Dot products of results at positions and tokens, (taps, 1, tokens, h_l, w_l), float32."""
        if self._text_keys == "alone":
            raise ValueError("the text of this model does not attend, so that it has no results of attention")
        first, image = self._places(call, tokens)
        most = max(len(tap.tokens) for tap in taps)
        parts = []
        for some in groups(taps, _ROWS_AT_ONCE):
            output = call.output[[tap.row for tap in some]].float()  # (taps, heads, positions, d)
            wanted = first + torch.tensor([_filled(tap.tokens, most) for tap in some])
            index = wanted[:, None, :, None].to(output.device).expand(-1, output.shape[1], -1, output.shape[3])
            parts.append(torch.einsum("nhpd,nhtd->ntp", output[:, :, image], output.gather(2, index)))
        found = torch.cat(parts)
        return found[:, None].unflatten(3, layer_size(size, found.shape[2]))

    def _places(self, call: AttentionCall, tokens: int) -> tuple[int, slice]:
        """The first key of the text, and the queries of the image, of a call with this many tokens of text."""
        if self._text_keys == "alone":
            return 0, slice(None)
        if self._text_keys == "first":
            return 0, slice(tokens, None)
        return call.keys - tokens, slice(0, call.keys - tokens)


def _filled(tokens: Sequence[int], most: int) -> list[int]:
    """Tokens, the first repeated until there are `most`."""
    return [*tokens, *[tokens[0]] * (most - len(tokens))]


def recorded_layers(denoiser: nn.Module, chosen: Callable[[str], bool]) -> dict[str, nn.Module]:
    """Name → module, of those modules whose names are chosen."""
    return {name: module for name, module in denoiser.named_modules() if chosen(name)}


def is_recorded(layer: str) -> bool:
    """Whether a module of a U-Net is recorded: a cross-attention layer (`attn2`) outside the middle block."""
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


def output_map(
    recorded: AttentionSum, words: Sequence[Sequence[int]], word: int, latent_size: tuple[int, int]
) -> np.ndarray:
    """The share of a word at every cell, float32 (h, w): the softmax over words of their mean dot products.

    recorded: of `what="outputs"`. words: of each word of a caption, indices into the recorded tokens; word: which of them.
    Dot products are averaged over layers, each enlarged bicubically to the latent's size, and over a word's tokens.
    """
    enlarged = [
        torch.nn.functional.interpolate(sums / recorded.calls, size=latent_size, mode="bicubic")[0].double()
        for sums in recorded.layers.values()
    ]
    scores = torch.stack(enlarged).mean(0)  # (tokens, h, w)
    of_words = torch.stack([scores[list(tokens)].mean(0) for tokens in words])
    return of_words.softmax(0)[word].float().numpy()
