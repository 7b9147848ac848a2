"""Draw the figures of one caption: the teaser, and where along the log-SNR its words tell what."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from pipeline.captions import WORD_COLUMNS
from pipeline.config import FiguresSection, parse_section
from pipeline.errors import InputError
from pipeline.figures import denoising_strip, teaser
from pipeline.figures.denoising_strip import StripWord
from pipeline.figures.style import save_figure, shorten
from pipeline.figures.teaser import TeaserWord
from pipeline.metrics.heatmaps import upsample_bilinear
from pipeline.provenance import write_provenance
from pipeline.storage import read_arrays, read_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are what `dissect_caption` made."""
    parser.add_argument("--words", type=Path, required=True, help="words.parquet; maps.npz lies beside it")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read words and maps, draw and save both figures."""
    mpl.use("Agg")
    section = parse_section(FiguresSection, args.section)
    words = read_table(args.words, WORD_COLUMNS)
    arrays = read_arrays(args.words.with_name("maps.npz"))
    if words.empty:
        raise InputError(f"{args.words}: the table has no rows; run dissect_caption again.")
    rows: list[Any] = list(words.itertuples(index=False))
    image, caption, draws = arrays["image"], str(rows[0].caption), int(rows[0].draws)
    told = [
        TeaserWord(
            text=row.word,
            spans=[(int(start), int(end)) for start, end in zip(row.starts, row.ends, strict=True)],
            nats=row.cmi,
            error=row.cmi_error,
            heat=upsample_bilinear(arrays[f"cmi/{row.word}"], image.shape[:2]),
        )
        for row in rows
    ]
    strips = [
        StripWord(
            text=row.word,
            mi_levels=arrays[f"levels/mi/{row.word}"],
            cmi_levels=arrays[f"levels/cmi/{row.word}"],
            mi=arrays[f"mi/{row.word}"],
            cmi=arrays[f"cmi/{row.word}"],
        )
        for row in rows
        if f"levels/mi/{row.word}" in arrays
    ]
    logsnr = np.asarray(arrays["logsnr"])
    note = denoising_strip.NOTE.format(
        image=rows[0].image_id,
        caption=shorten(caption, 90),
        count=len(logsnr),
        noises=int(arrays["noises"]),
        draws=draws,
    )
    for name, figure in (
        ("teaser", teaser.draw(image, caption, told, section.palette, draws)),
        ("denoising_strip", denoising_strip.draw(arrays["noised"], logsnr, image, strips, section.palette, note)),
    ):
        stem = args.output_dir / name
        save_figure(figure, stem, section.format)
        write_provenance(
            stem.with_name(f"{name}.provenance.json"),
            stage="plot_caption",
            section=section.model_dump(mode="json"),
            inputs=[args.words, args.words.with_name("maps.npz")],
        )
