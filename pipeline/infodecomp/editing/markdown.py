"""The tables of the editing study for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import EditingSection
from infodecomp.tables.text import MISSING, markdown_table, percent, percent_interval

HEAD = [
    *("dataset", "level", "intervention", "change", "predictor"),
    *("r", "interval", "±", "Spearman", "n", "failed", "flagged"),
]

CHECK_HEAD = ["dataset", "check", "value", "interval", "n"]

CONTEXT_HEAD = [
    *("dataset", "words", "intervention", "n", "MI iᵒ, nats", "CMI iᵒ, nats", "attention"),
    *("change", "interval", "inside / outside", "word seen %", "partner seen %"),
]

_CONTEXTS = {"all": "all", "implied": "implied", "told": "others"}

_ERRORS = {
    "bootstrap_sd": "standard deviation of r over the resamples",
    "sd_over_10": "standard deviation of r over the resamples, divided by 10 as in the released code: too small",
}

# Check → what it says, and the unit in which it says it.
_CHECKS = {
    "psnr_unchanged_median": ("PSNR of the unchanged picture, median", "dB"),
    "psnr_decoded_median": ("PSNR of `unchanged` against the real picture encoded and decoded, median", "dB"),
    "psnr_autoencoder_median": ("PSNR of the autoencoder alone, median", "dB"),
    "latent_error_median": ("latent error of the unchanged picture, median", ""),
    "noise_variance_median": ("variance of what arrives as noise over that of noise, median (1 is right)", ""),
    "swap_changes_object_more": ("a swap changes the object's region more than the rest", "%"),
    "swap_change_inside_over_outside": ("change by a swap inside the mask over that outside, median", ""),
    "swap_preferred": ("the model prefers the swapped caption after a swap", "%"),
    "swap_flips_preference": ("the model prefers the caption before a swap, and the swapped one after it", "%"),
    "swap_recognised": ("the partner is recognised after a swap", "%"),
    "unchanged_recognised": ("the word's object is recognised in the unchanged picture", "%"),
}


def editing_markdown(
    table: pd.DataFrame,
    checks: pd.DataFrame,
    flagged: pd.DataFrame,
    implied: pd.DataFrame,
    lost_masks: Mapping[str, Mapping[str, int]],
    section: EditingSection,
) -> str:
    """Correlations with three decimals, the checks, and implied words against others, each after what it is.

    Args:
        table: correlations.
        checks: of the edits.
        flagged: a row a case that came back badly.
        implied: a row a dataset, context and intervention.
        lost_masks: dataset → status → number of edited cases whose mask could not be used.
        section: what the captions name.
    """
    correlations = markdown_table(HEAD, 5, [_cells(row) for row in table.to_dict("records")])
    checked = markdown_table(CHECK_HEAD, 2, [_check_cells(row) for row in checks.to_dict("records")])
    contexts = markdown_table(CONTEXT_HEAD, 3, [_context_cells(row) for row in implied.to_dict("records")])
    parts = [
        *(_caption(section), correlations),
        *(_check_caption(section), checked),
        "  \n".join([_flagged_sentence(flagged, section), *_lost_sentences(lost_masks)]),
        *(_context_caption(section), contexts),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        *(row[name] for name in HEAD[:5]),
        _number(row["r"]),
        _interval(row["r_low"], row["r_high"]),
        _number(row["r_error"], 4),
        _number(row["spearman"]),
        *(str(row[name]) for name in ("n", "n_failed", "n_flagged")),
    ]


def _check_cells(row: Mapping[Any, Any]) -> list[str]:
    text, unit = _CHECKS[row["check"]]
    if unit == "%":
        values = [percent(row["value"]), percent_interval(row["low"], row["high"])]
    else:
        values = [_number(row["value"], 2), _interval(row["low"], row["high"], 2)]
    return [row["dataset"], f"{text} ({unit})" if unit else text, *values, str(row["n"])]


def _context_cells(row: Mapping[Any, Any]) -> list[str]:
    return [
        *(row["dataset"], _CONTEXTS[row["context"]], row["intervention"], str(row["n"])),
        *(_number(row[name], 2) for name in ("mi_o", "cmi_o", "attention", "latent_l2")),
        _interval(row["latent_l2_low"], row["latent_l2_high"], 2),
        _number(row["inside_over_outside"], 2),
        *(percent(row[name]) for name in ("word_recognised", "partner_recognised")),
    ]


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else MISSING


def _interval(low: float, high: float, digits: int = 3) -> str:
    """Both ends, with a word between them: they may be negative."""
    return f"{_number(low, digits)} to {_number(high, digits)}" if np.isfinite(low) else MISSING


def _caption(section: EditingSection) -> str:
    return "  \n".join(
        [
            "Does what a word tells about an image foretell how the image changes when the word is left out of its caption "
            "(omit) or replaced (swap)? Change: against the picture that the unchanged caption gives back; latent_l2 and "
            "pixel_l2 are squared differences, ssim is 1 - SSIM.",
            "Level image: Pearson's r, over cases, of the predictor's total with the total change; level pixel: mean over "
            "cases of Pearson's r between the two maps. For swap, CMI is against the swapped caption. mask_area, a "
            "control: the share of the image that the object covers, and the mask itself.",
            f"Interval: {100 * section.confidence:g} % percentile bootstrap over images, {section.bootstrap} resamples; "
            f"±: {_ERRORS[section.error]} (`error: {section.error}`). Differences between predictors with their "
            "intervals are in editing_paired.csv.",
            "n: cases that count; failed: cases without an edit, without a swap, without a mask or with a constant map; "
            "flagged: those of the n whose unchanged picture is below "
            f"{section.min_reconstruction_psnr:g} dB PSNR against the real one.",
        ]
    )


def _check_caption(section: EditingSection) -> str:
    return (
        f"Checks of the edits, with {100 * section.confidence:g} % intervals of the same bootstrap; n: cases that have a "
        "value."
    )


def _flagged_sentence(flagged: pd.DataFrame, section: EditingSection) -> str:
    bound = f"{section.min_reconstruction_psnr:g} dB"
    if flagged.empty:
        return f"Flagged cases, whose unchanged picture is below {bound}: none."
    counts = flagged["dataset"].value_counts(sort=False)
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"Flagged cases, whose unchanged picture is below {bound}: {listed}. They are listed in editing_flagged.csv."


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
        "Edited cases without a usable mask, which are missing from mask_area and from change inside over outside: "
        f"{listed}."
    ]


def _context_caption(section: EditingSection) -> str:
    return (
        "Words that the rest of the caption implies, and others. Implied: less than half of the word's MI is left as CMI "
        "once the rest of the caption is known (both iᵒ). Medians over n cases; change: latent_l2, with its "
        f"{100 * section.confidence:g} % interval; inside / outside: mean change inside the mask over that outside; seen: "
        "share of the edited pictures in which a classifier sees the word's object, or its partner. The same word by word "
        "is in editing_by_word.csv."
    )
