"""Turn what is known of judged maps into the table of their faithfulness, paired differences, curves, and a row a case."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import FaithfulnessSection, given, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import read_edit_maps, read_edits
from infodecomp.faithfulness.judged_maps import RECORDED, SEED, WEIGHTS, judged_settings, read_judged_cases
from infodecomp.faithfulness.markdown import faithfulness_markdown
from infodecomp.maps.one_model import check_one_model
from infodecomp.maps.outcomes import read_statuses
from infodecomp.maps.setting import Setting
from infodecomp.maps.word_maps import Maps
from infodecomp.methods import SOURCES
from infodecomp.metrics.bootstrap import mean_interval, resample_weights
from infodecomp.metrics.faithfulness import AREAS, CURVES, MEASURES, QUANTITIES, area, likeness
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import read_arrays, write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_faithfulness"

# One row a map and measure (`infodecomp.metrics.faithfulness`). n + n_failed is the number of judged cases.
TABLE_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "method": "string",
    "estimator": "string",
    "steps": "int64",
    "measure": "string",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "n": "int64",
    "n_failed": "int64",
}

# One row a measure and two maps: value_a − value_b on the n cases that both have.
PAIR_COLUMNS = [
    *("dataset", "measure", "method_a", "estimator_a", "method_b", "estimator_b"),
    *("difference", "low", "high", "n"),
]

# One row a curve, quantity (i_o, i_s), map and share of the pixels: the mean of the quantity in nats.
CURVE_COLUMNS = [
    *("dataset", "curve", "quantity", "method", "estimator", "steps", "fraction"),
    *("nats", "low", "high", "n"),
]

CASE_COLUMNS = ["dataset", "case_id", "image_id", "word", "method", "estimator", "steps", *MEASURES]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases and judged maps of each dataset, and the edits of those that have them."""
    parser.add_argument("--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet a dataset")
    parser.add_argument("--judged", nargs="+", required=True, metavar="DATASET=PATH", help="shards of judge_maps")
    parser.add_argument("--maps", nargs="+", required=True, metavar="DATASET=FOLDER", help="folder of judge_maps")
    parser.add_argument("--edits", nargs="*", default=[], metavar="DATASET=PATH", help="shards of edit_images")
    parser.add_argument("--edit-maps", nargs="*", default=[], metavar="DATASET=FOLDER", help="folder of edit_images")
    parser.add_argument("--methods", nargs="+", required=True, help="methods whose maps are judged")
    parser.add_argument("--section", required=True, help="the faithfulness section of the configuration, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read what was measured, compare maps, write the tables."""
    section = parse_section(FaithfulnessSection, args.section)
    cases, maps = named_path("--cases", args.cases), named_path("--maps", args.maps)
    judged, edits = named_paths("--judged", args.judged), named_paths("--edits", args.edits)
    edit_maps = named_path("--edit-maps", args.edit_maps)
    tables = [path for paths in (*judged.values(), *edits.values()) for path in paths]
    check_one_model(tables)
    summaries = []
    for name, path in cases.items():
        changes = Changes(path, edits[name], edit_maps[name]) if name in edits else None
        dataset = measure(name, path, judged[name], maps[name], changes, args.methods, section, args.seed)
        summaries.append(summarise(dataset, section, args.seed))
    table = pd.DataFrame([row for one in summaries for row in one.rows], columns=list(TABLE_COLUMNS))
    text = faithfulness_markdown(table, section)
    folder = args.output_dir
    write_table(folder / "faithfulness.parquet", table, TABLE_COLUMNS)
    write_text(folder / "faithfulness.csv", csv_text(table))
    write_text(folder / "faithfulness.md", text)
    others = {"paired": PAIR_COLUMNS, "curves": CURVE_COLUMNS, "cases": CASE_COLUMNS}
    for name, columns in others.items():
        rows = [row for one in summaries for row in getattr(one, name)]
        write_text(folder / f"faithfulness_{name}.csv", csv_text(pd.DataFrame(rows, columns=columns)))
    write_provenance(
        folder / "faithfulness.provenance.json",
        stage=STAGE,
        section=given(section),
        inputs=[*cases.values(), *tables],
        extra={"seed": args.seed, "methods": list(args.methods)},
    )
    print(text)


class Changes:
    """How cases of a dataset changed when their word was left out, from the editing study."""

    def __init__(self, cases: Path, edits: Sequence[Path], maps: Path) -> None:
        found = read_edits(edits, read_cases(cases))
        self._done = set(found.loc[found["status"] == "ok", "case_id"])
        self._maps = maps

    def of(self, case_id: str) -> np.ndarray | None:
        """The map of change of the latent, (h, w); None for a case that was not edited."""
        if case_id not in self._done:
            return None
        return read_edit_maps(self._maps / f"{case_id}.npz", swapped=False).change["latent_l2", "omit"]


@dataclass(frozen=True)
class Measured:
    """One dataset. cases: the judged ones; image: (n,) int64, number of the image of each.

    values: (n, maps, measures), NaN where there is none. curves: (curve, quantity) → (n, maps, shares), in nats.
    fractions: (shares,).
    """

    name: str
    cases: pd.DataFrame
    image: np.ndarray
    settings: Sequence[Setting]
    values: np.ndarray
    curves: Mapping[tuple[str, str], np.ndarray]
    fractions: np.ndarray


def measure(
    name: str,
    table: Path,
    shards: Sequence[Path],
    folder: Path,
    changes: Changes | None,
    methods: Sequence[str],
    section: FaithfulnessSection,
    seed: int,
) -> Measured:
    """Every measure of every map of a dataset's judged cases.

    Args:
        name: of the dataset.
        table: its cases table.
        shards, folder: tables and <case_id>.npz of judge_maps.
        changes: of its edits, if it has them.
        methods: whose maps are judged.
        section: which cases, maps and shares.
        seed: of the study, with which images are paired for the method shuffled.
    """
    cases = read_judged_cases(table, section.cases)
    statuses = dict.fromkeys(SOURCES, read_statuses(shards))
    recorded, again, forgotten = (
        Maps(cases, statuses, {"information": folder}, seed, part) for part in (RECORDED, SEED, WEIGHTS)
    )
    settings = judged_settings(recorded, methods, section)
    fractions = np.array([0.0, *section.fractions, 1.0])
    shape = (len(cases), len(settings))
    values = np.full((*shape, len(MEASURES)), np.nan)
    curves = {key: np.full((*shape, len(fractions)), np.nan) for key in product(CURVES, QUANTITIES)}
    for row, case_id in enumerate(cases["case_id"]):
        path = folder / f"{case_id}.npz"
        if statuses["information"].get(case_id, 0) is not None or not path.is_file():
            continue
        arrays, change = read_arrays(path), changes.of(case_id) if changes else None
        for column, setting in enumerate(settings):
            for (curve, quantity), nats in curves.items():
                nats[row, column] = arrays.get(f"{curve}/{quantity}/{setting}", np.nan)
            heat = recorded.heat(case_id, setting)
            if isinstance(heat, np.ndarray):
                alike = [_likeness(heat, other.heat(case_id, setting)) for other in (again, forgotten)]
                found = {
                    **{
                        name: area(fractions, nats[row, column], name)
                        for name, nats in zip(AREAS, _in_order(curves), strict=True)
                    },
                    "editing": _likeness(heat, change),
                    **dict(zip(("stability", "weights"), alike, strict=True)),
                    "sanity": alike[0] - alike[1],
                }
                values[row, column] = [found[measure] for measure in MEASURES]
    image, _ = pd.factorize(cases["image_id"], sort=True)
    return Measured(name, cases, image, settings, values, curves, fractions)


def _in_order(curves: Mapping[tuple[str, str], np.ndarray]) -> Iterator[np.ndarray]:
    """The curves in the order of `AREAS`."""
    yield from (curves[curve, quantity] for quantity in QUANTITIES for curve in CURVES)


def _likeness(heat: np.ndarray, other: object) -> float:
    return likeness(heat, other) if isinstance(other, np.ndarray) else float("nan")


@dataclass(frozen=True)
class Summary:
    """What the tables say of one dataset: rows of `TABLE_COLUMNS`, and of the other tables by their names."""

    rows: list[dict[str, Any]]
    paired: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    cases: list[dict[str, Any]]


def summarise(dataset: Measured, section: FaithfulnessSection, seed: int) -> Summary:
    """Means, differences and curves with intervals; all share the resamples of the images."""
    images = int(dataset.image.max(initial=-1)) + 1
    weights = resample_weights(images, section.bootstrap, generator(seed, dataset.name, "bootstrap"))

    def intervals(values: np.ndarray) -> list[dict[str, Any]]:
        """Of each column of (n, K): mean, ends of its interval and number of cases."""
        found = mean_interval(values, dataset.image, weights, section.confidence)
        counts = np.isfinite(values).sum(axis=0)
        columns = zip(found.mean.tolist(), found.low.tolist(), found.high.tolist(), counts.tolist(), strict=True)
        return [{"value": mean, "low": low, "high": high, "n": n} for mean, low, high, n in columns]

    rows, curves = [], []
    for column, setting in enumerate(dataset.settings):
        named = {"dataset": dataset.name, **setting._asdict()}
        rows += [
            {**named, "measure": measure, **found, "n_failed": len(dataset.cases) - found["n"]}
            for measure, found in zip(MEASURES, intervals(dataset.values[:, column]), strict=True)
        ]
        for (curve, quantity), nats in dataset.curves.items():
            points = zip(dataset.fractions.tolist(), intervals(nats[:, column]), strict=True)
            curves += [
                {**named, "curve": curve, "quantity": quantity, "fraction": share, "nats": found.pop("value"), **found}
                for share, found in points
            ]
    paired = []
    for a, b in combinations(range(len(dataset.settings)), 2):
        named = {"dataset": dataset.name}
        for letter, setting in (("a", dataset.settings[a]), ("b", dataset.settings[b])):
            named |= {f"method_{letter}": setting.method, f"estimator_{letter}": setting.estimator}
        found = intervals(dataset.values[:, a] - dataset.values[:, b])
        paired += [
            {**named, "measure": measure, "difference": one.pop("value"), **one}
            for measure, one in zip(MEASURES, found, strict=True)
        ]
    return Summary(rows, paired, curves, _case_rows(dataset))


def _case_rows(dataset: Measured) -> list[dict[str, Any]]:
    known = dataset.cases[["case_id", "image_id", "word"]].to_dict("records")
    return [
        {
            "dataset": dataset.name,
            **{str(name): value for name, value in case.items()},
            **setting._asdict(),
            **dict(zip(MEASURES, dataset.values[row, column].tolist(), strict=True)),
        }
        for row, case in enumerate(known)
        for column, setting in enumerate(dataset.settings)
    ]
