"""Draw where along the log-SNR the words of a caption tell what."""

from __future__ import annotations

import argparse

from infodecomp.config import FiguresSection, parse_section
from infodecomp.figures import denoising_strip
from infodecomp.figures.denoising_strip import StripWord
from infodecomp.figures.style import shorten
from infodecomp.information.dissected_caption import DissectedCaption, add_arguments

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> None:
    """Read words and maps, draw and save the figure."""
    section, found = parse_section(FiguresSection, args.section), DissectedCaption.read(args.words)
    arrays = found.arrays
    words = [
        StripWord(
            text=row.word,
            mi_levels=arrays[f"levels/mi/{row.word}"],
            cmi_levels=arrays[f"levels/cmi/{row.word}"],
            mi=arrays[f"mi/{row.word}"],
            cmi=arrays[f"cmi/{row.word}"],
        )
        for row in found.rows
        if f"levels/mi/{row.word}" in arrays
    ]
    note = denoising_strip.NOTE.format(
        image=found.rows[0].image_id,
        caption=shorten(found.caption, 90),
        count=len(arrays["logsnr"]),
        noises=int(arrays["noises"]),
        draws=found.draws,
    )
    figure = denoising_strip.draw(arrays["noised"], arrays["logsnr"], arrays["image"], words, section.palette, note)
    found.save(figure, args.output_dir / "denoising_strip", section)
