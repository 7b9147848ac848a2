"""What an independent classifier sees in the edited pictures of embedded scenes: the word's object, or its partner's."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from infodecomp.config import EditCaptionsSection
from infodecomp.editing.edits import INTERVENTIONS
from infodecomp.pictures.images import load_image
from infodecomp.runs.errors import InputError
from infodecomp.scenes.classifier import SceneClassifier
from infodecomp.scenes.world import CATEGORIES, plural
from infodecomp.words.swaps import swap_partner

# A category counts as seen from this probability on.
SEEN = 0.5

Row = dict[str, Any]

_NAMES = {form: category for category in CATEGORIES for form in (category, plural(category))}


def category_of(word: str) -> str | None:
    """The category of the embedded scenes that a word names, singular or plural, in any case; None if it names none."""
    return _NAMES.get(word.lower())


@dataclass(frozen=True)
class EditJudge:
    """Judges the pictures of a case. maps: folder with one folder of pictures per case."""

    classifier: SceneClassifier
    maps: Path
    captions: EditCaptionsSection

    def judgements(self, case: Any, edit: Any) -> list[Row]:
        """Three rows: what is seen in `unchanged`, `omit` and `swap`. case, edit: its rows of the two tables.

        A row without a judgement gives the reason in status and reason. If the word has no partner among the categories,
        pictures other than `swap` are judged for the word alone: `new` is False and its score NaN.
        """
        rows = {name: self._judgement(case, edit, name) for name in ("unchanged", *INTERVENTIONS)}
        if rows["swap"]["status"] == "ok" and rows["unchanged"]["new"]:
            # Seeing the partner after the swap then proves nothing; what was seen stays in the row.
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
        """The probability of each category, status and reason; no probabilities if the picture cannot be judged."""
        try:
            picture = load_image(file)
        except InputError as error:
            return {}, "image_unreadable", str(error)
        try:
            return self.classifier.probabilities(picture), "ok", ""
        except InputError as error:
            return {}, "picture_size", f"{file}: {error}"

    def _obstacle(self, case: Any, edit: Any, intervention: str) -> tuple[str, str]:
        """Status and reason why a picture cannot be judged, before it is opened; ("ok", "") if there is none."""
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
        return swap_partner(case.prompt_word, self.captions.swaps, self.captions.swap_scope)

    def _partner_category(self, case: Any) -> str | None:
        partner = self._partner(case)
        return None if partner is None else category_of(partner)


def judgement_summary(table: pd.DataFrame) -> str:
    """What was seen in each kind of picture, and why others were not judged: one line each."""
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
