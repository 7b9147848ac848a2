"""Gather what each word of a dataset tells beside the other words of its caption: the parts of its pairs, as maps."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import PartialInformationSection, given, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.maps.one_model import check_one_model
from infodecomp.maps.rounding import rounded_map
from infodecomp.metrics.partial_information import Information
from infodecomp.metrics.word_parts import CONDITION, PARTS, average_parts
from infodecomp.pairs.estimates import ESTIMATORS, read_information, read_shards
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_arrays, write_table

STAGE = "gather_parts"

# A row a case of the dataset. pairs: case_id of each of its pairs of words that has an estimate.
TABLE_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("case_id", "status", "reason"), "string"),
    "pairs": "list<string>",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases of a dataset, its pairs of words, and what was estimated of them."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    parser.add_argument("--pairs", type=Path, required=True, help="pairs.parquet of the dataset")
    parser.add_argument("--estimates", type=Path, nargs="+", required=True, help="shards of decompose_information")
    parser.add_argument("--maps-pairs", type=Path, required=True, help="folder of <case_id>.npz of the pairs")
    parser.add_argument("--section", required=True, help="the partial_information section of the configuration, JSON")
    parser.add_argument(
        "--maps", type=Path, required=True, help="folder of the maps of each case; what it holds is deleted"
    )
    parser.add_argument("--output", type=Path, required=True, help="table of the cases to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Average the parts of every case over its pairs; write its maps, the table and its provenance."""
    section = parse_section(PartialInformationSection, args.section)
    check_one_model(args.estimates)
    cases, pairs = read_cases(args.cases), read_shards(args.estimates, read_pairs(args.pairs))
    prior = surprisals(cases, [*pairs["first"], *pairs["second"]], section.word_prior)
    shutil.rmtree(args.maps, ignore_errors=True)  # maps of pairs that are gone
    rows = []
    for case in cases.itertuples(index=False):
        of_case = pairs[(pairs["case_first"] == case.case_id) | (pairs["case_second"] == case.case_id)]
        estimated = of_case[of_case["status"] == "ok"]
        if not estimated.empty:
            write_arrays(args.maps / f"{case.case_id}.npz", _arrays(case, estimated, args.maps_pairs, section, prior))
        rows.append({"case_id": case.case_id, **_status(case, of_case), "pairs": list(estimated["case_id"])})
    table = pd.DataFrame(rows, columns=list(TABLE_COLUMNS))
    write_table(args.output, table, TABLE_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=given(section),
        inputs=[args.cases, args.pairs, *args.estimates],
    )
    counts = table["status"].value_counts()
    print(f"{counts.pop('ok') if 'ok' in counts else 0} of {len(table)} words have parts")
    for status, count in counts.items():
        print(f"{status}: {count}")


def _arrays(
    case: Any, pairs: pd.DataFrame, folder: Path, section: PartialInformationSection, prior: dict[str, float]
) -> dict[str, np.ndarray]:
    """<part>/<estimator>/<draws>: (h, w) float32, nats; pair_draws: those of all pairs together."""
    arrays: dict[str, np.ndarray] = {"pair_draws": np.array(int(pairs["draws"].sum()))}
    draws = int(pairs["draws"].max())
    for estimator in ESTIMATORS:
        parts = average_parts(_means(pairs, folder, estimator), section.map_redundancy, prior)[case.case_id]
        arrays |= {f"{part}/{estimator}/{draws}": rounded_map(parts[part]) for part in PARTS}
    return arrays


def _means(pairs: pd.DataFrame, folder: Path, estimator: str) -> Iterator[tuple[Any, Information]]:
    """Each pair with its information, the mean over replicates."""
    for pair in pairs.itertuples(index=False):
        replicates = read_information(folder / f"{pair.case_id}.npz")[CONDITION, estimator]
        yield pair, replicates.apply(lambda maps: maps.mean(0))


def _status(case: Any, pairs: pd.DataFrame) -> dict[str, str]:
    """Of a case: its own, that of its pairs where all of them failed, or that it has none."""
    if case.status != "ok":
        return {"status": case.status, "reason": case.reason}
    if pairs.empty:
        return {"status": "no_pair", "reason": "the word is in no pair of words that was taken apart."}
    if (pairs["status"] == "ok").any():
        return {"status": "ok", "reason": ""}
    return {"status": str(pairs["status"].iloc[0]), "reason": str(pairs["reason"].iloc[0])}
