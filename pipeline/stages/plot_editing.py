"""Draw the editing figures of one dataset: strips, a contact sheet, change against CMI and attention, correlations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.config import EditingSection, FiguresSection, given, parse_section
from pipeline.datasets.cases import read_cases
from pipeline.edit_measures import quantity
from pipeline.edits import INTERVENTIONS, has_swap, read_edit_maps, read_edits
from pipeline.errors import InputError
from pipeline.figures import editing_correlations, editing_scatter, editing_sheet, editing_strips
from pipeline.figures.editing_layout import Strip
from pipeline.figures.style import save_figure, sentence_figure
from pipeline.images import load_image
from pipeline.metrics.bootstrap import resample_weights
from pipeline.metrics.correlation import pearson
from pipeline.metrics.heatmaps import upsample_bilinear
from pipeline.provenance import write_provenance
from pipeline.seeds import generator

PICTURE = 256  # pixels, largest side of a picture: enough for an inch, small enough for a vector file
SHEET = 4  # times as many cases on the contact sheet as there are strips

NOTHING = (
    "No case has been edited, or none has maps of CMI and change that vary over the image: there is nothing to show."
)

CMI = "cmi_o"  # what is to foretell the change


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases of a dataset and what `edit_images` made of them."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet")
    parser.add_argument("--edits", type=Path, nargs="+", required=True, help="tables of the shards of edit_images")
    parser.add_argument("--maps", type=Path, required=True, help="folder of <case_id>.npz and <case_id>/*.png")
    parser.add_argument("--table", type=Path, required=True, help="editing.parquet: the correlations with intervals")
    parser.add_argument("--dataset", required=True, help="name of the dataset, for the names of the files")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--editing", required=True, help="bootstrap and confidence of the editing section, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap, the same as of the tables")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Rank the edits of the dataset, draw and save the four figures."""
    mpl.use("Agg")
    section, editing = parse_section(FiguresSection, args.section), parse_section(EditingSection, args.editing)
    sections = {"figures": section.model_dump(mode="json")}
    cases = read_cases(args.cases)
    edits = read_edits(args.edits, cases)
    image, images = pd.factorize(cases["image_id"], sort=True)
    points = edit_points(edits.assign(image=image), args.maps)
    counts = {
        "cases": len(edits),
        "failed": int((edits["status"] != "ok").sum()),
        "swapped": int(has_swap(edits).sum()),
        "without_r": int(points["r"].isna().sum()),
    }
    count = (section.panels + 1) // 2  # a strip holds twice as many pictures as a panel
    figures = {
        "strips": (editing_strips, choose(points, count)),
        "sheet": (editing_sheet, choose(points, SHEET * count)),
    }
    by_case = edits.set_index("case_id")
    shown = {edit for _, chosen in figures.values() for group in chosen for edit in group}
    strips = {edit: _strip(edit, by_case.loc[edit.case_id], args.maps) for edit in sorted(shown)}
    for name, (module, chosen) in figures.items():
        figure = sentence_figure(module.HEADING, NOTHING)
        if chosen.agreements:
            groups = ([strips[edit] for edit in group] for group in chosen)
            figure = module.draw(*groups, section.palette, int(points["r"].notna().sum()))
        ranked = {kind: [edit._asdict() for edit in group] for kind, group in chosen._asdict().items()}
        _save(figure, name, args, sections, counts | ranked)
    # The resamples are those of the tables, so that equal correlations have equal intervals.
    weights = resample_weights(len(images), editing.bootstrap, generator(args.seed, args.dataset, "bootstrap"))
    scatter = editing_scatter.draw(points, counts["failed"], weights, editing.confidence)
    _save(scatter, "scatter", args, {**sections, "editing": given(editing)}, counts | {"seed": args.seed})
    table = _read_correlations(args.table)
    correlations = editing_correlations.draw(table[table["dataset"] == args.dataset], editing.confidence)
    _save(correlations, "correlations", args, {**sections, "editing": given(editing)}, counts)


class Edit(NamedTuple):
    """One intervention of a case, with the correlation of its maps of CMI and change."""

    case_id: str
    intervention: str
    r: float


class Chosen(NamedTuple):
    """The clearest agreements, best first, and the clearest misses, worst first."""

    agreements: list[Edit]
    misses: list[Edit]


def edit_points(edits: pd.DataFrame, maps: Path) -> pd.DataFrame:
    """A row per finished case and intervention.

    Args:
        edits: columns of `edits.EDIT_COLUMNS`, and image, its number.
        maps: folder of <case_id>.npz.

    Returns:
        columns case_id, image, intervention, change (squared latent difference, sum of the map), cmi (nats),
        attention (sum of the map), and r, the correlation of the maps of CMI and change over the pixels of the latent
        image without letterbox bars, NaN where one of them is constant.

    Raises:
        InputError: maps of a finished case are missing.
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


def choose(points: pd.DataFrame, count: int) -> Chosen:
    """The edits to show, by the rank of r alone: one half agreements, the other half misses, each case at most once.

    Interventions take turns, so that each is seen. Edits without r are left out. Where there are fewer cases than
    asked for, the better half of them are agreements.

    Args:
        points: columns case_id, intervention, r.
        count: number of cases wanted.
    """
    ranked = points.dropna(subset=["r"]).sort_values(["r", "case_id"], ascending=[False, True], kind="stable")
    edits = [Edit(*row) for row in ranked[["case_id", "intervention", "r"]].itertuples(index=False, name=None)]
    count = min(count, len({edit.case_id for edit in edits}))
    agreements = _in_turns(edits, (count + 1) // 2)
    taken = {edit.case_id for edit in agreements}
    misses = _in_turns([edit for edit in reversed(edits) if edit.case_id not in taken], count // 2)
    return Chosen(sorted(agreements, key=lambda edit: -edit.r), sorted(misses, key=lambda edit: edit.r))


def _in_turns(edits: Sequence[Edit], count: int) -> list[Edit]:
    """The first `count` edits in the order given, of one intervention and the next in turns, each case once."""
    chosen: list[Edit] = []
    for _ in range(count):
        free = [edit for edit in edits if edit.case_id not in {earlier.case_id for earlier in chosen}]
        other = [edit for edit in free if not chosen or edit.intervention != chosen[-1].intervention]
        chosen.append((other or free)[0])
    return chosen


def _strip(edit: Edit, case: Any, maps: Path) -> Strip:
    """What there is to draw of an edit; `case` is its row of the table of edits."""
    found = read_edit_maps(maps / f"{edit.case_id}.npz", case["swap_status"] == "ok")
    real, unchanged, edited = (
        _picture(maps / edit.case_id / f"{name}.png") for name in ("real", "unchanged", edit.intervention)
    )
    change = found.change["latent_l2", edit.intervention]
    size = real.shape[:2]
    return Strip(
        before=case["prompt_unchanged"],
        after=case[f"prompt_{edit.intervention}"],
        real=real,
        unchanged=unchanged,
        edited=edited,
        change=upsample_bilinear(change, size),
        cmi=upsample_bilinear(found.predictor[quantity(CMI, edit.intervention)], size),
        mi=upsample_bilinear(found.predictor["mi_o"], size),
        attention=upsample_bilinear(found.predictor["attention"], size),
        change_total=float(change.sum(dtype=np.float64)),
        cmi_nats=float(case[quantity(CMI, edit.intervention)]),
        mi_nats=float(case["mi_o"]),
        r=edit.r,
    )


def _picture(path: Path) -> np.ndarray:
    image = load_image(path)
    image.thumbnail((PICTURE, PICTURE))
    return np.asarray(image)


def _read_correlations(path: Path) -> pd.DataFrame:
    columns = ["dataset", "level", "intervention", "predictor", "change", "r", "r_low", "r_high", "n"]
    try:
        return pd.read_parquet(path, columns=columns)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: this is not a table with the columns {', '.join(columns)} ({error}).") from error


def _save(figure: Figure, name: str, args: argparse.Namespace, sections: dict[str, Any], extra: dict[str, Any]) -> None:
    """Write a figure and its record; `sections` are those of the configuration that decide on it."""
    stem = args.output_dir / f"{name}-{args.dataset}"
    save_figure(figure, stem, sections["figures"]["format"])
    write_provenance(
        stem.with_name(f"{stem.name}.provenance.json"),
        stage="plot_editing",
        section=sections,
        inputs=[args.cases, *args.edits],
        extra=extra,
    )
