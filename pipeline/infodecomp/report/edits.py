"""Data for the page's part on edits: each case's pictures, still and moving, captions and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import EDIT_COLUMNS, INTERVENTIONS, JUDGEMENT_COLUMNS, read_edit_maps
from infodecomp.pictures.images import load_image
from infodecomp.report.layout import StudyFolder, rows
from infodecomp.report.pictures import PictureFolder
from infodecomp.runs.storage import read_table

_NUMBERS = ("psnr", "cmi_o", "cmi_o_error", "mi_o", "mi_o_error", "preference_swap", "preference_swap_error")


def edits_of(study: StudyFolder, dataset: str, most: int, pictures: PictureFolder) -> list[dict[str, Any]]:
    """The finished edits of a dataset, in the order of its cases; of at most `most` cases.

    Writes their pictures. Raises InputError for a table, map or picture that is missing or cannot be read.
    """
    cases = read_cases(study.cases(dataset)).sort_values("position", kind="stable")
    tables = [read_table(path, EDIT_COLUMNS) for path in study.shard_tables(dataset, "edit_images")]
    if not tables:
        return []
    edits = {row["case_id"]: row for table in tables for row in rows(table) if row["status"] == "ok"}
    seen = _judgements(study.root / dataset / "judge_edits" / "judgements.parquet")
    found = [case for case in rows(cases) if case["case_id"] in edits][:most]
    return [_edit(study, case, edits[case["case_id"]], seen.get(case["case_id"], {}), pictures) for case in found]


def _edit(
    study: StudyFolder,
    case: Mapping[str, Any],
    edit: Mapping[str, Any],
    seen: Mapping[str, Any],
    pictures: PictureFolder,
) -> dict[str, Any]:
    swapped = edit["swap_status"] == "ok"
    interventions = INTERVENTIONS if swapped else INTERVENTIONS[:1]
    path = study.maps(case["dataset"], "edits", case["case_id"])
    change = read_edit_maps(path, swapped).change
    shown = ("real", "unchanged", *interventions)
    return {
        "dataset": case["dataset"],
        "image": str(case["image_id"]),
        "case": case["case_id"],
        "word": case["word"],
        "label": case["label"],
        "captions": {name: edit[f"prompt_{name}"] for name in ("unchanged", *interventions)},
        "pictures": {name: pictures.add(load_image(path.with_suffix("") / f"{name}.png")) for name in shown},
        "ways": {name: pictures.copy(path) for name, path in _ways(path.with_suffix(""), interventions).items()},
        "change": {name: float(change["latent_l2", name].sum()) for name in interventions},
        "seen": {name: seen.get(name) for name in interventions},
        "numbers": {name: edit[name] for name in _NUMBERS},
        "swap_reason": edit["swap_reason"],
    }


def _ways(folder: Path, interventions: Sequence[str]) -> dict[str, Path]:
    """The moving pictures of a case; only the first cases have any."""
    ways = {name: folder / f"{name}.webp" for name in interventions}
    return {name: path for name, path in ways.items() if path.is_file()}


def _judgements(path: Path) -> dict[str, dict[str, Any]]:
    """Case id → intervention → whether a classifier sees the word's object and its partner in the picture."""
    if not path.is_file():
        return {}
    table: pd.DataFrame = read_table(path, JUDGEMENT_COLUMNS)
    found: dict[str, dict[str, Any]] = {}
    for row in rows(table[table["status"] == "ok"]):
        partner = row["new"] if pd.notna(row["new_score"]) else None
        found.setdefault(row["case_id"], {})[row["intervention"]] = [row["old"], partner]
    return found
