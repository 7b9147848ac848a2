"""Take the information of word pairs apart into tables, and set redundancy beside what omitting a word changes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from infodecomp.config import PartialInformationSection, given, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.maps.one_model import check_one_model
from infodecomp.metrics.partial_information import ATOMS, Atoms, Information, decompose, decompose_replicates
from infodecomp.pairs.estimates import read_information, read_shards
from infodecomp.pairs.markdown import partial_information_markdown
from infodecomp.pairs.omitted_words import CORRELATION_COLUMNS, OMITTED_COLUMNS, correlations, omitted_words
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_path, named_paths
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "tabulate_partial_information"

# A row a pair of words, condition (alone, given_rest), estimator and level. Nats; a failed pair has NaN.
TABLE_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("dataset", "case_id", "image_id", "kind", "first", "second", "caption"), "string"),
    **dict.fromkeys(("condition", "estimator", "level", "measure", "word_prior"), "string"),
    **{f"information_{name}": "float64" for name in ("first", "second", "both")},
    **{f"{name}{suffix}": "float64" for name in ATOMS for suffix in ("", "_error")},
    "intervention": "float64",  # i^s or i^o of the caption against the one that a list puts in its place
    "intervention_error": "float64",
    "draws": "int64",
    **dict.fromkeys(("status", "reason"), "string"),
}

# image: the image's totals, taken apart; pixel: every pixel taken apart, and summed.
LEVELS = ("image", "pixel")
_FEW = 5  # faulty files that are named one by one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs are the cases, pairs and estimates of each dataset, and the edits of those that have been edited."""
    for name, told in {
        "cases": "cases.parquet",
        "pairs": "pairs.parquet",
        "maps": "folder of <case_id>.npz of the pairs",
    }.items():
        parser.add_argument(f"--{name}", nargs="+", required=True, metavar="DATASET=PATH", help=told)
    parser.add_argument("--estimates", nargs="+", required=True, metavar="DATASET=PATH", help="shards, names repeat")
    parser.add_argument("--edits", nargs="*", default=[], metavar="DATASET=PATH", help="shards of edit_images")
    parser.add_argument("--edit-maps", nargs="*", default=[], metavar="DATASET=PATH", help="folder of their maps")
    parser.add_argument("--section", required=True, help="the partial_information section of the configuration, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of the bootstrap")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")


def run(args: argparse.Namespace) -> None:
    """Read the estimates, take them apart, correlate, write the tables."""
    section = parse_section(PartialInformationSection, args.section)
    found = sources(args)
    check_one_model(path for source in found for path in source.estimates)
    frames = [decomposed(source, section) for source in found]
    table = pd.concat(frames, ignore_index=True)[list(TABLE_COLUMNS)]
    words = pd.concat(
        [
            omitted_words(source.name, frame, read_cases(source.cases), source.edits, cast(Path, source.edit_maps))
            for source, frame in zip(found, frames, strict=True)
            if source.edits
        ]
        or [pd.DataFrame(columns=OMITTED_COLUMNS)],
        ignore_index=True,
    )
    correlated = correlations(words, section, args.seed)
    text = partial_information_markdown(table, correlated, section, args.seed)
    folder = args.output_dir
    write_table(folder / "partial_information.parquet", table, TABLE_COLUMNS)
    write_text(folder / "partial_information.csv", csv_text(table))
    write_text(folder / "partial_information.md", text)
    write_text(folder / "partial_information_omitted.csv", csv_text(words))
    write_text(folder / "partial_information_correlations.csv", csv_text(correlated[CORRELATION_COLUMNS]))
    write_provenance(
        folder / "partial_information.provenance.json",
        stage=STAGE,
        section=given(section),
        inputs=[path for source in found for path in source.files],
        extra={"seed": args.seed},
    )
    print(text)


@dataclass(frozen=True)
class Source:
    """Where a dataset lies: its tables, the shards and maps of its pairs, and the shards and maps of its edits, if any."""

    name: str
    cases: Path
    pairs: Path
    maps: Path
    estimates: Sequence[Path]
    edits: Sequence[Path]
    edit_maps: Path | None

    @property
    def files(self) -> list[Path]:
        """The tables."""
        return [self.cases, self.pairs, *self.estimates, *self.edits]


def sources(args: argparse.Namespace) -> list[Source]:
    """The datasets that --pairs names; InputError unless the other arguments name them too."""
    pairs, cases = named_path("--pairs", args.pairs), named_path("--cases", args.cases)
    maps, estimates = named_path("--maps", args.maps), named_paths("--estimates", args.estimates)
    edits, edit_maps = named_paths("--edits", args.edits), named_path("--edit-maps", args.edit_maps)
    others: dict[str, Mapping[str, Any]] = {"--cases": cases, "--maps": maps, "--estimates": estimates}
    problems = [
        f"{flag} lacks {name}, which --pairs names." for flag, of in others.items() for name in pairs if name not in of
    ]
    problems += [f"--edit-maps lacks {name}, which --edits names." for name in edits if name not in edit_maps]
    if problems:
        raise InputError("\n".join(problems))
    return [
        Source(name, cases[name], path, maps[name], estimates[name], edits.get(name, []), edit_maps.get(name))
        for name, path in pairs.items()
    ]


def decomposed(source: Source, section: PartialInformationSection) -> pd.DataFrame:
    """The rows of a dataset, `TABLE_COLUMNS` and the case ids of both words; the maps of one pair at a time."""
    pairs = read_shards(source.estimates, read_pairs(source.pairs))
    prior = surprisals(read_cases(source.cases), [*pairs["first"], *pairs["second"]], section.word_prior)
    rows, problems = list[dict[str, Any]](), list[str]()
    for pair in cast(list[dict[str, Any]], pairs.to_dict("records")):
        try:
            rows += _rows(pair, source, section, prior)
        except InputError as error:
            problems.append(str(error))
    if problems:
        rest = [f"{source.maps}: {len(problems) - _FEW} more files like these."] if problems[_FEW:] else []
        raise InputError("\n".join([*problems[:_FEW], *rest]))
    return pd.DataFrame(rows, columns=[*TABLE_COLUMNS, "case_first", "case_second"])


def _rows(
    pair: Mapping[str, Any], source: Source, section: PartialInformationSection, prior: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    shared = {name: pair[name] for name in (*TABLE_COLUMNS, "case_first", "case_second") if name in pair}
    shared |= {"caption": pair["prompt_full"], "measure": section.redundancy, "word_prior": section.word_prior}
    surprisal = prior[pair["first"].lower()], prior[pair["second"].lower()]
    finished = pair["status"] == "ok"
    maps = read_information(source.maps / f"{pair['case_id']}.npz") if finished else {}

    def of_image(totals: Information) -> Atoms:
        return decompose(totals, section.redundancy, surprisal)

    def of_pixels(maps: Information) -> Atoms:
        return of_image(maps).apply(_summed)

    for condition, estimator in [(c, e) for c in ("alone", "given_rest") for e in ("orthogonal", "standard")]:
        for level in LEVELS:
            row = {**shared, "condition": condition, "estimator": estimator, "level": level}
            row |= {f"intervention{end}": pair[f"intervention_{estimator}_both{end}"] for end in ("", "_error")}
            if finished:
                heats = maps[condition, estimator]
                totals = heats.apply(_summed)
                value, error = (
                    decompose_replicates(heats, of_pixels)
                    if level == "pixel"
                    else decompose_replicates(totals, of_image)
                )
                row |= {f"information_{name}": float(one.mean()) for name, one in vars(totals).items()}
                row |= {name: float(getattr(value, name)) for name in ATOMS}
                row |= {f"{name}_error": float(getattr(error, name)) for name in ATOMS}
            yield row


def _summed(maps: np.ndarray) -> np.ndarray:
    """Over the pixels, the last two axes."""
    return np.asarray(maps.sum((-2, -1)))
