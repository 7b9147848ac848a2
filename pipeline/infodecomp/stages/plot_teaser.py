"""Draw the teaser: a caption with every word in the colour of its nats, and the maps of three words."""

from __future__ import annotations

import argparse

from infodecomp.config import FiguresSection, parse_section
from infodecomp.figures import teaser
from infodecomp.figures.teaser import TeaserWord
from infodecomp.information.dissected_caption import DissectedCaption, add_arguments
from infodecomp.metrics.heatmaps import upsample_bilinear

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Read words and maps, draw and save the figure."""
    section, found = parse_section(FiguresSection, args.section), DissectedCaption.read(args.words)
    image = found.arrays["image"]
    words = [
        TeaserWord(
            text=row.word,
            spans=[(int(start), int(end)) for start, end in zip(row.starts, row.ends, strict=True)],
            nats=row.cmi,
            error=row.cmi_error,
            heat=upsample_bilinear(found.arrays[f"cmi/{row.word}"], image.shape[:2]),
        )
        for row in found.rows
    ]
    figure = teaser.draw(image, found.caption, words, section.palette, found.draws)
    found.save(figure, args.output_dir / "teaser", section)
