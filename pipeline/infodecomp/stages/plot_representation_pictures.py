"""Draw what a model of codes draws: samples by sampler, traversals, interpolations."""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infodecomp.config import parse
from infodecomp.config.settings import PlotRepresentationPictures
from infodecomp.figures.representation_pictures import draw_interpolations, draw_samples, draw_traversals
from infodecomp.figures.style import save_figure, sentence_figure
from infodecomp.representation.quality_columns import SAMPLE_COLUMNS
from infodecomp.representation.table_columns import DIMENSION_COLUMNS
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_arrays, read_table

STAGE = "plot_representation_pictures"
# Samples of each sampler that are shown.
SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What one model drew, and its rows."""
    parser.add_argument("--name", required=True, help="of the model")
    parser.add_argument("--drawn", type=Path, required=True, help="what sample_representation wrote")
    parser.add_argument("--samples", type=Path, required=True, help="samples.parquet of judge_representation")
    parser.add_argument("--by-dimension", type=Path, required=True, help="representation_by_dimension.parquet")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Draw and save the three figures; a sentence in place of one that the model has no pictures for."""
    mpl.use("Agg")
    section = parse(PlotRepresentationPictures, args.settings)
    found = read_arrays(args.drawn)
    arrays = {name: _last_channels(array) if array.dtype == np.uint8 else array for name, array in found.items()}
    figures = {
        "samples": _samples(args.name, arrays, read_table(args.samples, SAMPLE_COLUMNS)),
        "traversals": _traversals(args.name, arrays, read_table(args.by_dimension, DIMENSION_COLUMNS)),
        "interpolations": _interpolations(args.name, arrays),
    }
    for name, figure in figures.items():
        save_figure(figure, args.output_dir / name, section.format, section.font)
        path = args.output_dir / f"{name}.provenance.json"
        write_provenance(path, stage=STAGE, section=section.model_dump(mode="json"), extra={"model": args.name})


def _samples(name: str, arrays: dict[str, np.ndarray], rows: pd.DataFrame) -> Figure:
    valid = rows[rows["score"] == "valid"].set_index("sampler")["value"]
    samples = {key.partition("/")[2]: array[:SHOWN] for key, array in arrays.items() if key.startswith("sample/")}
    details = {sampler: f"valid {valid[sampler]:.2f}" for sampler in samples if sampler in valid}
    return draw_samples(name, samples, details)


def _traversals(name: str, arrays: dict[str, np.ndarray], by_dimension: pd.DataFrame) -> Figure:
    if "traversal" not in arrays:
        return sentence_figure("Traversals", f"{name} has no encoder, so there is no code to change.")
    told = by_dimension[(by_dimension["model"] == name) & (by_dimension["quantity"] == "given_rest")]
    nats = told.set_index("part")["exact"].reindex([f"z{k}" for k in range(len(arrays["traversal"]))])
    return draw_traversals(name, arrays["shown"][0], arrays["traversal"], arrays["values"].tolist(), nats.tolist())


def _interpolations(name: str, arrays: dict[str, np.ndarray]) -> Figure:
    ways = {key.partition("/")[2]: array for key, array in arrays.items() if key.startswith("way/")}
    if not ways:
        return sentence_figure("Interpolations", f"{name} has no encoder, so there are no codes to go between.")
    return draw_interpolations(name, tuple(arrays["shown"]), ways, arrays["shares"].tolist())


def _last_channels(images: np.ndarray) -> np.ndarray:
    """(…, C, h, w) → (…, h, w, 3)."""
    moved = np.moveaxis(images, -3, -1)
    return np.broadcast_to(moved, (*moved.shape[:-1], 3))
