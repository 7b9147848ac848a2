"""The information of word pairs decomposed into redundancy, unique information and synergy: the rows of the table."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, cast

import pandas as pd

from infodecomp.config.settings import TabulatePartialInformation
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.word_pairs import read_pairs, surprisals
from infodecomp.metrics.partial_information import (
    ATOMS,
    Information,
    decompose,
    decompose_replicates,
    summed,
    summed_parts,
)
from infodecomp.pairs.estimates import CONDITIONS, ESTIMATORS, read_information, read_shards
from infodecomp.runs.errors import InputError
from infodecomp.runs.named_paths import named_path, named_paths

# One row per word pair, condition (alone, given_rest), estimator and level. Nats; a failed pair has NaN.
DECOMPOSITION_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("dataset", "case_id", "image_id", "kind", "first", "second", "caption"), "string"),
    **dict.fromkeys(("condition", "estimator", "level", "measure", "word_prior"), "string"),
    **{f"information_{name}": "float64" for name in ("first", "second", "both")},
    **{f"{name}{suffix}": "float64" for name in ATOMS for suffix in ("", "_error")},
    "intervention": "float64",  # i^s or i^o of the caption against the one that a list puts in its place
    "intervention_error": "float64",
    "draws": "int64",
    **dict.fromkeys(("status", "reason"), "string"),
}

# image: the totals of the image, decomposed; pixel: every cell decomposed by itself, then summed.
LEVELS = ("image", "pixel")
_FEW = 5  # how many faulty files are named one by one


@dataclass(frozen=True)
class PairedSource:
    """The files of a dataset: its tables, the shards and maps of its word pairs, and those of its edits, if any."""

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


def paired_sources(args: argparse.Namespace) -> list[PairedSource]:
    """The datasets that --pairs names; InputError unless the other arguments name them too."""
    pairs, cases = named_path("--pairs", args.pairs), named_path("--cases", args.cases)
    maps, estimates = named_path("--maps", args.maps), named_paths("--estimates", args.estimates)
    edits, edit_maps = named_paths("--edits", args.edits), named_path("--edit-maps", args.edit_maps)
    others: dict[str, Mapping[str, Any]] = {"--cases": cases, "--maps": maps, "--estimates": estimates}
    problems = [
        f"{flag} lacks the dataset {name}, which --pairs names."
        for flag, of in others.items()
        for name in pairs
        if name not in of
    ]
    problems += [
        f"--edit-maps lacks the dataset {name}, which --edits names." for name in edits if name not in edit_maps
    ]
    if problems:
        raise InputError("\n".join(problems))
    return [
        PairedSource(name, cases[name], path, maps[name], estimates[name], edits.get(name, []), edit_maps.get(name))
        for name, path in pairs.items()
    ]


def decomposed(source: PairedSource, section: TabulatePartialInformation) -> pd.DataFrame:
    """The rows of a dataset: `DECOMPOSITION_COLUMNS` and the case ids of both words. Maps are read one pair at a time.

    Raises InputError that names the files with faults.
    """
    pairs = read_shards(source.estimates, read_pairs(source.pairs))
    prior = surprisals(read_cases(source.cases), [*pairs["first"], *pairs["second"]], section.word_prior)
    rows, problems = list[dict[str, Any]](), list[str]()
    for pair in cast(list[dict[str, Any]], pairs.to_dict("records")):
        try:
            rows += _rows(pair, source, section, prior)
        except InputError as error:
            problems.append(str(error))
    if problems:
        rest = [f"{source.maps}: {len(problems) - _FEW} more files with faults."] if problems[_FEW:] else []
        raise InputError("\n".join([*problems[:_FEW], *rest]))
    return pd.DataFrame(rows, columns=[*DECOMPOSITION_COLUMNS, "case_first", "case_second"])


def _rows(
    pair: Mapping[str, Any], source: PairedSource, section: TabulatePartialInformation, prior: Mapping[str, float]
) -> Iterator[dict[str, Any]]:
    shared = {name: pair[name] for name in (*DECOMPOSITION_COLUMNS, "case_first", "case_second") if name in pair}
    shared |= {"caption": pair["prompt_full"], "measure": section.redundancy, "word_prior": section.word_prior}
    surprisal = prior[pair["first"].lower()], prior[pair["second"].lower()]
    finished = pair["status"] == "ok"
    maps = read_information(source.maps / f"{pair['case_id']}.npz") if finished else {}
    for condition, estimator, level in product(CONDITIONS, ESTIMATORS, LEVELS):
        row = {**shared, "condition": condition, "estimator": estimator, "level": level}
        row |= {f"intervention{end}": pair[f"intervention_{estimator}_both{end}"] for end in ("", "_error")}
        if finished:
            row |= _atoms(maps[condition, estimator], level, section, surprisal)
        yield row


def _atoms(
    maps: Information, level: str, section: TabulatePartialInformation, surprisal: tuple[float, float]
) -> dict[str, float]:
    """The information of the image and its parts with standard errors. maps: of every replicate, (R, h, w)."""
    totals = maps.apply(summed)
    if level == "pixel":
        value, error = summed_parts(maps, section.redundancy, surprisal)
    else:
        value, error = decompose_replicates(totals, lambda one: decompose(one, section.redundancy, surprisal))
    return {
        **{f"information_{name}": float(one.mean()) for name, one in vars(totals).items()},
        **{name: float(getattr(value, name)) for name in ATOMS},
        **{f"{name}_error": float(getattr(error, name)) for name in ATOMS},
    }
