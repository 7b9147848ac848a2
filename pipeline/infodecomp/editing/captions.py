"""The captions of an edit: the original one, the one without the word, and the one with another word in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infodecomp.config import EditCaptionsSection
from infodecomp.words.swaps import swap_partner, swap_word


@dataclass(frozen=True)
class EditCaptions:
    """The three captions of a case. `swap` is "" if the word cannot be swapped; status and reason then say why."""

    unchanged: str
    omit: str
    swap: str
    swap_status: str = "ok"
    swap_reason: str = ""

    @property
    def branches(self) -> dict[str, str]:
        """Caption of each branch; `swap` only if there is one."""
        branches = {"unchanged": self.unchanged, "omit": self.omit, "swap": self.swap}
        return {name: caption for name, caption in branches.items() if name != "swap" or caption}


def case_edit(case: Any, section: EditCaptionsSection) -> EditCaptions:
    """The captions of a case (a row of the cases table) under a configuration."""
    omit = case.prompt_masked if section.omit == "underscore" else case.prompt_context
    partner = swap_partner(case.prompt_word, section.swaps, section.swap_scope)
    if partner is None:
        reason = f"'{case.prompt_word}' is not in the table editing → captions → swaps"
        return EditCaptions(case.prompt_full, omit, "", "no_partner", reason)
    swap = swap_word(case.prompt_full, case.prompt_word, section.swaps, scope=section.swap_scope)
    if swap is None:
        reason = f"'{case.prompt_word}' stands in the caption only inside a longer name of editing → captions → swaps"
        return EditCaptions(case.prompt_full, omit, "", "word_in_longer_name", reason)
    return EditCaptions(case.prompt_full, omit, swap)
