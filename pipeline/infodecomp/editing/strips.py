"""The edits on the strips and the contact sheet: those whose change CMI predicted best, and worst."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from infodecomp.editing.edits import read_edit_maps
from infodecomp.editing.measures import quantity
from infodecomp.editing.points import CMI
from infodecomp.figures.editing_layout import Strip
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.pictures.images import load_image

PICTURE = 256  # pixels, longer side of a picture: enough for an inch, small enough for a vector file


class RankedEdit(NamedTuple):
    """One intervention of a case, with the correlation of its maps of CMI and change."""

    case_id: str
    intervention: str
    r: float


class ChosenEdits(NamedTuple):
    """The clearest agreements, best first, and the clearest misses, worst first."""

    agreements: list[RankedEdit]
    misses: list[RankedEdit]


def choose_edits(points: pd.DataFrame, count: int) -> ChosenEdits:
    """The edits to show, by the rank of r alone: half of them agreements, half misses, each case at most once.

    Interventions alternate, so that both are seen. Edits without r are left out. If there are fewer cases than `count`,
    the better half of them are agreements.

    Args:
        points: columns case_id, intervention, r.
        count: number of cases to show.
    """
    ranked = points.dropna(subset=["r"]).sort_values(["r", "case_id"], ascending=[False, True], kind="stable")
    edits = [RankedEdit(*row) for row in ranked[["case_id", "intervention", "r"]].itertuples(index=False, name=None)]
    count = min(count, len({edit.case_id for edit in edits}))
    agreements = _alternating(edits, (count + 1) // 2)
    taken = {edit.case_id for edit in agreements}
    misses = _alternating([edit for edit in reversed(edits) if edit.case_id not in taken], count // 2)
    return ChosenEdits(sorted(agreements, key=lambda edit: -edit.r), sorted(misses, key=lambda edit: edit.r))


def edit_strip(edit: RankedEdit, case: Any, maps: Path) -> Strip:
    """What is drawn of an edit.

    Args:
        edit: one intervention of the case.
        case: its row of the table of edits.
        maps: folder of <case_id>.npz and <case_id>/*.png.

    Raises:
        InputError: a map or picture is missing.
    """
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


def _alternating(edits: Sequence[RankedEdit], count: int) -> list[RankedEdit]:
    """The first `count` edits in the order given, interventions alternating where possible, each case once."""
    chosen: list[RankedEdit] = []
    for _ in range(count):
        free = [edit for edit in edits if edit.case_id not in {earlier.case_id for earlier in chosen}]
        other = [edit for edit in free if not chosen or edit.intervention != chosen[-1].intervention]
        chosen.append((other or free)[0])
    return chosen


def _picture(path: Path) -> np.ndarray:
    image = load_image(path)
    image.thumbnail((PICTURE, PICTURE))
    return np.asarray(image)
