"""Data for the explorer: an index of all images with the scores of their words, and a script of maps per image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.config import DatasetSection
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.folders import image_folder
from infodecomp.datasets.masks import MaskSource
from infodecomp.metrics.correlation import pearson
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.pictures.images import Resize, fit_image, fit_mask, load_image
from infodecomp.report.captions import caption_parts
from infodecomp.report.layout import StudyFolder, by_case, grouped
from infodecomp.report.pictures import PictureFolder, Scale, quantise, tile_sheet
from infodecomp.report.scripts import write_call
from infodecomp.report.shown_maps import SHOWN_MAPS, TOTALS, ShownMap
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays, read_table

MASK_SIDE = 96  # cells of a mask's outline along a side

PAIRS = tuple(combinations(range(len(SHOWN_MAPS)), 2))

Row = Mapping[str, Any]
Scores = dict[str, dict[str, tuple[float, float]]]


@dataclass(frozen=True)
class Explorer:
    """One dataset in the explorer: where its results are, how its images were fitted, how many are shown."""

    study: StudyFolder
    dataset: str
    section: DatasetSection
    resize: Resize
    images: int
    pictures: PictureFolder

    def write(self) -> Iterator[dict[str, Any]]:
        """Write the script of each image; yields its entry in the index."""
        cases = read_cases(self.study.cases(self.dataset)).sort_values("position", kind="stable")
        estimates = by_case(
            self.study.shard_tables(self.dataset, "estimate_information"),
            ["status", "reason", *(name for column in TOTALS.values() for name in (column, f"{column}_error"))],
        )
        scores = localisation_scores(self.study.localisation_scores(self.dataset))
        masks = _Masks(MaskSource.of(self.section) if (cases["mask"] != "").any() else None, self)
        for number, (_, of_image) in enumerate(grouped(cases, "image_id")):
            if number == self.images:
                break
            yield self._image(f"{self.dataset}-{number:05d}", of_image, estimates, scores, masks)

    def _image(
        self, name: str, cases: Sequence[Row], estimates: Mapping[str, Row], scores: Scores, masks: _Masks
    ) -> dict[str, Any]:
        heats = [self._heats(case) for case in cases]
        tiles = [[quantise(heat) if heat is not None else None for heat in of_word] for of_word in heats]
        outlines = [masks.of(case) for case in cases]
        write_call(
            self.pictures.page / "maps" / f"{name}.js",
            "receiveMaps",
            name,
            {
                "sheet": tile_sheet([[tile and tile[0] for tile in of_word] for of_word in tiles]),
                "grid": _grid(heats),
                "scales": [[_scale(tile) for tile in of_word] for of_word in tiles],
                "masks": tile_sheet(
                    [[255 * mask.astype(np.uint8)] if mask is not None else [None] for mask in outlines]
                )
                if any(mask is not None for mask in outlines)
                else "",
                "masked": [mask is not None for mask in outlines],
                "maskGrid": MASK_SIDE,
            },
        )
        picture, size, problem = self._picture(cases[0])
        return {
            "id": name,
            "dataset": self.dataset,
            "image": str(cases[0]["image_id"]),
            **dict(zip(("picture", "thumbnail"), picture, strict=True)),
            "size": size,
            "problem": problem,
            "captions": _captions(cases),
            "words": [
                _word(case, estimates.get(case["case_id"], {}), scores.get(case["case_id"], {}), of_word)
                for case, of_word in zip(cases, heats, strict=True)
            ],
        }

    def _heats(self, case: Row) -> list[np.ndarray | None]:
        """The map of each method, (h, w); None without one."""
        sources = dict.fromkeys(method.source for method in SHOWN_MAPS)
        arrays: dict[str, dict[str, np.ndarray]] = {}
        for source in sources:
            path = self.study.maps(self.dataset, source, case["case_id"])
            arrays[source] = read_arrays(path) if path.is_file() else {}
        return [_heat(arrays[method.source], method) for method in SHOWN_MAPS]

    def _picture(self, case: Row) -> tuple[tuple[str, str], tuple[int, int], str]:
        """Paths of picture and thumbnail, width and height, and why there is none ("" if there is one)."""
        try:
            picture = load_image(image_folder(self.section) / case["image_path"], int(case["orientation"]))
        except InputError as error:
            return ("", ""), (1, 1), str(error)
        if self.resize == "letterbox":
            # With bars, as the model saw it, so that the maps are in the right place.
            picture = fit_image(picture, (max(picture.size), max(picture.size)), "letterbox")
        return self.pictures.add_with_thumbnail(picture), picture.size, ""


@dataclass(frozen=True)
class _Masks:
    """Masks of a dataset, in the frame of the maps."""

    source: MaskSource | None
    explorer: Explorer

    def of(self, case: Row) -> np.ndarray | None:
        """The mask of a case, (MASK_SIDE, MASK_SIDE) bool; None without one."""
        if not case["mask"] or case["status"] != "ok" or self.source is None:
            return None
        try:
            mask = self.source.read(case).mask
        except InputError:
            return None  # the scores of localisation report it
        return fit_mask(mask, (MASK_SIDE, MASK_SIDE), self.explorer.resize)


def localisation_scores(path: Path) -> Scores:
    """Case id → method → average precision, and IoU at the threshold that is best for all cases together.

    Each method counts with its largest number of steps. Empty without scores.
    """
    if not path.is_file():
        return {}
    frame = read_table(path, SCORE_COLUMNS)
    frame = frame[frame["status"] == "ok"]
    found: Scores = {}
    for method in SHOWN_MAPS:
        name, estimator = method.setting
        chosen = frame[(frame["method"] == name) & (frame["estimator"] == estimator)]
        chosen = chosen[chosen["steps"] == chosen["steps"].max()]
        if chosen.empty:
            continue
        iou = np.stack(chosen["iou"].tolist())  # (n, T)
        at_best = iou[:, iou.mean(axis=0).argmax()].tolist()
        for case_id, precision, overlap in zip(chosen["case_id"], chosen["average_precision"], at_best, strict=True):
            found.setdefault(case_id, {})[method.id] = (float(precision), float(overlap))
    return found


def agreements(heats: Sequence[np.ndarray | None]) -> list[float | None]:
    """Pearson's r over the cells of every two maps, in the order of `PAIRS`; None where one is missing or constant."""
    grids = [heat.shape for heat in heats if heat is not None]
    if not grids:
        return [None] * len(PAIRS)
    flat = np.full((len(heats), grids[0][0] * grids[0][1]), np.nan)
    for row, heat in enumerate(heats):
        if heat is not None and heat.shape == grids[0]:
            flat[row] = heat.ravel()
    first, second = np.array(PAIRS).T
    return [round(float(r), 2) if np.isfinite(r) else None for r in pearson(flat[first], flat[second])]


def _word(
    case: Row, estimate: Row, scores: Mapping[str, tuple[float, float]], heats: Sequence[np.ndarray | None]
) -> Row:
    totals, errors = [], []
    for method, heat in zip(SHOWN_MAPS, heats, strict=True):
        column = TOTALS.get(method.id)
        known = column is not None and heat is not None and column in estimate
        of_map = float(heat.sum(dtype=np.float64)) if heat is not None else None
        totals.append(float(estimate[str(column)]) if known else of_map)
        errors.append(float(estimate[f"{column}_error"]) if known else None)
    failed = case if case["status"] != "ok" else estimate
    return {
        "case": case["case_id"],
        "word": case["word"],
        "label": case["label"],
        "type": case["word_type"],
        "problem": failed.get("reason", ""),
        "totals": totals,
        "errors": errors,
        "precision": [scores.get(method.id, (None, None))[0] for method in SHOWN_MAPS],
        "iou": [scores.get(method.id, (None, None))[1] for method in SHOWN_MAPS],
        "agreement": agreements(heats),
    }


def _captions(cases: Sequence[Row]) -> list[list[tuple[str, int]]]:
    """Each caption of the image once, cut into parts whose numbers are those of the cases."""
    captions = dict.fromkeys(case["prompt_full"] for case in cases if case["prompt_full"])
    found = []
    for caption in captions:
        own = [k for k, case in enumerate(cases) if case["prompt_full"] == caption and case["prompt_word"]]
        parts = caption_parts(caption, [cases[k]["prompt_word"] for k in own])
        found.append([(text, own[index] if index >= 0 else -1) for text, index in parts])
    return found


def _heat(arrays: Mapping[str, np.ndarray], method: ShownMap) -> np.ndarray | None:
    key = method.key_in(arrays)
    return arrays[key] if key is not None else None


def _scale(tile: tuple[np.ndarray, Scale] | None) -> Scale | None:
    return tile[1] if tile is not None else None


def _grid(heats: Sequence[Sequence[np.ndarray | None]]) -> tuple[int, int]:
    """Cells of the largest map, (h, w): the size of a tile."""
    shapes = [heat.shape for of_word in heats for heat in of_word if heat is not None]
    return max((shape[0] for shape in shapes), default=1), max((shape[1] for shape in shapes), default=1)
