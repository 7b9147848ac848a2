"""The default decoder: a transformer over overlapping patches, to which a code or known factors speak as a spatial map.

It predicts the clean image x̂(x_α, α | condition). What is known enters twice: as a map of low rank, which is added to the
tokens and so may differ from place to place, and through the scales and shifts of adaptive layer normalisation (Peebles and
Xie, Scalable Diffusion Models with Transformers, 2023), which are the same everywhere. Without the map, where a thing stands
is not learnt.
"""

from __future__ import annotations

import math

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

FREQUENCIES = 32


class PatchTransformer(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers declares no types
    """x̂ of noised images, (B, C, H, W), given what is known of them.

    states, parts: widths of the condition's two tensors; with `states` 0 there is no condition. size, channels: of the
    images. patch, stride, padding: of the overlapping patches. width, depth, heads, expansion: of the transformer.
    head_width: of the layer before patches are written. map_rank: of the condition's map. logsnr_min, logsnr_max: the noise
    levels that it is trained on.
    """

    # Weights that hold one vector an input rather than mix what comes in; Muon is not meant for them.
    embeddings = ("map_in",)

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        states: int,
        parts: int,
        size: int = 32,
        channels: int = 3,
        patch: int = 16,
        stride: int = 4,
        padding: int = 4,
        width: int = 128,
        depth: int = 5,
        heads: int = 4,
        expansion: int = 3,
        head_width: int = 192,
        map_rank: int = 32,
        logsnr_min: float = -7.0,
        logsnr_max: float = 1.0,
    ) -> None:
        super().__init__()
        self.tokens = ((size + 2 * padding - patch) // stride + 1) ** 2
        pixels = channels * patch**2
        self.stem = nn.Linear(pixels, width)
        self.positions = nn.Parameter(torch.randn(self.tokens, width) * 0.3)
        self.time = nn.Sequential(nn.Linear(2 * FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        if states:
            self.known = nn.Sequential(nn.Linear(states + parts, width), nn.SiLU(), nn.Linear(width, width))
            self.map_in = nn.Linear(states + parts, self.tokens * map_rank)
            self.map_out = nn.Sequential(nn.SiLU(), nn.Linear(map_rank, width))
        self.modulation = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList([Block(width, heads, expansion) for _ in range(depth)])
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, head_width), nn.GELU(approximate="tanh"))
        self.head = nn.Linear(head_width, pixels)
        self.mean = nn.Parameter(torch.zeros(channels, size, size))
        self._scale_weights(states, map_rank)

    def _scale_weights(self, states: int, map_rank: int) -> None:
        """Start from the mean image, with a condition about as large as the tokens that it is added to."""
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        if states:
            nn.init.normal_(self.known[0].weight, std=0.4)
            nn.init.normal_(self.map_in.weight, std=0.5)
            nn.init.normal_(self.map_out[1].weight, std=map_rank**-0.5)

    def forward(
        self, x_alpha: torch.Tensor, logsnr: torch.Tensor, states: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """x_alpha: (B, C, H, W). logsnr: (B,). states: (B, states). mask: (B, parts). Returns x̂, float32 (B, C, H, W)."""
        size, patch = self.config.size, self.config.patch
        cut = {"kernel_size": patch, "padding": self.config.padding, "stride": self.config.stride}
        tokens = self.stem(nn.functional.unfold(x_alpha, **cut).transpose(1, 2)) + self.positions
        told = self.time(sinusoids(logsnr))
        if self.config.states:
            condition = torch.cat([states, mask], 1)
            told = told + self.known(condition)
            tokens = tokens + self.map_out(self.map_in(condition).view(len(condition), self.tokens, -1))
        modulation = self.modulation(nn.functional.silu(told)).view(len(x_alpha), 6, -1)
        for block in self.blocks:
            tokens = block(tokens, modulation)
        patches = self.head(self.last(tokens)).transpose(1, 2).float()
        drawn: torch.Tensor = self.mean + nn.functional.fold(patches, (size, size), **cut)
        return drawn


class Block(nn.Module):
    """Attention and a perceptron, both between normalisation and a gate that the noise level and the condition set.

    `offsets` are this block's own part of the modulation; gates start at 0.3, so that gradients reach every block at once.
    """

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.joined = nn.Linear(width, width)
        self.expanded = nn.Linear(width, expansion * width)
        self.contracted = nn.Linear(expansion * width, width)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        gates = torch.tensor([0.0, 0.0, 0.3, 0.0, 0.0, 0.3])
        self.offsets = nn.Parameter(gates[:, None].repeat(1, width))
        nn.init.zeros_(self.joined.bias)
        nn.init.zeros_(self.contracted.bias)

    def forward(self, tokens: torch.Tensor, modulation: torch.Tensor) -> torch.Tensor:
        """tokens: (B, N, width). modulation: (B, 6, width). Returns (B, N, width)."""
        scale1, shift1, gate1, scale2, shift2, gate2 = (modulation + self.offsets)[:, :, None].unbind(1)
        tokens = tokens + gate1 * self._attended(self.norm(tokens) * (1 + scale1) + shift1)
        inner = self.expanded(self.norm(tokens) * (1 + scale2) + shift2)
        return tokens + gate2 * self.contracted(nn.functional.gelu(inner, approximate="tanh"))

    def _attended(self, tokens: torch.Tensor) -> torch.Tensor:
        batch, count, width = tokens.shape
        split = self.queries_keys_values(tokens).view(batch, count, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        if tokens.device.type != "cpu":
            mixed = nn.functional.scaled_dot_product_attention(queries, keys, values)
        else:  # the fused kernel's backward pass is five times slower on a CPU
            weights = (queries @ keys.transpose(-1, -2) * (width // self.heads) ** -0.5).softmax(-1)
            mixed = weights.to(values.dtype) @ values
        joined: torch.Tensor = self.joined(mixed.transpose(1, 2).reshape(batch, count, width))
        return joined


def sinusoids(logsnr: torch.Tensor) -> torch.Tensor:
    """Sines and cosines of log-SNRs at frequencies from 0.1 to 10, (B, 64)."""
    frequencies = torch.exp(torch.linspace(math.log(0.1), math.log(10.0), FREQUENCIES, device=logsnr.device))
    phases = logsnr[:, None] * frequencies
    return torch.cat([phases.sin(), phases.cos()], 1)
