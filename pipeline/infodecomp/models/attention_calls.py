"""Listen to the calls of torch's `scaled_dot_product_attention` that named layers of a network make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention_dispatch import attention_backend
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from infodecomp.runs.errors import InputError

_ARGUMENTS = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")


@dataclass(frozen=True)
class AttentionCall:
    """One call of a layer. query: (B, heads, queries, d); key: (B, heads, keys, d).

    mask: what is added to the scores, or, if bool, which keys count; broadcast to (B, heads, queries, keys). output: the
    result, (B, heads, queries, d).
    """

    layer: str
    query: torch.Tensor
    key: torch.Tensor
    mask: torch.Tensor | None
    scale: float
    output: torch.Tensor

    @property
    def keys(self) -> int:
        """The number of keys."""
        return self.key.shape[2]

    def probabilities(self, rows: Sequence[int], queries: slice = slice(None)) -> torch.Tensor:
        """softmax(scale·q·k + mask) over all keys, (rows, heads, queries, keys), float32."""
        query, key = (states[list(rows)].float() for states in (self.query[:, :, queries], self.key))
        scores = torch.bmm(query.flatten(0, 1) * self.scale, key.flatten(0, 1).transpose(1, 2))
        scores = scores.unflatten(0, query.shape[:2])
        if self.mask is not None:
            mask = self.mask.expand(len(self.query), -1, -1, -1)[list(rows)]
            mask = mask[:, :, queries] if mask.shape[2] > 1 else mask
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.float()
        return scores.softmax(3)


class _Listener(TorchFunctionMode):
    """Hands the calls of the layer that is running to `heard`."""

    def __init__(self, heard: Callable[[AttentionCall], None]) -> None:
        super().__init__()
        self.heard, self.layer, self.calls = heard, "", 0

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is scaled_dot_product_attention and self.layer:
            given = {**dict(zip(_ARGUMENTS, args, strict=False)), **(kwargs or {})}
            query, scale = given["query"], given.get("scale")
            scale = query.shape[-1] ** -0.5 if scale is None else scale
            self.heard(AttentionCall(self.layer, query, given["key"], given.get("attn_mask"), scale, result))
            self.calls += 1
        return result

    def enter(self, layer: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            self.layer = layer

        return hook


@contextmanager
def listening(layers: Mapping[str, nn.Module], heard: Callable[[AttentionCall], None]) -> Iterator[None]:
    """Inside the `with`, which runs a network once, `heard` gets every call of its layers; what is compiled runs as it is.

    Raises InputError at its end if there was none: then the layers compute attention in some other way.
    """
    listener = _Listener(heard)
    hooks = [module.register_forward_pre_hook(listener.enter(name)) for name, module in layers.items()]
    hooks += [module.register_forward_hook(listener.enter("")) for module in layers.values()]
    try:
        with torch.compiler.set_stance("force_eager"), attention_backend("native"), listener:
            yield
    finally:
        for hook in hooks:
            hook.remove()
    if not listener.calls:
        raise InputError(
            "attention was to be recorded, but the denoiser's layers do not compute it by torch's "
            "scaled_dot_product_attention; set its default attention processors first, as by "
            "pipe.unet.set_attn_processor(AttnProcessor2_0())."
        )
