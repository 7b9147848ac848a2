"""The table of the localisation study for people."""

from __future__ import annotations

import pandas as pd

from infodecomp.config.settings import TabulateLocalisation
from infodecomp.config.unfamiliar import without_meaning
from infodecomp.tables.markdown import lines, markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import decimals, or_missing, percent, percent_interval

COLUMNS = [
    *(words("dataset"), words("method"), words("estimator"), words("threshold mode", "threshold_mode")),
    numbers("steps", text=or_missing),
    numbers("threshold", text=decimals(3)),
    *(numbers("n"), numbers("failed", "n_failed")),
    numbers("mIoU %", "miou", percent),
    numbers("interval %", lambda row: percent_interval(row["miou_low"], row["miou_high"])),
    numbers("average precision %", "average_precision", percent),
    numbers("pointing game %", "pointing_game", percent),
    numbers("named hotter %", "named_hotter", percent),
    numbers("evaluations per image", "evaluations_per_image"),
]


_BOXED = "Filled boxes: cases whose mask is made of boxes, in which maps of whole objects score too low."


def localisation_markdown(table: pd.DataFrame, section: TabulateLocalisation) -> str:
    """Percent with one decimal, after lines that say what the numbers are."""
    boxed = bool(table["n_boxed"].any())
    caption = lines(
        "n: cases (image, word) scored; failed: cases without a score, with reasons in scores.parquet; interval: "
        f"{100 * section.statistics.confidence:g} % percentile bootstrap over images, "
        f"{section.statistics.bootstrap} resamples; named "
        "hotter: share of the cases whose image has another labelled object.",
        "Threshold mode: oracle = the best of all thresholds on the same cases, chosen anew in each resample (as "
        "published); held_out = the best on one half of the images, scored on the other half, both ways (threshold: "
        "mean of the two).",
        *([_BOXED] if boxed else []),
    )
    columns = [*COLUMNS[:8], numbers("filled boxes", "n_boxed"), *COLUMNS[8:]] if boxed else COLUMNS
    return paragraphs(
        *without_meaning(section.unfamiliar, table["dataset"]), caption, markdown_table(columns, records(table))
    )
