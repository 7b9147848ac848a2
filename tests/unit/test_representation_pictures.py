"""Figures of what a decoder draws: every picture is in its row, and rows and columns have their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image

from infodecomp.figures.representation_pictures import draw_interpolations, draw_samples, draw_traversals
from infodecomp.figures.style import save_figure


def pictures(*shape: int) -> np.ndarray:
    """Pictures of one grey each, all different."""
    count = int(np.prod(shape))
    return np.broadcast_to(np.arange(count, dtype=np.uint8).reshape(*shape, 1, 1, 1), (*shape, 4, 4, 3)).copy()


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def shown(figure: Figure) -> list[int]:
    """The greys of the pictures, row by row from the top left."""
    cells = {
        (-round(axes.get_position().y0, 4), round(axes.get_position().x0, 4)): image
        for axes in figure.axes
        for image in axes.findobj(AxesImage)
    }
    return [int(np.asarray(cells[place].get_array())[0, 0, 0]) for place in sorted(cells)]


def test_samples_by_sampler(tmp_path: Path) -> None:
    drawn = pictures(2, 5)
    figure = draw_samples("tiny", {"two_phase": drawn[0], "ddim": drawn[1]}, {"ddim": "valid 0.9"}, "Seed 3.")
    assert shown(figure) == list(range(10))
    assert {"two phase", "ddim", "valid 0.9"} <= set(words(figure))
    assert any(text.startswith("tiny: the first 5 samples") for text in words(figure))
    for path in save_figure(figure, tmp_path / "samples", "svg"):
        assert path.stat().st_size
    with Image.open(tmp_path / "samples.png") as saved:
        assert saved.width == 2025  # a page at 300 dpi


def test_traversals_by_dimension() -> None:
    image, strips = np.full((4, 4, 3), 99, dtype=np.uint8), pictures(3, 2)
    figure = draw_traversals("tiny", image, strips, [-1.5, 1.5], [0.25, 1.0, 2.0])
    assert shown(figure) == [99, 0, 1, 99, 2, 3, 99, 4, 5]
    assert {"z0", "z2", "0.25 nats", "2.00 nats", "−1.5", "+1.5"} <= set(words(figure))
    unknown = draw_traversals("tiny", image, strips, [0, 1], [float("nan")] * 3)
    assert not [text for text in words(unknown) if text.endswith("nats")]


def test_interpolations_between_images() -> None:
    ends = (np.full((4, 4, 3), 98, dtype=np.uint8), np.full((4, 4, 3), 99, dtype=np.uint8))
    figure = draw_interpolations("tiny", ends, {"code": pictures(3), "noise": pictures(3) + 10}, [0.0, 0.5, 1.0])
    assert shown(figure) == [98, 0, 1, 2, 99, 98, 10, 11, 12, 99]
    assert {"code", "noise", "0.5"} <= set(words(figure))
