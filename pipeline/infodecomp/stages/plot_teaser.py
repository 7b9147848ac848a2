"""Draw the teaser: a caption with every word coloured by its nats, and the maps of three words."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import PlotTeaser
from infodecomp.figures import teaser
from infodecomp.figures.style import save_figure
from infodecomp.figures.teaser import TeaserWord
from infodecomp.information.dissected_caption import DissectedCaption
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.runs.provenance import write_provenance

STAGE = "plot_teaser"


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
    section, found = parse(PlotTeaser, args.settings), DissectedCaption.read(args.words)
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
    save_figure(figure, args.output_dir / "teaser", section.format, section.font)
    write_provenance(
        args.output_dir / "teaser.provenance.json",
        stage=STAGE,
        section=section.model_dump(mode="json"),
    )
