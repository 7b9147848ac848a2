"""The tables of the editing study for people."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from infodecomp.config.settings import TabulateEditing
from infodecomp.config.unfamiliar import without_meaning
from infodecomp.tables.markdown import Row, lines, markdown_table, numbers, paragraphs, records, words
from infodecomp.tables.text import decimals, interval, percent, percent_interval

COLUMNS = [
    *map(words, ("dataset", "level", "intervention", "change", "predictor")),
    numbers("r", text=decimals(3)),
    numbers("interval", lambda row: interval(row["r_low"], row["r_high"], 3)),
    numbers("±", "r_error", decimals(4)),
    numbers("Spearman", "spearman", decimals(3)),
    *(numbers("n"), numbers("failed", "n_failed"), numbers("flagged", "n_flagged")),
]

_CONTEXTS = {"all": "all", "implied": "implied", "not_implied": "others"}

_CONTEXT_COLUMNS = [
    words("dataset"),
    words("words", "context", _CONTEXTS.__getitem__),
    words("intervention"),
    numbers("n"),
    numbers("MI iᵒ, nats", "mi_o", decimals(2)),
    numbers("CMI iᵒ, nats", "cmi_o", decimals(2)),
    numbers("attention", text=decimals(2)),
    numbers("change", "latent_l2", decimals(2)),
    numbers("interval", lambda row: interval(row["latent_l2_low"], row["latent_l2_high"], 2)),
    numbers("inside / outside", "inside_over_outside", decimals(2)),
    numbers("word seen %", "word_recognised", percent),
    numbers("partner seen %", "partner_recognised", percent),
]

_ERRORS = {
    "bootstrap_sd": "standard deviation of r over the resamples",
    "sd_over_10": "standard deviation of r over the resamples, divided by 10 as in the released code: too small",
}

# Check → its description and its unit.
_CHECKS = {
    "psnr_unchanged_median": ("PSNR of the unchanged picture, median", "dB"),
    "psnr_decoded_median": ("PSNR of `unchanged` against the real picture encoded and decoded, median", "dB"),
    "psnr_autoencoder_median": ("PSNR of the autoencoder alone, median", "dB"),
    "latent_error_median": ("latent error of the unchanged picture, median", ""),
    "noise_variance_median": (
        "variance of the inverted noise over that of true noise, median (1 is right)",
        "",
    ),
    "swap_changes_object_more": ("a swap changes the object's region more than the rest", "%"),
    "swap_change_inside_over_outside": ("change by a swap inside the mask over that outside, median", ""),
    "swap_preferred": ("the model prefers the swapped caption after a swap", "%"),
    "swap_flips_preference": ("the model prefers the caption before a swap, and the swapped one after it", "%"),
    "swap_recognised": ("the partner is recognised after a swap", "%"),
    "unchanged_recognised": ("the word's object is recognised in the unchanged picture", "%"),
}


def _check_value(row: Row) -> str:
    return percent(row["value"]) if _CHECKS[row["check"]][1] == "%" else decimals(2)(row["value"])


def _check_interval(row: Row) -> str:
    low, high = row["low"], row["high"]
    return percent_interval(low, high) if _CHECKS[row["check"]][1] == "%" else interval(low, high, 2)


def _described(check: str) -> str:
    text, unit = _CHECKS[check]
    return f"{text} ({unit})" if unit else text


_CHECK_COLUMNS = [
    *(words("dataset"), words("check", text=_described)),
    *(numbers("value", _check_value), numbers("interval", _check_interval), numbers("n")),
]


def editing_markdown(
    table: pd.DataFrame,
    checks: pd.DataFrame,
    flagged: pd.DataFrame,
    implied: pd.DataFrame,
    lost_masks: Mapping[str, Mapping[str, int]],
    section: TabulateEditing,
) -> str:
    """Correlations with three decimals, the checks, and implied words against others, each under its caption.

    Args:
        table: correlations.
        checks: of the edits.
        flagged: a row per case that was badly reconstructed.
        implied: a row per dataset, context and intervention.
        lost_masks: dataset → status → number of edited cases whose mask could not be used.
        section: settings that the captions name.
    """
    return paragraphs(
        *without_meaning(section.unfamiliar, table["dataset"]),
        *(_caption(section), markdown_table(COLUMNS, records(table))),
        *(_check_caption(section), markdown_table(_CHECK_COLUMNS, records(checks))),
        lines(_flagged_sentence(flagged, section), *_lost_sentences(lost_masks)),
        *(_context_caption(section), markdown_table(_CONTEXT_COLUMNS, records(implied))),
    )


def _caption(section: TabulateEditing) -> str:
    return lines(
        "Does a word's information about an image predict how the image changes when the word is left out of its caption "
        "(omit) or replaced (swap)? Change: relative to the picture that the unchanged caption reconstructs; latent_l2 and "
        "pixel_l2 are squared differences, ssim is 1 - SSIM.",
        "Level image: Pearson's r, over cases, of the predictor's total with the total change; level pixel: mean over "
        "cases of Pearson's r between the two maps. For swap, CMI is against the swapped caption. mask_area, a "
        "control: the share of the image that the object covers, and the mask itself.",
        f"Interval: {100 * section.statistics.confidence:g} % percentile bootstrap over images, "
        f"{section.statistics.bootstrap} resamples; "
        f"±: {_ERRORS[section.table.error]} (`error: {section.table.error}`). Differences between predictors with their "
        "intervals are in editing_paired.csv.",
        "n: cases that count; failed: cases without an edit, without a swap, without a mask or with a constant map; "
        "flagged: those of the n whose reconstruction under the unchanged caption is below "
        f"{section.table.min_reconstruction_psnr:g} dB PSNR against the real picture.",
    )


def _check_caption(section: TabulateEditing) -> str:
    return (
        f"Checks of the edits, with {100 * section.statistics.confidence:g} % intervals from the same bootstrap; n: cases "
        "that have a value."
    )


def _flagged_sentence(flagged: pd.DataFrame, section: TabulateEditing) -> str:
    bound = f"{section.table.min_reconstruction_psnr:g} dB"
    if flagged.empty:
        return f"Flagged cases, whose reconstruction is below {bound}: none."
    counts = flagged["dataset"].value_counts(sort=False)
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"Flagged cases, whose reconstruction is below {bound}: {listed}. They are listed in editing_flagged.csv."


def _lost_sentences(lost_masks: Mapping[str, Mapping[str, int]]) -> list[str]:
    """One line if any mask could not be used."""
    listed = "; ".join(
        f"{name} " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        for name, counts in lost_masks.items()
        if counts
    )
    if not listed:
        return []
    return [
        f"Edited cases without a usable mask, missing from mask_area and from change inside over outside: {listed}."
    ]


def _context_caption(section: TabulateEditing) -> str:
    return (
        "Words that the rest of the caption implies, and others. Implied: the word's CMI is less than half of its MI "
        "(both iᵒ). Medians over n cases; change: latent_l2, with its "
        f"{100 * section.statistics.confidence:g} % interval; inside / outside: mean change inside the mask over "
        "that outside; seen: "
        "share of the edited pictures in which a classifier sees the word's object, or its partner. The same word by word "
        "is in editing_by_word.csv."
    )
