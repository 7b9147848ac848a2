"""A world of K equally likely images, where the posterior of the image given a noised one is a softmax over all of them.

With a = √σ(α), b = √σ(−α), the posterior weight of image x_k given x_α is proportional to

    exp( (a/b²) ⟨x_α, x_k⟩ − (a²/2b²) ‖x_k‖² ),

and the posterior mean E[x | x_α] is the weighted mean of the images. What else is known of the image, its factors or a
code, multiplies the weights by how likely it is for each image.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from typing import Any, Self

import numpy as np
import torch

from infodecomp.estimator.channel import signal_and_noise
from infodecomp.representation import factor_world


@dataclass(frozen=True, eq=False)
class FiniteWorld:
    """Images, float32 (K, C, H, W) in [−1, 1], all equally likely, and their attributes, int64 (K, J).

    >>> world = FiniteWorld(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), torch.tensor([[0], [1]]))
    >>> weights = world.log_weights(torch.tensor([0.5]).view(1, 1, 1, 1), torch.tensor([20.0]))
    >>> world.mean(weights.softmax(1)).item()
    1.0
    """

    images: torch.Tensor
    attributes: torch.Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> Self:
        """The same on a device."""
        return replace(self, **{each.name: _moved(getattr(self, each.name), device) for each in fields(self)})

    @cached_property
    def norms(self) -> torch.Tensor:
        """‖x_k‖², (K,)."""
        return self.images.flatten(1).square().sum(1)

    def log_weights(self, x_alpha: torch.Tensor, logsnr: torch.Tensor) -> torch.Tensor:
        """Logarithms of posterior weights up to a constant a row, (B, K). x_alpha: (B, C, H, W). logsnr: (B,)."""
        signal, noise = signal_and_noise(logsnr)
        inverse = (signal / noise.square())[:, None]
        return self.products(x_alpha).mul_(inverse).sub_(self.norms * (inverse * signal[:, None] / 2))

    def mean(self, posterior: torch.Tensor) -> torch.Tensor:
        """Σ_k p_k x_k, (B, C, H, W). posterior: (B, K), each row sums to 1."""
        return (posterior @ self.images.flatten(1)).view(len(posterior), *self.images.shape[1:])

    def products(self, x: torch.Tensor) -> torch.Tensor:
        """⟨x, x_k⟩ with every image, (B, K). x: (B, C, H, W)."""
        return x.flatten(1) @ self.images.flatten(1).T


@dataclass(frozen=True, eq=False)
class FactoredWorld(FiniteWorld):
    """The factor world by its glyphs, some fifteen times cheaper than by its pictures.

    Picture = background · (1 − cover) + glyph, and glyphs stand on a grid of four pixels. Inner products with all pictures
    are then convolutions with 48 glyphs and 8 covers a size, and means are transposed convolutions. Pictures are rounded to
    8 bits, of which this alone knows nothing: inner products differ by about 1e-4 of a picture's norm.

    glyphs, covers: a size each, (48, 3, n, n), categories × tints, and (8, 1, n, n), in the units of [−1, 1].
    """

    glyphs: tuple[torch.Tensor, ...]
    covers: tuple[torch.Tensor, ...]

    @cached_property
    def backgrounds(self) -> torch.Tensor:
        """(5, 3), from 0 to 2."""
        return 2 * torch.from_numpy(factor_world.background_colours()).to(self.images)

    @cached_property
    def shading(self) -> torch.Tensor:
        """(32, 32)."""
        return torch.from_numpy(factor_world.shading()).to(self.images)[:, None].expand(self.images.shape[2:])

    def products(self, x: torch.Tensor) -> torch.Tensor:
        """⟨x, x_k⟩ with every picture, (B, K). x: (B, 3, 32, 32)."""
        categories, tints, levels, _, columns, rows = factor_world.LEVELS
        shaded = x * self.shading
        whole = shaded.sum((2, 3)) @ self.backgrounds.T - x.sum((1, 2, 3))[:, None]  # (B, 5); −1: black is −1
        coloured = torch.einsum("bchw,gc->bghw", shaded, self.backgrounds).reshape(-1, 1, *x.shape[2:])
        found = []
        for glyph, cover in zip(self.glyphs, self.covers, strict=True):
            glyphs = _correlated(x, glyph).view(-1, categories, tints, 1, rows, columns)
            hidden = _correlated(coloured, cover).view(len(x), levels, categories, 1, rows, columns).transpose(1, 2)
            found.append(glyphs - hidden.transpose(2, 3))
        products = torch.stack(found, 4) + whole[:, None, None, :, None, None, None]
        return products.transpose(5, 6).reshape(len(x), -1)  # last x, then y

    def mean(self, posterior: torch.Tensor) -> torch.Tensor:
        """Σ_k p_k x_k, (B, 3, 32, 32). posterior: (B, K), each row sums to 1."""
        weights = posterior.view(-1, *factor_world.LEVELS).transpose(5, 6)
        batch, categories, tints, _, _, rows, columns = weights.shape
        shares = weights.sum((1, 2, 4, 5, 6)) @ self.backgrounds  # (B, 3)
        mean = shares[:, :, None, None] * self.shading - 1
        by_colour, by_background = weights.sum(3), weights.sum(2)  # (B, 8, 6, 3, 5, 5), (B, 8, 5, 3, 5, 5)
        for size, (glyph, cover) in enumerate(zip(self.glyphs, self.covers, strict=True)):
            placed = by_colour[:, :, :, size].reshape(batch, categories * tints, rows, columns)
            hiding = torch.einsum("bkgyx,gc->bckyx", by_background[:, :, :, size], self.backgrounds)
            hidden = _placed(hiding.reshape(-1, categories, rows, columns), cover).view(mean.shape)
            mean = mean + _placed(placed, glyph) - hidden * self.shading
        return mean


@cache
def factored() -> FactoredWorld:
    """The world of `factor_world`, drawn once a process."""
    categories, tints, _, sizes, _, _ = factor_world.LEVELS
    glyphs, covers = [], []
    for size in range(sizes):
        drawn = np.stack([[factor_world.sprite_of(c, t, size) for t in range(tints)] for c in range(categories)])
        glyphs.append(torch.from_numpy(2 * drawn[..., :3]).flatten(0, 1).permute(0, 3, 1, 2).contiguous())
        covers.append(torch.from_numpy(drawn[:, 0, ..., 3:]).permute(0, 3, 1, 2).contiguous())
    images = torch.from_numpy(factor_world.draw_images()).float() / 127.5 - 1
    table = torch.from_numpy(factor_world.factor_table())
    return FactoredWorld(images, table, glyphs=tuple(glyphs), covers=tuple(covers))


def _moved(value: Any, device: torch.device | str) -> Any:
    return tuple(each.to(device) for each in value) if isinstance(value, tuple) else value.to(device)


def _margin(template: torch.Tensor) -> int:
    """The first row, and column, of a template at the first place."""
    return factor_world.CENTRES[0] - template.shape[-1] // 2


def _correlated(x: torch.Tensor, template: torch.Tensor) -> torch.Tensor:
    """Inner products of templates with a picture's parts at all places, (B, templates, 5, 5)."""
    margin = _margin(template)
    inner = x[..., margin : x.shape[-2] - margin, margin : x.shape[-1] - margin]
    return torch.nn.functional.conv2d(inner, template, stride=_spacing())


def _placed(weights: torch.Tensor, template: torch.Tensor) -> torch.Tensor:
    """Pictures that hold each template with its weight at each place, (B, C, 32, 32). weights: (B, templates, 5, 5)."""
    columns = template.flatten(1).T @ weights.flatten(
        2
    )  # a transposed convolution, by matrix products: faster on a CPU
    side = template.shape[-1]
    drawn = torch.nn.functional.fold(columns, side + 4 * _spacing(), side, stride=_spacing())
    return torch.nn.functional.pad(drawn, [_margin(template)] * 4)


def _spacing() -> int:
    return factor_world.CENTRES[1] - factor_world.CENTRES[0]
