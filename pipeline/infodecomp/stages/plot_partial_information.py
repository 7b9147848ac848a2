"""Draw pairs of words: maps of their four parts, matrices of captions, and redundancy against omission."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infodecomp.config import (
    DatasetSection,
    FiguresSection,
    PartialInformationSection,
    given,
    parse_section,
    parse_sections,
)
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.folders import image_folder
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.figures import omissions, pair_maps, pair_matrices
from infodecomp.figures.style import save_figure, sentence_figure
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.partial_information import ATOMS, decompose
from infodecomp.pairs.estimates import CONDITIONS, read_information
from infodecomp.pictures.images import Resize, fit_image, load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_path
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import read_table
from infodecomp.stages.tabulate_partial_information import TABLE_COLUMNS

STAGE = "plot_partial_information"
PICTURE = 128  # pixels, side of a picture in a row of maps
MATRICES = 6  # captions
NOTHING = "No pair of words has been estimated: there is nothing to show."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the tables of `tabulate_partial_information`, and the pairs with their maps and images."""
    for name, told in {
        "cases": "cases.parquet",
        "pairs": "pairs.parquet",
        "maps": "folder of <case_id>.npz of the pairs",
    }.items():
        parser.add_argument(f"--{name}", nargs="+", required=True, metavar="DATASET=PATH", help=told)
    parser.add_argument("--datasets", required=True, help="the datasets section of the configuration, JSON")
    parser.add_argument("--table", type=Path, required=True, help="partial_information.parquet")
    parser.add_argument("--omitted", type=Path, required=True, help="partial_information_omitted.csv")
    parser.add_argument("--resize", choices=("squeeze", "letterbox"), default="squeeze", help="as the model's images")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--partial-information", required=True, help="the section of that name, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Read the tables, draw and save every figure."""
    mpl.use("Agg")
    section = parse_section(FiguresSection, args.section)
    settings = parse_section(PartialInformationSection, args.partial_information)
    sections = parse_sections(DatasetSection, "--datasets", args.datasets)
    cases, pairs, maps = (named_path(f"--{name}", getattr(args, name)) for name in ("cases", "pairs", "maps"))
    table = read_table(args.table, TABLE_COLUMNS)
    chosen = table[(table["estimator"] == "orthogonal") & (table["level"] == "image") & (table["status"] == "ok")]
    figures: dict[str, Figure] = {}
    for name, path in pairs.items():
        of_dataset = chosen[chosen["dataset"] == name]
        source = _Source(name, cases[name], path, maps[name], image_folder(sections[name]), args.resize, settings)
        figures[f"pair_maps-{name}"] = _maps(source, of_dataset, max(section.panels // 2, 1))
        matrices = caption_matrices(of_dataset[of_dataset["condition"] == "alone"], MATRICES)
        figures[f"pair_matrices-{name}"] = (
            pair_matrices.draw(matrices, name, settings.redundancy)
            if matrices
            else sentence_figure(pair_matrices.HEADING, NOTHING)
        )
    figures["omissions"] = _omissions(args.omitted, settings, args.seed)
    for name, figure in figures.items():
        save_figure(figure, args.output_dir / name, section.format)
        write_provenance(
            args.output_dir / f"{name}.provenance.json",
            stage=STAGE,
            section={"figures": given(section), "partial_information": given(settings)},
            inputs=[args.table, args.omitted, *pairs.values()],
            extra={"seed": args.seed},
        )


def at_even_ranks(table: pd.DataFrame, count: int) -> list[str]:
    """Case ids of so many pairs, from the smallest share of redundancy in what both words tell to the largest.

    table: rows of one condition. Nothing but the rank of the share plays a part; equal shares go by the case id.
    """
    ranked = table.assign(share=table["redundancy"] / table["information_both"]).sort_values(["share", "case_id"])
    places = np.unique(np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int))
    return [str(case) for case in ranked["case_id"].to_numpy()[places]]


def caption_matrices(table: pd.DataFrame, most: int) -> list[pair_matrices.Matrix]:
    """The captions with the most words, at most so many, in order of their number of words.

    table: rows of one condition, estimator and level.
    """
    found = []
    for (_, caption), rows in table.groupby(["image_id", "caption"], sort=False):
        words = sorted({*rows["first"], *rows["second"]}, key=lambda word: (str(caption).find(word), word))
        place = {word: number for number, word in enumerate(words)}
        redundancy, synergy = (np.full((len(words), len(words)), np.nan) for _ in range(2))
        told = np.full(len(words), np.nan)
        for row in rows.to_dict("records"):
            first, second = place[row["first"]], place[row["second"]]
            redundancy[first, second] = redundancy[second, first] = row["redundancy"]
            synergy[first, second] = synergy[second, first] = row["synergy"]
            told[first], told[second] = row["information_first"], row["information_second"]
        found.append(pair_matrices.Matrix(str(caption), words, redundancy, synergy, told))
    return sorted(found, key=lambda matrix: -len(matrix.words))[:most]


@dataclass(frozen=True)
class _Source:
    """A dataset: where its tables, maps and images lie, and how images are fitted and information is taken apart."""

    name: str
    cases: Path
    pairs: Path
    maps: Path
    images: Path
    resize: Resize
    settings: PartialInformationSection


def _maps(source: _Source, table: pd.DataFrame, count: int) -> Figure:
    of_condition = {name: table[table["condition"] == name].set_index("case_id") for name in CONDITIONS}
    alone = of_condition["alone"]
    if alone.empty:
        return sentence_figure(pair_maps.HEADING, NOTHING)
    pairs = read_pairs(source.pairs).set_index("case_id")
    shown = at_even_ranks(alone.reset_index(), count)
    prior = surprisals(read_cases(source.cases), [*alone["first"], *alone["second"]], source.settings.word_prior)
    rows = []
    for case in shown:
        pair: Any = pairs.loc[case]
        found = read_information(source.maps / f"{case}.npz")
        surprisal = prior[pair["first"].lower()], prior[pair["second"].lower()]
        maps = {}
        for condition in CONDITIONS:
            mean = found[condition, "orthogonal"].apply(lambda one: one.mean(0))
            atoms = decompose(mean, source.settings.redundancy, surprisal)
            maps[condition] = np.stack([getattr(atoms, name) for name in ATOMS])
        picture = fit_image(load_image(source.images / pair["image_path"]), (PICTURE, PICTURE), source.resize)
        rows.append(
            pair_maps.Row(
                caption=pair["prompt_full"],
                first=pair["first"],
                second=pair["second"],
                image=np.asarray(picture),
                alone=maps["alone"],
                given_rest=maps["given_rest"],
                totals=_numbers(of_condition, case, ""),
                errors=_numbers(of_condition, case, "_error"),
            )
        )
    return pair_maps.draw(rows, pair_maps.note(len(rows), len(alone), source.name, source.settings.redundancy))


def _numbers(of_condition: Mapping[str, pd.DataFrame], case: str, suffix: str) -> np.ndarray:
    return np.array([[of_condition[name].loc[case, f"{atom}{suffix}"] for atom in ATOMS] for name in CONDITIONS], float)


def _omissions(path: Path, settings: PartialInformationSection, seed: int) -> Figure:
    try:
        words = pd.read_csv(path, dtype={"image_id": str})
        image = words["image_id"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: this is not a table of words left out ({error}).") from error
    weights = {}
    words["image"] = 0
    for name, rows in words.groupby("dataset", sort=False):
        numbers, images = pd.factorize(image[rows.index], sort=True)
        words.loc[rows.index, "image"] = numbers
        rng = generator(seed, str(name), "omitted words")
        weights[str(name)] = resample_weights(len(images), settings.bootstrap, rng)
    return omissions.draw(words, weights, settings.redundancy, settings.confidence)
