"""Turn the edits of all datasets into the table of correlations, the paired comparisons and the checks of the edits."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from pipeline.config import DatasetSection, EditingSection, given, parse_section, parse_sections
from pipeline.datasets.cases import read_cases
from pipeline.edit_measures import Measures, inside_over_outside
from pipeline.edits import CHANGES, INTERVENTIONS, has_swap, read_edit_maps, read_edits, read_judgements
from pipeline.errors import InputError
from pipeline.images import Resize
from pipeline.metrics.bootstrap import Interval, mean_interval, median_interval, resample_weights
from pipeline.metrics.correlation import Correlation, across_cases, difference, spearman, within_cases
from pipeline.metrics.heatmaps import cell_means
from pipeline.named_paths import named_path, named_paths
from pipeline.provenance import write_provenance
from pipeline.seeds import generator
from pipeline.stages.score_localisation import Masks
from pipeline.storage import write_table, write_text
from pipeline.tables.editing_markdown import editing_markdown
from pipeline.tables.text import csv_text

STAGE = "tabulate_editing"

# Correlations are between −1 and 1. n + n_failed is the number of cases; n_flagged of the n came back badly.
TABLE_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "level": "string",
    "intervention": "string",
    "predictor": "string",
    "change": "string",
    "r": "float64",
    "r_low": "float64",
    "r_high": "float64",
    "r_error": "float64",
    "spearman": "float64",
    "n": "int64",
    "n_failed": "int64",
    "n_flagged": "int64",
}

# One row a dataset, level, intervention, change and two predictors: r_a − r_b on the n cases that both have.
PAIR_COLUMNS = [
    *("dataset", "level", "intervention", "change"),
    *("predictor_a", "predictor_b", "difference", "low", "high", "n"),
]

CHECK_COLUMNS = ["dataset", "check", "value", "low", "high", "n"]

# Check → column of the table of edits.
_RECONSTRUCTION = {
    "psnr_unchanged": "psnr",
    "psnr_decoded": "psnr_decoded",
    "psnr_autoencoder": "psnr_autoencoder",
    "latent_error": "latent_error",
}

LEVELS = ("image", "pixel")

# Points of a mask along a side of a latent's cell, whose share is the mask's value there.
_MASK_DETAIL = 8

# Faulty files of a dataset that are named one by one.
_NAMED = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases, the shards of edits, the folders of their maps and, of scenes, the judgements."""
    parser.add_argument("--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet a dataset")
    parser.add_argument(
        "--edits", nargs="+", action="extend", required=True, metavar="DATASET=PATH", help="shards, names repeat"
    )
    parser.add_argument("--maps", nargs="+", required=True, metavar="DATASET=FOLDER", help="folder of <case_id>.npz")
    parser.add_argument(
        "--judgements",
        nargs="*",
        default=[],
        metavar="DATASET=PATH",
        help="judgements.parquet of datasets that have it",
    )
    parser.add_argument("--datasets", required=True, help="the datasets section of the configuration, JSON")
    parser.add_argument("--resize", choices=("squeeze", "letterbox"), default="squeeze", help="as the model's images")
    parser.add_argument("--section", required=True, help="the editing section of the configuration, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the edits, correlate changes with what may foretell them, write the tables."""
    section = parse_section(EditingSection, args.section)
    sources = _sources(args)
    summaries = [summarise(dataset, section, args.seed) for dataset in _read_datasets(sources, args.resize)]
    table = pd.DataFrame([row for summary in summaries for row in summary.rows], columns=list(TABLE_COLUMNS))
    paired = pd.DataFrame([row for summary in summaries for row in summary.paired], columns=PAIR_COLUMNS)
    checks = pd.DataFrame([row for summary in summaries for row in summary.checks], columns=CHECK_COLUMNS)
    folder, text = args.output_dir, editing_markdown(table, checks, section)
    write_table(folder / "editing.parquet", table, TABLE_COLUMNS)
    write_text(folder / "editing.csv", csv_text(table))
    write_text(folder / "editing.md", text)
    write_text(folder / "editing_paired.csv", csv_text(paired))
    write_text(folder / "editing_checks.csv", csv_text(checks))
    write_provenance(
        folder / "editing.provenance.json",
        stage=STAGE,
        section={
            "editing": given(section),
            "datasets": {source.name: source.section.model_dump(mode="json") for source in sources},
        },
        inputs=[path for source in sources for path in source.files],
        extra={"seed": args.seed, "resize": args.resize},
    )
    print(text)


@dataclass(frozen=True)
class Source:
    """Where a dataset lies: its section, cases table, shards of edits, folder of maps and judgements, if any."""

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
class Edits:
    """One dataset, measured. Rows of `edits` and of all measures are in the order of the cases table.

    image: (n,) int64, number of the image. measures: intervention → measures. inside_over_outside: (n,), mean latent
    change by a swap inside the mask over that outside, NaN for a case without one; None for a dataset without masks.
    judgements: rows of `JUDGEMENT_COLUMNS`; None without a classifier.
    """

    name: str
    edits: pd.DataFrame
    image: np.ndarray
    measures: Mapping[str, Measures]
    inside_over_outside: np.ndarray | None
    judgements: pd.DataFrame | None


@dataclass(frozen=True)
class Summary:
    """What the tables say of one dataset: rows of `TABLE_COLUMNS`, `PAIR_COLUMNS` and `CHECK_COLUMNS`."""

    rows: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    checks: list[dict[str, Any]]


def summarise(dataset: Edits, section: EditingSection, seed: int) -> Summary:
    """Correlations, comparisons and checks of one dataset; all share the resamples of the images.

    Args:
        dataset: its measures.
        section: resamples, confidence, error and the lowest PSNR that is not flagged.
        seed: of the resamples.
    """
    images = int(dataset.image.max(initial=-1)) + 1
    weights = resample_weights(images, section.bootstrap, generator(seed, dataset.name, "bootstrap"))
    rows, paired = [], []
    for level, intervention, change in product(LEVELS, INTERVENTIONS, range(len(CHANGES))):
        group = _Group(dataset.measures[intervention], level, change, dataset.image, weights)
        names = group.measures.names
        settings = {"dataset": dataset.name, "level": level, "intervention": intervention, "change": CHANGES[change]}
        rows += [
            {**settings, "predictor": name, **_row(group, index, dataset.edits, section)}
            for index, name in enumerate(names)
        ]
        paired += [
            {**settings, "predictor_a": names[a], "predictor_b": names[b], **_pair(group, a, b, section)}
            for a, b in combinations(range(len(names)), 2)
        ]
    return Summary(rows, paired, _checks(dataset, weights, section))


@dataclass(frozen=True)
class _Group:
    """The correlations of every predictor with one change, at one level and of one intervention."""

    measures: Measures
    level: str
    change: int
    image: np.ndarray
    weights: np.ndarray

    def known(self, predictor: int) -> np.ndarray:
        """Which cases count, (n,) bool."""
        if self.level == "pixel":
            return np.isfinite(self.measures.r[:, predictor, self.change])
        return np.isfinite(self.measures.predictor[:, predictor]) & np.isfinite(self.measures.change[:, self.change])

    def correlation(self, predictor: int, chosen: np.ndarray) -> Correlation:
        """On the chosen cases, (n,) bool."""
        if self.level == "pixel":
            r = np.where(chosen, self.measures.r[:, predictor, self.change], np.nan)
            return within_cases(r, self.image, self.weights)
        totals = np.where(chosen, self.measures.predictor[:, predictor], np.nan)
        return across_cases(totals, self.measures.change[:, self.change], self.image, self.weights)

    def rank_correlation(self, predictor: int, chosen: np.ndarray) -> float:
        """Spearman on the chosen cases, (n,) bool."""
        if self.level == "pixel":
            rho = self.measures.rho[chosen, predictor, self.change]
            return float(rho.mean()) if len(rho) else float("nan")
        return float(spearman(self.measures.predictor[chosen, predictor], self.measures.change[chosen, self.change]))


def _row(group: _Group, predictor: int, edits: pd.DataFrame, section: EditingSection) -> dict[str, Any]:
    known = group.known(predictor)
    correlation = group.correlation(predictor, known)
    low, high = correlation.interval(section.confidence)
    flagged = ~(edits["psnr"].to_numpy(dtype=np.float64) >= section.min_reconstruction_psnr)
    return {
        "r": correlation.value,
        "r_low": low,
        "r_high": high,
        "r_error": correlation.error(section.error),
        "spearman": group.rank_correlation(predictor, known),
        "n": int(known.sum()),
        "n_failed": int((~known).sum()),
        "n_flagged": int((known & flagged).sum()),
    }


def _pair(group: _Group, a: int, b: int, section: EditingSection) -> dict[str, Any]:
    """Two predictors on the cases that both have."""
    both = group.known(a) & group.known(b)
    compared = difference(group.correlation(a, both), group.correlation(b, both))
    low, high = compared.interval(section.confidence)
    return {"difference": compared.value, "low": low, "high": high, "n": int(both.sum())}


def _checks(dataset: Edits, weights: np.ndarray, section: EditingSection) -> list[dict[str, Any]]:
    """How well images came back, and whether swaps changed what they should."""

    def median(check: str, values: np.ndarray) -> dict[str, Any]:
        return row(check, values, median_interval(values, dataset.image, weights, section.confidence))

    def share(check: str, values: np.ndarray) -> dict[str, Any]:
        return row(check, values, mean_interval(values[:, None], dataset.image, weights, section.confidence))

    def row(check: str, values: np.ndarray, found: Interval) -> dict[str, Any]:
        ends = {"value": found.mean[0], "low": found.low[0], "high": found.high[0]}
        return {"dataset": dataset.name, "check": check, **ends, "n": int(np.isfinite(values).sum())}

    rows = [
        median(f"{check}_median", dataset.edits[column].to_numpy(dtype=np.float64))
        for check, column in _RECONSTRUCTION.items()
    ]
    ratio = dataset.inside_over_outside
    if ratio is not None:
        rows.append(share("swap_changes_object_more", np.where(np.isnan(ratio), np.nan, ratio > 1.0)))
        rows.append(median("swap_change_inside_over_outside", ratio))
    if dataset.judgements is not None:
        rows.append(share("swap_recognised", _recognised(dataset, "swap", "new")))
        rows.append(share("unchanged_recognised", _recognised(dataset, "unchanged", "old")))
    return rows


def _recognised(dataset: Edits, intervention: str, category: str) -> np.ndarray:
    """Whether the classifier sees the category, old or new, in the picture: (n,), NaN for a case without a judgement."""
    table = cast(pd.DataFrame, dataset.judgements)
    rows = table[(table["status"] == "ok") & (table["intervention"] == intervention)]
    seen = rows.set_index("case_id")[category].astype(np.float64)
    return seen.reindex(dataset.edits["case_id"]).to_numpy(dtype=np.float64)


def _sources(args: argparse.Namespace) -> list[Source]:
    """The datasets that --cases names, in its order; InputError unless the other arguments have what belongs to them."""
    cases, edits = named_path("--cases", args.cases), named_paths("--edits", args.edits)
    maps, judgements = named_path("--maps", args.maps), named_path("--judgements", args.judgements)
    sections = parse_sections(DatasetSection, "--datasets", args.datasets)
    needed: dict[str, Collection[str]] = {"--datasets": sections, "--edits": edits, "--maps": maps}
    others: dict[str, Collection[str]] = {"--edits": edits, "--maps": maps, "--judgements": judgements}
    problems = [
        f"{argument} lacks {name}, which --cases names."
        for argument, names in needed.items()
        for name in cases
        if name not in names
    ]
    problems += [
        f"--cases lacks {name}, which {argument} names."
        for argument, names in others.items()
        for name in names
        if name not in cases
    ]
    if problems:
        raise InputError("\n".join(problems))
    return [Source(name, sections[name], cases[name], edits[name], maps[name], judgements.get(name)) for name in cases]


def _read_datasets(sources: Sequence[Source], resize: Resize) -> list[Edits]:
    """Every dataset, measured; InputError with the faults of all of them."""
    read, problems = [], list[str]()
    for source in sources:
        try:
            read.append(_read_dataset(source, resize))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    return read


def _read_dataset(source: Source, resize: Resize) -> Edits:
    """One dataset; InputError with all its faulty rows, or else all its faulty maps."""
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
    measures, ratio = _measure(source, cases, edits, resize)
    image, _ = pd.factorize(cases["image_id"], sort=True)
    return Edits(source.name, edits, image, measures, ratio, judgements)


def _measure(
    source: Source, cases: pd.DataFrame, edits: pd.DataFrame, resize: Resize
) -> tuple[dict[str, Measures], np.ndarray | None]:
    """Measures by intervention and, with masks, `Edits.inside_over_outside`; the maps of one case at a time."""
    masked, swapped = source.section.localisation, has_swap(edits)
    measures = {name: Measures.empty(len(cases), masked) for name in INTERVENTIONS}
    ratio = np.full(len(cases), np.nan)
    records = cast(list[dict[str, Any]], cases.to_dict("records"))
    totals = cast(list[dict[str, Any]], edits.to_dict("records"))
    grid: tuple[int, int] | None = None
    masks, problems = None, list[str]()
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
        mask = cell_means(found, grid) if isinstance(found, np.ndarray) else None
        for name in INTERVENTIONS if swapped[row] else INTERVENTIONS[:1]:
            measures[name].fill(row, name, maps, totals[row], mask)
        if mask is not None and swapped[row]:
            ratio[row] = inside_over_outside(maps.change["latent_l2", "swap"], mask >= 0.5)
    if problems:
        rest = [f"{source.maps}: {len(problems) - _NAMED} more files like these."] if problems[_NAMED:] else []
        raise InputError("\n".join([*problems[:_NAMED], *rest]))
    return measures, ratio if masked else None
