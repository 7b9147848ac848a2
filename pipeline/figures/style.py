"""Look shared by the figures: colours and names of the methods, text sizes, saving.

Method colours are Okabe and Ito's colour-blind-safe set; references that know nothing of the word are grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from pipeline.errors import InputError
from pipeline.storage import atomic_path

ACCENT = "#C43C00"  # the word in a caption
MUTED = "#6B6B6B"  # secondary text


@dataclass(frozen=True)
class MethodStyle:
    """Name, colour and line of a method in every figure."""

    name: str
    colour: str
    line: str | tuple[int, tuple[int, ...]] = "-"


METHOD_STYLES: dict[str, MethodStyle] = {
    "cmi_times_attention": MethodStyle("CMI × attention", "#CC79A7"),
    "attention_information": MethodStyle("attention+information", "#E69F00"),
    "attention": MethodStyle("attention", "#56B4E9"),
    "cmi": MethodStyle("CMI", "#0072B2"),
    "mi": MethodStyle("MI", "#009E73"),
    "saliency": MethodStyle("saliency (no word)", "#555555", (0, (5, 1, 1, 1))),
    "shuffled": MethodStyle("shuffled (CMI of another image)", "#7A7A7A", (0, (1, 1))),
    "whole_image": MethodStyle("whole image", "#8C8C8C", (0, (5, 2))),
}


def method_style(method: str) -> MethodStyle:
    """Style of a method; a method without its own is black under its own name."""
    return METHOD_STYLES.get(method, MethodStyle(method.replace("_", " "), "#000000"))


@contextmanager
def figure_style() -> Iterator[None]:
    """Matplotlib settings of every figure, for the length of a `with` block."""
    settings: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#444444",
        "axes.linewidth": 0.8,
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "figure.facecolor": "white",
    }
    with mpl.rc_context(settings):
        yield


def colour_map(name: str) -> mpl.colors.Colormap:
    """The colour map of heat maps by its Matplotlib name.

    Raises:
        InputError: Matplotlib has no such colour map.
    """
    if name not in mpl.colormaps:
        raise InputError(f"figures.palette is {name!r}; it must be a Matplotlib colour map such as cividis or viridis.")
    return mpl.colormaps[name]


def save_figure(figure: Figure, stem: Path, vector_format: str) -> list[Path]:
    """Write a figure as PNG (200 dpi) and in a vector format, without dates, so that equal figures give equal files.

    Args:
        figure: to write.
        stem: path without suffix; the folder is made.
        vector_format: such as "pdf" or "svg"; "png" writes the PNG alone.

    Returns:
        the files written.
    """
    # Without fixed ids an SVG would differ from run to run.
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(vector_format, {})
    written = []
    for suffix, metadata in {"png": {}, vector_format: undated}.items():
        path = stem.with_name(f"{stem.name}.{suffix}")
        with mpl.rc_context({"svg.hashsalt": "infodecomp"}), atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=200, format=suffix, metadata=metadata, bbox_inches="tight", pad_inches=0.08)
        written.append(path)
    return written
