"""The edits of datasets, read and measured: the input of the tables of the editing study."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from infodecomp.config import DatasetSection
from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import INTERVENTIONS, has_swap, read_edit_maps, read_edits, read_judgements
from infodecomp.editing.measures import MASK_AREA, Measures
from infodecomp.localisation.masks import Masks
from infodecomp.maps.outcomes import Failure
from infodecomp.metrics.heatmaps import cell_means
from infodecomp.pictures.images import Resize
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_path, named_paths

# Mask points along a side of a cell; the covered share of them is the mask's value in the cell.
_MASK_DETAIL = 8

# How many faulty files of a dataset are named one by one.
_NAMED = 10


@dataclass(frozen=True)
class EditedSource:
    """The files of a dataset: its section, cases table, shards of edits, folder of maps, and judgements if it has any."""

    name: str
    section: DatasetSection
    cases: Path
    edits: Sequence[Path]
    maps: Path
    judgements: Path | None

    @property
    def files(self) -> list[Path]:
        """The tables."""
        return [self.cases, *self.edits, *([self.judgements] if self.judgements else [])]


@dataclass(frozen=True)
class EditedDataset:
    """One dataset, measured. Rows of `edits` and of all measures are in the order of the cases table.

    label: (n,), of the word. image: (n,) int64, number of the image. measures: intervention → measures. judgements:
    rows of `JUDGEMENT_COLUMNS`; None without a classifier. lost_masks: status → one sentence for each finished case whose
    mask cannot be used; empty for a dataset without masks.
    """

    name: str
    edits: pd.DataFrame
    label: np.ndarray
    image: np.ndarray
    measures: Mapping[str, Measures]
    judgements: pd.DataFrame | None
    lost_masks: Mapping[str, Sequence[str]]

    @property
    def inside_over_outside(self) -> np.ndarray | None:
        """Mean change of the latent by a swap, inside the mask over outside.

        (n,), NaN for a case without a mask or a swap; None for a dataset without masks.
        """
        swap = self.measures["swap"]
        return swap.inside_over_outside if MASK_AREA in swap.names else None

    def recognised(self, intervention: str, category: str) -> np.ndarray:
        """Whether the classifier sees a category in the pictures of an intervention, or in the unchanged ones.

        Args:
            intervention: unchanged, omit or swap.
            category: "old", that of the word, or "new", that of its partner.

        Returns:
            (n,), 1 or 0; NaN for a case without a judgement, and where a word without a partner has no "new".
        """
        if self.judgements is None:
            return np.full(len(self.edits), np.nan)
        table = self.judgements
        judged = (table["status"] == "ok") & (table["intervention"] == intervention)
        rows = table[judged & table[f"{category}_score"].notna()]
        seen = rows.set_index("case_id")[category].astype(np.float64)
        return seen.reindex(self.edits["case_id"]).to_numpy(dtype=np.float64)


def edited_sources(args: argparse.Namespace, sections: Mapping[str, DatasetSection]) -> list[EditedSource]:
    """The datasets that --cases names, in its order; InputError unless the other arguments name the same datasets."""
    cases, edits = named_path("--cases", args.cases), named_paths("--edits", args.edits)
    maps, judgements = named_path("--maps", args.maps), named_path("--judgements", args.judgements)
    needed: dict[str, Collection[str]] = {"--settings": sections, "--edits": edits, "--maps": maps}
    others: dict[str, Collection[str]] = {"--edits": edits, "--maps": maps, "--judgements": judgements}
    problems = [
        f"{argument} lacks the dataset {name}, which --cases names."
        for argument, names in needed.items()
        for name in cases
        if name not in names
    ]
    problems += [
        f"--cases lacks the dataset {name}, which {argument} names."
        for argument, names in others.items()
        for name in names
        if name not in cases
    ]
    if problems:
        raise InputError("\n".join(problems))
    return [
        EditedSource(name, sections[name], cases[name], edits[name], maps[name], judgements.get(name)) for name in cases
    ]


def read_datasets(found: Sequence[EditedSource], resize: Resize) -> list[EditedDataset]:
    """Every dataset, measured.

    Args:
        found: the files of the datasets.
        resize: as for the model's images; masks are fitted to the maps the same way.

    Raises:
        InputError: lists the faults of all datasets: of each its faulty rows, or else its faulty maps.
    """
    read, problems = [], list[str]()
    for source in found:
        try:
            read.append(_read_dataset(source, resize))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return read


def _read_dataset(source: EditedSource, resize: Resize) -> EditedDataset:
    cases = read_cases(source.cases)
    problems = list[str]()
    try:
        edits = read_edits(source.edits, cases)
    except InputError as error:
        problems.append(str(error))
    try:
        judgements = read_judgements(source.judgements, cases) if source.judgements else None
    except InputError as error:
        problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    measures, lost_masks = _measure(source, cases, edits, resize)
    image, _ = pd.factorize(cases["image_id"], sort=True)
    return EditedDataset(source.name, edits, cases["label"].to_numpy(), image, measures, judgements, lost_masks)


def _measure(
    source: EditedSource, cases: pd.DataFrame, edits: pd.DataFrame, resize: Resize
) -> tuple[dict[str, Measures], dict[str, list[str]]]:
    """Measures by intervention, and `EditedDataset.lost_masks`; maps are read one case at a time."""
    masked, swapped = source.section.localisation, has_swap(edits)
    measures = {name: Measures.empty(len(cases), masked) for name in INTERVENTIONS}
    records = cast(list[dict[str, Any]], cases.to_dict("records"))
    totals = cast(list[dict[str, Any]], edits.to_dict("records"))
    grid: tuple[int, int] | None = None
    masks, problems, lost = None, list[str](), dict[str, list[str]]()
    for row in np.flatnonzero(edits["status"] == "ok").tolist():
        path = source.maps / f"{records[row]['case_id']}.npz"
        try:
            maps = read_edit_maps(path, bool(swapped[row]))
        except InputError as error:
            problems.append(str(error))
            continue
        grid = grid or maps.grid
        if maps.grid != grid or len(set(grid)) > 1:
            problems.append(f"{path}: its maps are {maps.grid}; expected squares of one size for all cases.")
            continue
        masks = masks or (Masks(source.section, _MASK_DETAIL * grid[0], resize) if masked else None)
        found = masks.of(records[row]) if masks else None
        if isinstance(found, Failure):
            lost.setdefault(found.status, []).append(f"case {records[row]['case_id']}: {found.reason}")
        mask = cell_means(found, grid) if isinstance(found, np.ndarray) else None
        for name in INTERVENTIONS if swapped[row] else INTERVENTIONS[:1]:
            measures[name].fill(row, name, maps, totals[row], mask)
    if problems:
        rest = [f"{source.maps}: {len(problems) - _NAMED} more files with faults."] if problems[_NAMED:] else []
        raise InputError("\n".join([*problems[:_NAMED], *rest]))
    return measures, lost
