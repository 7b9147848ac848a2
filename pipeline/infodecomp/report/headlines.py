"""The overview's tables: what the study found, with intervals, from the tables for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from infodecomp.figures.style import dataset_title, method_style
from infodecomp.metrics.faithfulness import AREAS, verdict
from infodecomp.pairs.markdown import ALL_KINDS, PREDICTOR_NAMES
from infodecomp.report.html import Markup, interval, table, tag
from infodecomp.report.layout import StudyFolder, read_csv, rows
from infodecomp.tables.text import MISSING, percent, percent_interval

_ESTIMATORS = {"orthogonal": "iᵒ", "standard": "iˢ", "-": ""}
_QUANTITIES = {"i_s": "iˢ", "i_o": "iᵒ"}
_PREDICTORS = {
    "cmi_s": "CMI iˢ",
    "cmi_o": "CMI iᵒ",
    "mi_s": "MI iˢ",
    "mi_o": "MI iᵒ",
    "mask_area": "object's area (control)",
}


def headlines(study: StudyFolder) -> list[tuple[str, str, Markup]]:
    """(id, title, tables) of each part of the study that has results."""
    parts = [
        ("localisation", "Do the maps find the object?", _localisation(read_csv(study.table("localisation.csv")))),
        ("retrieval", "Which caption is true?", _retrieval(read_csv(study.table("retrieval.csv")))),
        ("editing", "Do the maps foretell an edit?", _editing(read_csv(study.table("editing.csv")))),
        (
            "partial_information",
            "Can a redundant word be left out?",
            _redundancy(read_csv(study.table("partial_information_correlations.csv"))),
        ),
        ("faithfulness", "Are the maps true to the model?", _faithfulness(read_csv(study.table("faithfulness.csv")))),
        ("validation", "Is the estimator right?", _validation(read_csv(study.table("validation.csv")))),
        ("paper", "The published numbers beside ours", _paper(read_csv(study.table("paper_comparison.csv")))),
    ]
    return [part for part in parts if part[2]]


def _localisation(frame: pd.DataFrame) -> Markup:
    """mIoU at held-out thresholds, each method at its largest number of steps, best first."""
    if frame.empty:
        return Markup("")
    held_out = frame[frame["threshold_mode"] == "held_out"]
    keys = ["dataset", "method", "estimator"]
    largest = held_out.sort_values("steps", kind="stable").groupby(keys, sort=False).tail(1)
    tables = []
    for dataset, part in largest.groupby("dataset", sort=False):
        body = [
            [
                f"{method_style(row['method']).label} {_ESTIMATORS.get(row['estimator'], row['estimator'])}".strip(),
                percent(row["miou"]),
                percent_interval(row["miou_low"], row["miou_high"]),
                interval(row["miou"], row["miou_low"], row["miou_high"], ends=(0, 1)),
                percent(row["average_precision"]),
                percent(row["pointing_game"]),
                row["n"],
                row["n_failed"],
            ]
            for row in rows(part.sort_values("miou", ascending=False, kind="stable"))
        ]
        head = ["method", "mIoU %", "95 % interval", "0–100", "average precision %", "pointing game %", "n", "failed"]
        caption = f"{dataset}: mean IoU at the best threshold of the other half of the images; {_intervals('images')}"
        tables.append(table(head, body, words=1, caption=caption))
    return Markup("".join(tables))


def _retrieval(frame: pd.DataFrame) -> Markup:
    """Share of cases whose true caption scores highest: a row a method and a column a dataset."""
    if frame.empty:
        return Markup("")
    datasets = list(dict.fromkeys(frame["dataset"]))
    found = {(row["dataset"], row["method"]): row for row in rows(frame)}
    body = [
        [method_style(method).label, *(_accuracy(found.get((dataset, method))) for dataset in datasets)]
        for method in dict.fromkeys(frame["method"])
    ]
    head = ["method", *(_titled(dataset) for dataset in datasets)]
    counts = ", ".join(sorted({str(n) for n in frame["n"]}))
    caption = (
        "Share of images, in percent, whose true caption has the highest score, with 95 % Wilson interval; "
        f"the faint line is chance. Cases a set: {counts}."
    )
    return table(head, body, words=1, caption=caption)


def _titled(dataset: str) -> Markup:
    title = dataset_title(dataset)
    return Markup(tag("span", title.question) + tag("small", title.source or dataset))


def _accuracy(row: Mapping[str, Any] | None) -> Markup:
    if row is None:
        return Markup(MISSING)
    value, low, high = row["micro"], row["micro_low"], row["micro_high"]
    dots = interval(value, low, high, ends=(0, 1), mark=row["chance"])
    return Markup(tag("b", percent(value)) + tag("small", percent_interval(low, high)) + dots)


def _editing(frame: pd.DataFrame) -> Markup:
    """Correlations of predictors with the change of the latent: over cases, and over the cells of a case's maps."""
    if frame.empty:
        return Markup("")
    chosen = frame[frame["change"] == "latent_l2"]
    columns = [(level, intervention) for intervention in ("omit", "swap") for level in ("pixel", "image")]
    tables = []
    for dataset, part in chosen.groupby("dataset", sort=False):
        found = {(row["predictor"], row["level"], row["intervention"]): row for row in rows(part)}
        body = [
            [
                _PREDICTORS.get(predictor, predictor),
                *(_correlation(found.get((predictor, *column))) for column in columns),
            ]
            for predictor in dict.fromkeys(part["predictor"])
        ]
        names = {"omit": "word left out", "swap": "word swapped"}
        levels = {"pixel": "within images", "image": "across images"}
        head = ["map", *(Markup(tag("span", names[i]) + tag("small", levels[level])) for level, i in columns)]
        caption = (
            f"{dataset}: Pearson's r of a map with the change of the latent; within images over the cells of each, "
            f"averaged; across images over totals; {_intervals('images')} Cases: {part['n'].max()}."
        )
        tables.append(table(head, body, words=1, caption=caption))
    return Markup("".join(tables))


def _redundancy(frame: pd.DataFrame) -> Markup:
    """Correlations, over words of pairs of all kinds, of what is to foretell an omission with the change of the latent."""
    if frame.empty:
        return Markup("")
    chosen = frame[frame["kind"] == ALL_KINDS]
    found = {(row["predictor"], row["dataset"]): row for row in rows(chosen)}
    datasets = list(dict.fromkeys(chosen["dataset"]))
    body = [
        [PREDICTOR_NAMES[predictor], *(_correlation(found.get((predictor, dataset))) for dataset in datasets)]
        for predictor in dict.fromkeys(chosen["predictor"])
    ]
    caption = (
        "Pearson's r, over words of pairs, of what two words share or not (iᵒ of the image) with the change of the latent "
        f"when the word is left out of its caption; {_intervals('images')} Words: {chosen['n'].max()}."
    )
    return table(["of the word", *datasets], body, words=1, caption=caption)


def _correlation(row: Mapping[str, Any] | None) -> Markup:
    if row is None or not math.isfinite(row["r"]):
        return Markup(MISSING)
    ends = tag("small", f"{row['r_low']:.2f} to {row['r_high']:.2f}")
    dots = interval(row["r"], row["r_low"], row["r_high"], ends=(-1, 1), mark=0.0)
    return Markup(tag("b", f"{row['r']:.2f}") + ends + dots)


def _faithfulness(frame: pd.DataFrame) -> Markup:
    """A row a map: areas under the curves in nats, and rank correlations with other maps."""
    if frame.empty:
        return Markup("")
    heads = {
        "deletion_i_o": ("deletion iᵒ, nats", "highest pixels taken away"),
        "insertion_i_o": ("insertion iᵒ, nats", "highest pixels come back"),
        "deletion_i_s": ("deletion iˢ, nats", "highest pixels taken away"),
        "insertion_i_s": ("insertion iˢ, nats", "highest pixels come back"),
        "editing": ("editing", "ρ with what changes"),
        "stability": ("another seed", "ρ with the map made again"),
        "weights": ("shuffled weights", "ρ with the map made again"),
    }
    tables = []
    for dataset, part in frame.groupby("dataset", sort=False):
        body = [
            [
                f"{method_style(str(method)).label} {_ESTIMATORS.get(str(estimator), estimator)}".strip(),
                *(_measured(measures[name], 1 if name in AREAS else 2) for name in heads),
                verdict(measures["sanity"]["low"]),
            ]
            for (method, estimator), of_map in part.groupby(["method", "estimator"], sort=False)
            if (measures := {row["measure"]: row for row in rows(of_map)})
        ]
        head = ["map", *(Markup(tag("span", name) + tag("small", detail)) for name, detail in heads.values()), "sanity"]
        caption = (
            f"{dataset}: on average over shares of the pixels, how much more the word moves the prediction (iᵒ) and how "
            "much less likely the caption is than the caption without the word (iˢ) while the pixels are missing; ρ is "
            "Spearman's; a map fails that shuffled weights change no "
            f"more than another seed does. {_intervals('images')} Cases: {part['n'].max()}."
        )
        tables.append(table(head, body, words=1, caption=caption))
    return Markup("".join(tables))


def _measured(row: Mapping[str, Any], digits: int) -> Markup:
    if not math.isfinite(row["value"]):
        return Markup(MISSING)
    ends = tag("small", f"{row['low']:.{digits}f} to {row['high']:.{digits}f}")
    return Markup(tag("b", f"{row['value']:.{digits}f}") + ends)


def _validation(frame: pd.DataFrame) -> Markup:
    """Error and coverage of totals at the largest number of draws, on problems whose information is known."""
    if frame.empty:
        return Markup("")
    totals = frame[(frame["level"] == "total") & (frame["steps"] == frame["steps"].max())]
    body = [
        [
            row["problem"],
            _QUANTITIES.get(row["quantity"], row["quantity"]),
            row["design"]
            + (", ±ε" if row["antithetic"] else "")
            + ("" if row["density"] == "logistic" else f", {row['density']}"),
            f"{row['truth']:.3g}",
            f"{100 * row['bias']:+.1f} ± {100 * row['bias_error']:.1f}",
            f"{100 * row['rmse']:.1f}",
            percent(row["coverage"]),
            percent_interval(row["coverage_low"], row["coverage_high"]),
            interval(row["coverage"], row["coverage_low"], row["coverage_high"], ends=(0.8, 1), mark=0.95),
        ]
        for row in rows(totals)
    ]
    head = ["problem", "quantity", "design", "truth, nats", "bias %", "error %", "coverage %", "interval", "80–100"]
    caption = (
        f"Totals from {frame['steps'].max()} draws: bias and root mean square error in percent of the truth; coverage: "
        f"how often the interval of a run holds the truth, with 95 % Wilson interval, {totals['n'].max()} runs."
    )
    return table(head, body, words=3, caption=caption)


def _paper(frame: pd.DataFrame) -> Markup:
    """A row a published number, in the units of its table."""
    if frame.empty:
        return Markup("")
    body = [
        [
            row["dataset"],
            row["method"],
            "" if pd.isna(row["setting"]) else row["setting"],
            f"{row['published']:.3g}",
            _with_interval(row, "ours", "not run"),
            _with_interval(row, "stand_in", MISSING),
        ]
        for row in rows(frame)
    ]
    head = ["dataset", "method", "setting", "published", "ours", "embedded stand-in"]
    caption = (
        "Accuracy and mIoU in percent, correlations as Pearson's r. The stand-in is the embedded study's number in the "
        "part of the dataset: of other images and another model, it says nothing about the published one."
    )
    return table(head, body, words=3, caption=caption)


def _with_interval(row: Mapping[str, Any], who: str, missing: str) -> Markup:
    value, low, high = (row[f"{who}{end}"] for end in ("", "_low", "_high"))
    if not math.isfinite(value):
        return Markup(missing)
    ends = f"{low:.3g} to {high:.3g}" if math.isfinite(low) else ""
    return Markup(tag("b", f"{value:.3g}") + tag("small", ends))


def _intervals(units: str) -> str:
    return f"95 % bootstrap intervals over {units}."
