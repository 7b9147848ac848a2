"""The finished edits of a dataset as points to draw: totals, and how well CMI predicted the change."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infodecomp.config.settings import PlotEditCorrelations, PlotEditStrips
from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import INTERVENTIONS, has_swap, read_edit_maps, read_edits
from infodecomp.editing.measures import quantity
from infodecomp.figures.style import save_figure
from infodecomp.metrics.correlation import pearson
from infodecomp.runs.provenance import write_provenance

CMI = "cmi_o"  # the predictor shown


def add_edit_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the stages that draw edits: the cases of a dataset and the results of `edit_images`."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet")
    parser.add_argument("--edits", type=Path, nargs="+", required=True, help="tables of the shards of edit_images")
    parser.add_argument("--maps", type=Path, required=True, help="folder of <case_id>.npz and <case_id>/*.png")
    parser.add_argument("--dataset", required=True, help="name of the dataset, used in file names")
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


@dataclass(frozen=True)
class EditPoints:
    """The edits of a dataset, the points of `edit_points`, the number of images, and the arguments that named them."""

    edits: pd.DataFrame
    points: pd.DataFrame
    images: int
    args: argparse.Namespace

    @classmethod
    def read(cls, args: argparse.Namespace) -> EditPoints:
        """Read tables and maps; InputError if one is missing or faulty."""
        mpl.use("Agg")
        cases = read_cases(args.cases)
        edits = read_edits(args.edits, cases)
        image, images = pd.factorize(cases["image_id"], sort=True)
        return cls(edits, edit_points(edits.assign(image=image), args.maps), len(images), args)

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of cases, of failed ones, of those with a swap, and of points without r."""
        return {
            "cases": len(self.edits),
            "failed": int((self.edits["status"] != "ok").sum()),
            "swapped": int(has_swap(self.edits).sum()),
            "without_r": int(self.points["r"].isna().sum()),
        }

    def save(
        self,
        figure: Figure,
        name: str,
        stage: str,
        settings: PlotEditStrips | PlotEditCorrelations,
        extra: dict[str, Any],
    ) -> None:
        """Write a figure and its provenance."""
        stem = self.args.output_dir / f"{name}-{self.args.dataset}"
        save_figure(figure, stem, settings.format, settings.font)
        write_provenance(
            stem.with_name(f"{stem.name}.provenance.json"),
            stage=stage,
            section=settings.model_dump(mode="json"),
            extra=self.counts | extra,
        )


def edit_points(edits: pd.DataFrame, maps: Path) -> pd.DataFrame:
    """One row per finished case and intervention.

    Args:
        edits: columns of `edits.EDIT_COLUMNS`, and image, the number of the image.
        maps: folder of <case_id>.npz.

    Returns:
        columns case_id, image, intervention, change (squared latent difference, sum of the map), cmi (nats),
        attention (sum of the map), and r, the correlation of the maps of CMI and change over the cells outside letterbox
        bars, NaN if one of them is constant.

    Raises:
        InputError: the maps of a finished case are missing.
    """
    rows = []
    finished = edits.assign(swapped=has_swap(edits))[edits["status"] == "ok"]
    for case in finished.itertuples(index=False):
        found = read_edit_maps(maps / f"{case.case_id}.npz", bool(case.swapped))
        for intervention in INTERVENTIONS if case.swapped else INTERVENTIONS[:1]:
            change, inside = found.change["latent_l2", intervention], found.inside
            rows.append(
                {
                    "case_id": case.case_id,
                    "image": case.image,
                    "intervention": intervention,
                    "change": float(change.sum(dtype=np.float64)),
                    "cmi": getattr(case, quantity(CMI, intervention)),
                    "attention": case.attention,
                    "r": float(pearson(found.predictor[quantity(CMI, intervention)][inside], change[inside])),
                }
            )
    return pd.DataFrame(rows, columns=["case_id", "image", "intervention", "change", "cmi", "attention", "r"])
