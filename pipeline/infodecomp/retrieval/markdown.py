"""The table of the retrieval study for people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from infodecomp.config import RetrievalDatasetSection
from infodecomp.config.settings import TabulateRetrieval
from infodecomp.config.unfamiliar import without_meaning
from infodecomp.tables.markdown import lines, markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import decimals, percent, percent_interval

COLUMNS = [
    *(words("dataset"), words("method")),
    *(numbers("n"), numbers("failed", "n_failed"), numbers("ties")),
    numbers("micro %", "micro", percent),
    numbers("interval %", lambda row: percent_interval(row["micro_low"], row["micro_high"])),
    numbers("macro %", "macro", percent),
    numbers("interval %", lambda row: percent_interval(row["macro_low"], row["macro_high"])),
    numbers("macro asymmetric %", "macro_asymmetric", percent),
    numbers("chance %", "chance", percent),
    numbers("evaluations per case", "evaluations_per_case", decimals(1)),
]

_TIES = {
    "half": "a true option that shares the top with k others counts 1/(1 + k)",
    "wrong": "such a case counts as wrong",
    "right": "such a case counts as right where no option of another text scores higher",
    "drop": "such a case does not count and is not in n",
}


def retrieval_markdown(
    table: pd.DataFrame, section: TabulateRetrieval, datasets: Mapping[str, RetrievalDatasetSection]
) -> str:
    """Percent with one decimal, after lines that say what the numbers are."""
    return paragraphs(
        *without_meaning(section.unfamiliar, table["dataset"]),
        _caption(table, section, datasets),
        markdown_table(COLUMNS, records(table)),
    )


def _caption(table: pd.DataFrame, section: TabulateRetrieval, datasets: Mapping[str, RetrievalDatasetSection]) -> str:
    grouped = set(table.loc[np.isfinite(table["macro"]), "dataset"])
    smallest = ", ".join(f"{name} {datasets[name].minimum_group}" for name in datasets if name in grouped)
    confidence = f"{100 * section.statistics.confidence:g} %"
    return lines(
        "n: cases that count; failed: cases without a score, with reasons in the score files; ties: cases in "
        "which another option reads like the true one, or shares the highest score with it: "
        f"{_TIES[section.table.ties]} (`ties: {section.table.ties}`).",
        f"Micro: share of the n cases with the highest score for the true option, with {confidence} Wilson "
        "interval (cases taken as independent); chance: mean of 1 / number of options.",
        "Macro: mean over groups (relations, attribute pairs) with equal weights, with "
        f"{confidence} percentile bootstrap over groups, {section.statistics.bootstrap} resamples; groups with fewer cases "
        f"than `minimum_group` are left out ({smallest or 'no dataset has groups'}). Macro asymmetric: without "
        "relations that read the same both ways.",
        "Evaluations per case: mean number of denoiser evaluations for all options of a case, if the method ran alone.",
    )
