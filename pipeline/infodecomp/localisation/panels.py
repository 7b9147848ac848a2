"""The figure of panels: cases from the best to the worst, each with its picture, maps and mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infodecomp.config.settings import PlotLocalisationPanels
from infodecomp.datasets.folders import image_folder
from infodecomp.figures import localisation_panels
from infodecomp.figures.localisation_panels import Panel
from infodecomp.figures.style import method_style
from infodecomp.localisation.masks import Masks
from infodecomp.localisation.shown_cases import best_iou, pick_cases
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.pictures.images import Resize, fit_image, load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays

PICTURE = 256  # pixels, side of a picture in a panel: enough for 1.35 inches, small enough for a vector file


def panels_figure(
    cases: pd.DataFrame,
    folders: Sequence[Path],
    scores: pd.DataFrame | None,
    resize: Resize,
    section: PlotLocalisationPanels,
) -> Figure:
    """Panels of at most `section.panels` cases.

    Args:
        cases: the cases table of a dataset.
        folders: of <case_id>.npz, the maps of information and of attention.
        dataset: where images and masks lie.
        scores: of `SCORE_COLUMNS`, which rank the cases and come with masks; None for a dataset without masks.
        resize: how images are fitted for the model.
        section: number of panels, palette.

    Raises:
        InputError: no case has a map.
    """
    mapped = np.array(
        [any((folder / f"{case}.npz").is_file() for folder in folders) for case in cases["case_id"]], bool
    )
    usable = cases[mapped & (cases["status"] == "ok").to_numpy()]
    quality = {} if scores is None else best_iou(scores)
    shown = pick_cases(usable, quality, section.panels)
    if shown.empty:
        raise InputError(f"no case has a map in {folders[0]} or {folders[1]}; there is nothing to plot.")
    masks = Masks(section.source, PICTURE, resize) if scores is not None else None
    panels, attention_names = [], set()
    for case in cast(list[dict[str, Any]], shown.to_dict("records")):
        maps = {key: heat for folder in folders for key, heat in _arrays(folder / f"{case['case_id']}.npz").items()}
        image = load_image(image_folder(section.source) / case["image_path"], int(case["orientation"]))
        picture = fit_image(image, (PICTURE, PICTURE), resize)
        mask = masks.read(case) if masks is not None and case["mask"] else None
        attention = "attention" if _most_steps(maps, "attention", "-") else "attention_information"
        attention_names.add(attention)
        panels.append(_panel(case, maps, np.asarray(picture), mask, attention, quality.get(case["case_id"])))
    head = " / ".join(method_style(name).label.replace("+", "+\n") for name in sorted(attention_names))
    note = localisation_panels.note(len(panels), len(usable), str(shown["dataset"].iloc[0]), by_quality=bool(quality))
    return localisation_panels.draw(panels, section.palette, head, note)


def _panel(
    case: dict[str, Any],
    maps: Mapping[str, np.ndarray],
    picture: np.ndarray,
    mask: np.ndarray | None,
    attention_name: str,
    iou: float | None,
) -> Panel:
    heats = {
        name: maps[key] if (key := _most_steps(maps, name, estimator)) else None
        for name, estimator in (("cmi", "orthogonal"), ("mi", "orthogonal"), (attention_name, "-"))
    }
    drawn = {name: None if heat is None else upsample_bilinear(heat, picture.shape[:2]) for name, heat in heats.items()}
    totals = {name: float("nan") if heat is None else float(heat.sum(dtype=np.float64)) for name, heat in heats.items()}
    note = case["label"] if case["label"] not in ("", case["word"]) else ""
    kind = case["word_type"] if case["word_type"] not in ("noun", "unknown") else ""
    return Panel(
        image=picture,
        caption=case["prompt_full"],
        word=case["prompt_word"],
        note=" · ".join(part for part in (note, kind) if part),
        cmi=drawn["cmi"],
        mi=drawn["mi"],
        cmi_nats=totals["cmi"],
        mi_nats=totals["mi"],
        attention=drawn[attention_name],
        mask=mask,
        iou=iou,
    )


def _most_steps(maps: Mapping[str, np.ndarray], method: str, estimator: str) -> str | None:
    """Key of the map of a method at its largest number of steps; None if there is none."""
    keys = [key for key in maps if key.startswith(f"{method}/{estimator}/") and key.count("/") == 2]
    return max(keys, key=lambda key: int(key.rpartition("/")[2]), default=None)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    return read_arrays(path) if path.is_file() else {}
