"""Data for the page's part on codes: the images of each description, with a map of every dimension or factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from infodecomp.report.layout import StudyFolder, rows
from infodecomp.report.pictures import PictureFolder, quantise, tile_sheet
from infodecomp.report.scripts import write_call
from infodecomp.representation.estimates_table import read_images
from infodecomp.representation.quantities import WHOLE, alone, rest
from infodecomp.representation.table_columns import TABLES
from infodecomp.runs.storage import read_arrays, read_table

Arrays = Mapping[str, np.ndarray]

# Quantity → name of the pair of prompts of a part, and its label.
_QUANTITIES = {"given_rest": (rest, "given the others"), "alone": (alone, "alone")}
# Prefix of a denoiser's arrays → its label.
_EXACT, _DECODER = "by Bayes’ rule", "by the model’s decoder"


@dataclass(frozen=True)
class _Column:
    """A map of each part: by which denoiser, and alone or given the others. prefix: of its arrays."""

    prefix: str
    denoiser: str
    quantity: str

    @property
    def label(self) -> str:
        return f"{_QUANTITIES[self.quantity][1]}, {self.denoiser}"

    def heat(self, arrays: Arrays, part: str) -> np.ndarray:
        """Its map of a part, (h, w), nats."""
        return arrays[f"{self.prefix}map/{_QUANTITIES[self.quantity][0](part)}/orthogonal"]

    def total(self, arrays: Arrays, part: int, parts: int) -> list[float]:
        """Total of a part and its standard error, nats; vectors hold the whole, each part alone, each given the others."""
        place = 1 + part + (parts if self.quantity == "given_rest" else 0)
        return [float(arrays[f"{self.prefix}{name}"][place]) for name in ("orthogonal", "orthogonal_error")]


def codes_of(study: StudyFolder, most: int, pictures: PictureFolder) -> list[dict[str, Any]]:
    """The descriptions by name, each with at most `most` images that have maps; those without any are left out.

    Writes a script of maps and a picture of each image. Raises InputError for a table or an array that cannot be read.
    """
    if not study.described:
        return []
    dimensions, factors = (
        read_table(study.table(f"representation_{name}.parquet"), TABLES[name])
        for name in ("by_dimension", "by_factor")
    )
    found = []
    for number, name in enumerate(study.described):
        kept = _images_with_maps(study, name, most)
        if kept:
            parts = list(dict.fromkeys(dimensions["part"][dimensions["model"] == name]))
            about = _about_factors(factors[factors["model"] == name], parts)
            found.append(_description(f"codes-{number}", name, parts, about, kept, pictures))
    return found


def _description(
    prefix: str,
    name: str,
    parts: list[str],
    about: list[Any],
    kept: Sequence[tuple[str, Arrays]],
    pictures: PictureFolder,
) -> dict[str, Any]:
    """One description; prefix: of the names of its scripts."""
    columns = _columns(kept[0][1])
    images = []
    for place, (case, arrays) in enumerate(kept):
        script = f"{prefix}-{place:05d}"
        _write_maps(pictures.page / "maps" / f"{script}.js", script, arrays, parts, columns)
        images.append(
            {
                "id": script,
                "image": case,
                "picture": pictures.add(Image.fromarray(arrays["picture"])),
                "whole": [
                    [column.denoiser, float(arrays[f"{column.prefix}orthogonal"][0])] for column in _first(columns)
                ],
                "totals": [
                    [column.total(arrays, part, len(parts)) for column in columns] for part in range(len(parts))
                ],
            }
        )
    return {
        "name": name,
        "parts": parts,
        "about": about,
        "columns": [column.label for column in columns],
        "images": images,
    }


def _images_with_maps(study: StudyFolder, name: str, most: int) -> list[tuple[str, Arrays]]:
    shards = study.described_shards(name)
    if not shards:
        return []
    folder = shards[0].parent / "maps"
    found = list[tuple[str, Arrays]]()
    for case in read_images(shards)["case_id"]:
        arrays = read_arrays(folder / f"{case}.npz")
        if "picture" in arrays:
            found.append((str(case), arrays))
        if len(found) == most:
            break
    return found


def _columns(arrays: Arrays) -> list[_Column]:
    """Exact maps beside those of a trained decoder, or those of the exact denoiser alone."""
    both = f"exact_map/{WHOLE}/orthogonal" in arrays
    denoisers = (("exact_", _EXACT), ("", _DECODER)) if both else (("", _EXACT),)
    return [_Column(prefix, denoiser, quantity) for quantity in _QUANTITIES for prefix, denoiser in denoisers]


def _first(columns: Sequence[_Column]) -> list[_Column]:
    """A column of each denoiser."""
    return list({column.denoiser: column for column in columns}.values())


def _write_maps(path: Path, script: str, arrays: Arrays, parts: Sequence[str], columns: Sequence[_Column]) -> None:
    tiles = [[quantise(column.heat(arrays, part)) for column in columns] for part in parts]
    write_call(
        path,
        "receiveMaps",
        script,
        {
            "sheet": tile_sheet([[tile and tile[0] for tile in row] for row in tiles]),
            "grid": columns[0].heat(arrays, parts[0]).shape,
            "scales": [[tile and tile[1] for tile in row] for row in tiles],
            "masks": "",
            "masked": [],
            "maskGrid": 1,
        },
    )


def _about_factors(factors: pd.DataFrame, parts: Sequence[str]) -> list[list[list[Any]]]:
    """For each dimension of a code [factor, nats, ln n], most telling first; nothing if the parts are the factors.

    factors: the rows of a model in the table by factor, perhaps none.
    """
    if factors.empty or set(parts) <= set(factors["factor"]):
        return []
    ordered = factors.sort_values("exact", ascending=False, kind="stable")
    return [
        [[row["factor"], row["exact"], row["entropy"]] for row in rows(ordered[ordered["part"] == part])]
        for part in parts
    ]
