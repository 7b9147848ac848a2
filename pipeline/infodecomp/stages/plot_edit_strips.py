"""Draw edits of one dataset as strips and as a contact sheet: those in which CMI foretold the change best, and worst."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from infodecomp.config import FiguresSection, parse_section
from infodecomp.editing.edits import read_edit_maps
from infodecomp.editing.measures import quantity
from infodecomp.editing.points import CMI, EditPoints, add_edit_arguments
from infodecomp.figures import editing_sheet, editing_strips
from infodecomp.figures.editing_layout import Strip
from infodecomp.figures.style import sentence_figure
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.pictures.images import load_image

PICTURE = 256  # pixels, largest side of a picture: enough for an inch, small enough for a vector file
SHEET = 4  # times as many cases on the contact sheet as there are strips

NOTHING = (
    "No case has been edited, or none has maps of CMI and change that vary over the image: there is nothing to show."
)

add_arguments = add_edit_arguments


def run(args: argparse.Namespace) -> None:
    """Rank the edits of the dataset, draw and save both figures."""
    section = parse_section(FiguresSection, args.section)
    found = EditPoints.read(args)
    count = (section.panels + 1) // 2  # a strip holds twice as many pictures as a panel
    figures = {
        "strips": (editing_strips, choose(found.points, count)),
        "sheet": (editing_sheet, choose(found.points, SHEET * count)),
    }
    by_case = found.edits.set_index("case_id")
    shown = {edit for _, chosen in figures.values() for group in chosen for edit in group}
    strips = {edit: _strip(edit, by_case.loc[edit.case_id], args.maps) for edit in sorted(shown)}
    for name, (module, chosen) in figures.items():
        figure = sentence_figure(module.HEADING, NOTHING)
        if chosen.agreements:
            groups = ([strips[edit] for edit in group] for group in chosen)
            figure = module.draw(*groups, section.palette, int(found.points["r"].notna().sum()))
        ranked = {kind: [edit._asdict() for edit in group] for kind, group in chosen._asdict().items()}
        found.save(figure, name, "plot_edit_strips", {"figures": section.model_dump(mode="json")}, ranked)


class Edit(NamedTuple):
    """One intervention of a case, with the correlation of its maps of CMI and change."""

    case_id: str
    intervention: str
    r: float


class Chosen(NamedTuple):
    """The clearest agreements, best first, and the clearest misses, worst first."""

    agreements: list[Edit]
    misses: list[Edit]


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
