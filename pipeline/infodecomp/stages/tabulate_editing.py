"""Turn the edits of all datasets into the table of correlations, the paired comparisons and the checks of the edits."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import EditingSection, given, parse_section
from infodecomp.editing.by_word import IMPLIED_COLUMNS, WORD_COLUMNS, by_context, by_word
from infodecomp.editing.edited_datasets import Edits, read_datasets, sources
from infodecomp.editing.edits import CHANGES, INTERVENTIONS, has_swap
from infodecomp.editing.markdown import editing_markdown
from infodecomp.editing.measures import Measures
from infodecomp.maps.one_model import check_one_model
from infodecomp.metrics.bootstrap import Interval, mean_interval, median_interval, resample_weights
from infodecomp.metrics.correlation import Correlation, across_cases, difference, spearman, within_cases
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

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
    "noise_variance": "noise_variance",
}

# Finished cases whose unchanged picture is below `min_reconstruction_psnr`: dB, the latent's error, what arrived as noise.
FLAGGED_COLUMNS = ["dataset", "case_id", *_RECONSTRUCTION.values()]

# editing_<name>.csv, beside the table of correlations.
_OTHER_TABLES = {
    "paired": PAIR_COLUMNS,
    "checks": CHECK_COLUMNS,
    "flagged": FLAGGED_COLUMNS,
    "by_word": WORD_COLUMNS,
    "implied": IMPLIED_COLUMNS,
}

LEVELS = ("image", "pixel")


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
    found = sources(args)
    check_one_model(path for source in found for path in source.edits)
    datasets = read_datasets(found, args.resize)
    summaries = [summarise(dataset, section, args.seed) for dataset in datasets]
    table = pd.DataFrame([row for summary in summaries for row in summary.rows], columns=list(TABLE_COLUMNS))
    others = {
        name: pd.DataFrame([row for summary in summaries for row in getattr(summary, name)], columns=columns)
        for name, columns in _OTHER_TABLES.items()
    }
    lost_masks = {dataset.name: dataset.lost_masks for dataset in datasets}
    counts = {name: {status: len(told) for status, told in lost.items()} for name, lost in lost_masks.items()}
    folder = args.output_dir
    text = editing_markdown(table, others["checks"], others["flagged"], others["implied"], counts, section)
    write_table(folder / "editing.parquet", table, TABLE_COLUMNS)
    write_text(folder / "editing.csv", csv_text(table))
    write_text(folder / "editing.md", text)
    for name, frame in others.items():
        write_text(folder / f"editing_{name}.csv", csv_text(frame))
    write_provenance(
        folder / "editing.provenance.json",
        stage=STAGE,
        section={
            "editing": given(section),
            "datasets": {source.name: source.section.model_dump(mode="json") for source in found},
        },
        inputs=[path for source in found for path in source.files],
        extra={"seed": args.seed, "resize": args.resize},
    )
    print(text)
    for name, lost in lost_masks.items():
        for status, told in lost.items():
            print(f"{name}: {len(told)} without a usable mask ({status}), the first of them {told[0]}")


@dataclass(frozen=True)
class Summary:
    """What the tables say of one dataset: rows of `TABLE_COLUMNS`, and of the other tables by their names."""

    rows: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    flagged: list[dict[str, Any]]
    by_word: list[dict[str, Any]]
    implied: list[dict[str, Any]]


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
    return Summary(
        rows,
        paired,
        _checks(dataset, weights, section),
        _flagged(dataset, section),
        by_word(dataset),
        by_context(dataset, weights, section.confidence),
    )


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
    return {
        "r": correlation.value,
        "r_low": low,
        "r_high": high,
        "r_error": correlation.error(section.error),
        "spearman": group.rank_correlation(predictor, known),
        "n": int(known.sum()),
        "n_failed": int((~known).sum()),
        "n_flagged": int((known & _badly_reconstructed(edits, section)).sum()),
    }


def _badly_reconstructed(edits: pd.DataFrame, section: EditingSection) -> np.ndarray:
    """Which finished cases are flagged, (n,) bool."""
    psnr = edits["psnr"].to_numpy(dtype=np.float64)
    return (edits["status"] == "ok").to_numpy(dtype=bool) & ~(psnr >= section.min_reconstruction_psnr)


def _flagged(dataset: Edits, section: EditingSection) -> list[dict[str, Any]]:
    """Rows of `FLAGGED_COLUMNS`, the worst first."""
    rows = dataset.edits[_badly_reconstructed(dataset.edits, section)].sort_values(["psnr", "case_id"])
    listed = rows[FLAGGED_COLUMNS[1:]].to_dict("records")
    return [{"dataset": dataset.name, **{str(name): value for name, value in row.items()}} for row in listed]


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
    for check, holds in _preferences(dataset.edits).items():
        rows.append(share(check, holds))
    if dataset.judgements is not None:
        rows.append(share("swap_recognised", dataset.recognised("swap", "new")))
        rows.append(share("unchanged_recognised", dataset.recognised("unchanged", "old")))
    return rows


def _preferences(edits: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the model prefers after a swap, by check: (n,), 1 or 0, NaN for a case without a swap.

    A caption is preferred when i^s of it against the other one is positive. After the swap that is measured on the latent of
    `swap`. Before it, cmi_swap_s has it, with the opposite sign, on the latent of the real image, from which `unchanged`
    hardly differs.
    """
    before, after = -edits["cmi_swap_s"].to_numpy(np.float64), edits["preference_swap"].to_numpy(np.float64)
    holds = {"swap_preferred": after > 0, "swap_flips_preference": (before < 0) & (after > 0)}
    return {check: np.where(has_swap(edits), found, np.nan) for check, found in holds.items()}
