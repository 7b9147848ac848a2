"""Draw at which log-SNRs the words of a caption inform about the image: their maps along the noise levels."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotDenoisingStrip
from infodecomp.figures import denoising_strip
from infodecomp.figures.denoising_strip import StripWord
from infodecomp.figures.style import save_figure, shorten
from infodecomp.information.dissected_caption import DissectedCaption
from infodecomp.runs.provenance import write_provenance

STAGE = "plot_denoising_strip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The files of `dissect_caption`."""
    parser.add_argument(
        "--words", type=Path, required=True, help="words.parquet of dissect_caption, beside its maps.npz"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder for the figure")


def run(args: argparse.Namespace) -> None:
    """Read words and maps, draw and save the figure."""
    mpl.use("Agg")
    section, found = parse(PlotDenoisingStrip, args.settings), DissectedCaption.read(args.words)
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
    save_figure(figure, args.output_dir / "denoising_strip", section.format, section.font)
    write_provenance(
        args.output_dir / "denoising_strip.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
    )
