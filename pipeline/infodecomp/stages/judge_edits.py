"""Say what an independent classifier sees in the edited pictures of embedded scenes: the word's object, or its partner's."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from infodecomp.config import EditingSection, given, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.editing.edits import INTERVENTIONS, JUDGEMENT_COLUMNS, read_edits
from infodecomp.pictures.images import load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import folder_sha256, write_provenance
from infodecomp.runs.storage import write_table
from infodecomp.scenes.classifier import SceneClassifier, load_classifier
from infodecomp.scenes.world import CATEGORIES, plural
from infodecomp.words.swaps import swap_partner

STAGE = "judge_edits"

# A category is seen from this probability on.
SEEN = 0.5

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases, the table of edits and the pictures of one dataset, and the classifier."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table of the dataset (Parquet)")
    parser.add_argument("--edits", required=True, nargs="+", type=Path, help="shards of the table of edits (Parquet)")
    parser.add_argument("--maps", required=True, type=Path, help="folder with <case>/{unchanged,omit,swap}.png")
    parser.add_argument("--classifier", required=True, type=Path, help="folder of the classifier")
    parser.add_argument("--section", required=True, help="the editing section of the configuration as JSON")
    parser.add_argument("--output", required=True, type=Path, help="table of the judgements (Parquet)")
    parser.add_argument("--threads", default=None, type=int, help="CPU threads")


def run(args: argparse.Namespace) -> None:
    """Judge all pictures of a dataset."""
    section = parse_section(EditingSection, args.section)
    if args.threads:
        torch.set_num_threads(args.threads)
    cases = read_cases(args.cases)
    edits = read_edits(args.edits, cases)
    judge = Judge(load_classifier(args.classifier), args.maps, section)
    rows: list[Row] = []
    with Progress(STAGE, len(cases), "cases") as progress:
        for case, edit in zip(cases.itertuples(index=False), edits.itertuples(index=False), strict=True):
            rows += judge.judgements(case, edit)
            progress.advance()
    table = pd.DataFrame(rows, columns=list(JUDGEMENT_COLUMNS))
    write_table(args.output, table, JUDGEMENT_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=given(section),
        inputs=[args.cases, *args.edits],
        extra={"classifier": folder_sha256(args.classifier)},
    )
    print(summary(table), flush=True)


def category_of(word: str) -> str | None:
    """The category of the closed world that a word names, in singular or plural and any case; None if it names none."""
    return _NAMES.get(word.lower())


_NAMES = {form: category for category in CATEGORIES for form in (category, plural(category))}


@dataclass(frozen=True)
class Judge:
    """Looks at the pictures of a case. `maps` holds a folder of pictures a case."""

    classifier: SceneClassifier
    maps: Path
    section: EditingSection

    def judgements(self, case: Any, edit: Any) -> list[Row]:
        """Three rows: what is seen in `unchanged`, `omit` and `swap`. case, edit: its rows of the two tables.

        A row without a judgement says why in status and reason. Where the word has no partner in the world, pictures
        other than `swap` are judged for the word alone: `new` is False and its score NaN.
        """
        rows = {name: self._judgement(case, edit, name) for name in ("unchanged", *INTERVENTIONS)}
        if rows["swap"]["status"] == "ok" and rows["unchanged"]["new"]:
            # Seeing the partner after the swap then tells nothing; what was seen stays in the row.
            reason = f"a {self._partner_category(case)} is in the unchanged picture already"
            rows["swap"] |= {"status": "partner_there_before", "reason": reason}
        return list(rows.values())

    def _judgement(self, case: Any, edit: Any, intervention: str) -> Row:
        old, new = category_of(case.prompt_word), self._partner_category(case)
        status, reason = self._obstacle(case, edit, intervention)
        file = self.maps / case.case_id / f"{intervention}.png"
        seen: dict[str, float] = {}
        if status == "ok":
            seen, status, reason = self._seen(file)
        old_score, new_score = seen.get(old or "", math.nan), seen.get(new or "", math.nan)
        return {
            "case_id": case.case_id,
            "intervention": intervention,
            "old": old_score >= SEEN,
            "new": new_score >= SEEN,
            "old_score": old_score,
            "new_score": new_score,
            "status": status,
            "reason": reason,
        }

    def _seen(self, file: Path) -> tuple[dict[str, float], str, str]:
        """The probability of each category, status and reason; no probabilities for a picture that cannot be looked at."""
        try:
            picture = load_image(file)
        except InputError as error:
            return {}, "image_unreadable", str(error)
        try:
            return self.classifier.probabilities(picture), "ok", ""
        except InputError as error:
            return {}, "picture_size", f"{file}: {error}"

    def _obstacle(self, case: Any, edit: Any, intervention: str) -> tuple[str, str]:
        """Status and reason of a picture before it is looked at; ("ok", "") if nothing stands in the way."""
        if edit.status != "ok":
            return edit.status, edit.reason
        if category_of(case.prompt_word) is None:
            return "no_category", f"'{case.prompt_word}' names no category of the embedded scenes"
        if intervention == "swap" and edit.swap_status != "ok":
            return edit.swap_status, edit.swap_reason
        if intervention == "swap" and self._partner_category(case) is None:
            return "no_category", f"'{self._partner(case)}' names no category of the embedded scenes"
        return "ok", ""

    def _partner(self, case: Any) -> str | None:
        return swap_partner(case.prompt_word, self.section.swaps, self.section.swap_scope)

    def _partner_category(self, case: Any) -> str | None:
        partner = self._partner(case)
        return None if partner is None else category_of(partner)


def summary(table: pd.DataFrame) -> str:
    """What was seen in each kind of picture, and why others were not judged: a line each."""
    lines = []
    for intervention, rows in table.groupby("intervention", sort=False):
        judged = rows[rows["status"] == "ok"]
        lost = Counter(rows.loc[rows["status"] != "ok", "status"])
        counted = f"{len(judged)} pictures" + "".join(f", {count} {status}" for status, count in sorted(lost.items()))
        paired = judged["new"][judged["new_score"].notna()]
        shares = f"word seen in {_share(judged['old'])}, partner in {_share(paired)}"
        lines.append(f"{intervention:9} {shares} ({counted})")
    return "\n".join(lines)


def _share(seen: pd.Series) -> str:
    return f"{100 * seen.mean():.1f} %" if len(seen) else "none"
