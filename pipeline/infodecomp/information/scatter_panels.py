"""What the scatter of MI and CMI shows: a panel a dataset by class, and one by kind of word."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd


def scatter_panels(found: Mapping[str, pd.DataFrame]) -> list[tuple[str, pd.DataFrame]]:
    """The panels, title and cases, with the column `group` that colours them.

    By class: the nouns of each dataset that has any. By kind of word: the words of all datasets, each once, if there are
    several kinds. found: dataset → its cases with their estimates.
    """
    panels = []
    for name, cases in found.items():
        nouns = cases[cases["word_type"].isin(["noun", "unknown"])]
        if len(nouns):
            panels.append((f"{name}, by class", nouns.assign(group=nouns["label"])))
    every = pd.concat(list(found.values())) if found else pd.DataFrame()
    if len(every) and every["word_type"].nunique() > 1:
        # Several datasets may hold the same caption and word.
        every = every.drop_duplicates(["image_id", "prompt_full", "prompt_word"])
        panels.append(("all words, by kind", every.assign(group=every["word_type"])))
    return panels
