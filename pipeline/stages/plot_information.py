"""Draw what cases tell: integrands against the log-SNR, and conditional against plain information."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from pipeline.config import FiguresSection, LocalisationSection, given, parse_section
from pipeline.datasets.cases import read_cases
from pipeline.errors import InputError
from pipeline.figures import information_scatter, integrand_curves
from pipeline.figures.integrand_curves import CaseCurves
from pipeline.figures.style import save_figure, sentence_figure
from pipeline.named_paths import named_path, named_paths
from pipeline.provenance import write_provenance
from pipeline.seeds import generator

MOST_CASES = 10  # with curves
NOTHING = "No case has been estimated: there is nothing to show."

_TOTALS = {"mi_orthogonal": "mi", "cmi_orthogonal": "cmi"}
_CURVES = [f"curve_{method}_{estimator}" for method in ("mi", "cmi") for estimator in ("standard", "orthogonal")]
_COLUMNS = ["case_id", "status", *_TOTALS, "curve_logsnr", *_CURVES]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases of the datasets and their shards of `estimate_information`."""
    parser.add_argument("--cases", nargs="+", required=True, metavar="DATASET=PATH", help="cases.parquet a dataset")
    parser.add_argument("--estimates", nargs="+", required=True, metavar="DATASET=PATH", help="shards of estimates")
    parser.add_argument("--curves-of", required=True, help="the dataset whose curves are drawn")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--localisation", required=True, help="bootstrap and confidence, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read the estimates, draw and save both figures."""
    mpl.use("Agg")
    section, bootstrap = (
        parse_section(FiguresSection, args.section),
        parse_section(LocalisationSection, args.localisation),
    )
    cases, shards = named_path("--cases", args.cases), named_paths("--estimates", args.estimates)
    found = {name: read_estimates(cases[name], shards.get(name, [])) for name in cases}
    rng = generator(args.seed, "information_scatter", "bootstrap")
    panels = scatter_panels(found)
    curves = first_of_each_label(found.get(args.curves_of, pd.DataFrame(columns=["label"])), MOST_CASES)
    figures = {
        "integrand_curves": (
            integrand_curves.draw(curves, args.curves_of)
            if curves
            else sentence_figure(integrand_curves.HEADING, NOTHING)
        ),
        "information_scatter": (
            information_scatter.draw(panels, rng, bootstrap.bootstrap, bootstrap.confidence)
            if panels
            else sentence_figure(information_scatter.HEADING, NOTHING)
        ),
    }
    for name, figure in figures.items():
        stem = args.output_dir / name
        save_figure(figure, stem, section.format)
        write_provenance(
            stem.with_name(f"{name}.provenance.json"),
            stage="plot_information",
            section={"figures": section.model_dump(mode="json"), "localisation": given(bootstrap)},
            inputs=[*cases.values(), *(path for paths in shards.values() for path in paths)],
            extra={"seed": args.seed, "curves_of": args.curves_of},
        )


def read_estimates(cases: Path, shards: list[Path]) -> pd.DataFrame:
    """The finished cases of a dataset in their order, with totals (mi, cmi: i^o, nats) and curves.

    Raises InputError for a shard that cannot be read or lacks a column.
    """
    frames = []
    for path in shards:
        try:
            frames.append(pd.read_parquet(path, columns=_COLUMNS))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{path}: this is not a table of estimate_information ({error}).") from error
    estimates = pd.concat(frames) if frames else pd.DataFrame(columns=_COLUMNS)
    estimates = estimates[estimates["status"] == "ok"].drop(columns="status").rename(columns=_TOTALS)
    return read_cases(cases).merge(estimates, on="case_id").sort_values("position", kind="stable")


def scatter_panels(found: Mapping[str, pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    """By class: the nouns of each dataset that has some; by kind of word: all words, once, if there are several kinds."""
    panels = []
    for name, cases in found.items():
        nouns = cases[cases["word_type"].isin(["noun", "unknown"])]
        if len(nouns):
            panels.append((f"{name}, by class", nouns.assign(group=nouns["label"])))
    every = pd.concat(list(found.values())) if found else pd.DataFrame()
    if len(every) and every["word_type"].nunique() > 1:
        # A caption may stand in several datasets with the same word.
        every = every.drop_duplicates(["image_id", "prompt_full", "prompt_word"])
        panels.append(("all words, by kind", every.assign(group=every["word_type"])))
    return panels


def first_of_each_label(cases: pd.DataFrame, most: int) -> list[CaseCurves]:
    """The curves of the first case of each label, of at most so many labels in alphabetical order."""
    rows: list[Any] = list(cases.drop_duplicates("label").sort_values("label").head(most).itertuples(index=False))
    return [
        CaseCurves(
            label=row.label,
            logsnr=np.asarray(row.curve_logsnr, dtype=np.float64),
            integrands={
                (method, estimator): np.asarray(getattr(row, f"curve_{method}_{estimator}"), dtype=np.float64)
                for method in ("mi", "cmi")
                for estimator in ("standard", "orthogonal")
            },
        )
        for row in rows
    ]
