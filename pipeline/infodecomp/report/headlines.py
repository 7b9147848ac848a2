"""The tables of the overview: what the study found, with intervals, read from the tables for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from infodecomp.figures.style import dataset_title, method_style
from infodecomp.metrics.faithfulness import AREAS, verdict
from infodecomp.pairs.markdown import ALL_KINDS, PREDICTOR_NAMES
from infodecomp.report.cells import Cell, Heading, Number, Table, interval
from infodecomp.report.layout import StudyFolder, read_csv, rows
from infodecomp.report.representation import representation_tables
from infodecomp.tables.text import MISSING, percent, percent_interval

_ESTIMATORS = {"orthogonal": "iᵒ", "standard": "iˢ", "-": ""}
_QUANTITIES = {"i_s": "iˢ", "i_o": "iᵒ"}
_PREDICTORS = {
    "cmi_s": "CMI iˢ",
    "cmi_o": "CMI iᵒ",
    "mi_s": "MI iˢ",
    "mi_o": "MI iᵒ",
    "mask_area": "object area (control)",
}


class Part(NamedTuple):
    """A part of the overview: id, title, tables, and sentences before them."""

    key: str
    title: str
    tables: list[Table]
    notes: tuple[str, ...] = ()


def headlines(study: StudyFolder, unscored: Sequence[str] = (), confidence: float = 0.95) -> list[Part]:
    """Each part of the study that has results.

    unscored: datasets with maps and without masks. confidence: of the intervals of what codes say.
    """
    parts = [
        _maps(read_csv(study.table("localisation.csv")), unscored),
        Part("retrieval", "Which caption is true?", _retrieval(read_csv(study.table("retrieval.csv")))),
        Part("editing", "Do the maps predict an edit?", _editing(read_csv(study.table("editing.csv")))),
        Part(
            "partial_information",
            "Can a redundant word be left out?",
            _redundancy(read_csv(study.table("partial_information_correlations.csv"))),
        ),
        Part(
            "faithfulness", "Are the maps true to the model?", _faithfulness(read_csv(study.table("faithfulness.csv")))
        ),
        Part("validation", "Is the estimator right?", _validation(read_csv(study.table("validation.csv")))),
        Part("representation", "What does a code say about an image?", representation_tables(study, confidence)),
        Part("paper", "Published numbers and ours", _paper(read_csv(study.table("paper_comparison.csv")))),
    ]
    return [part for part in parts if part.tables or part.notes]


def _maps(frame: pd.DataFrame, unscored: Sequence[str]) -> Part:
    """The part on maps, which says of which datasets there are no scores."""
    tables = _localisation(frame)
    title = "Do the maps find the object?" if tables else "Where do the words point?"
    names = ", ".join(unscored)
    notes = (f"Without masks there is nothing to score maps against: heat maps only of {names}.",) if names else ()
    return Part("localisation", title, tables, notes)


def _localisation(frame: pd.DataFrame) -> list[Table]:
    """mIoU at held-out thresholds, each method at its largest number of draws or steps, best first."""
    if frame.empty:
        return []
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
        tables.append(Table(head, body, words=1, caption=caption))
    return tables


def _retrieval(frame: pd.DataFrame) -> list[Table]:
    """Share of cases whose true caption scores highest: one row per method, one column per dataset."""
    if frame.empty:
        return []
    datasets = list(dict.fromkeys(frame["dataset"]))
    found = {(row["dataset"], row["method"]): row for row in rows(frame)}
    body = [
        [method_style(method).label, *(_accuracy(found.get((dataset, method))) for dataset in datasets)]
        for method in dict.fromkeys(frame["method"])
    ]
    head: list[str | Heading] = ["method", *(_titled(dataset) for dataset in datasets)]
    counts = ", ".join(sorted({str(n) for n in frame["n"]}))
    caption = (
        "Percentage of images whose true caption has the highest score, with 95 % Wilson interval; "
        f"the faint line is chance. Cases per set: {counts}."
    )
    return [Table(head, body, words=1, caption=caption)]


def _titled(dataset: str) -> Heading:
    title = dataset_title(dataset)
    return Heading(title.question, title.source or dataset)


def _accuracy(row: Mapping[str, Any] | None) -> Cell:
    if row is None:
        return MISSING
    value, low, high = row["micro"], row["micro_low"], row["micro_high"]
    drawn = interval(value, low, high, ends=(0, 1), mark=row["chance"])
    return Number(percent(value), percent_interval(low, high), drawn)


def _editing(frame: pd.DataFrame) -> list[Table]:
    """Correlations of predictors with the change of the latent: over cases, and over the cells of a case's maps."""
    if frame.empty:
        return []
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
        head: list[str | Heading] = ["map", *(Heading(names[i], levels[level]) for level, i in columns)]
        caption = (
            f"{dataset}: Pearson's r of a map with the change of the latent. Within images: over the cells of each image, "
            f"averaged; across images: over totals. {_intervals('images')} Cases: {part['n'].max()}."
        )
        tables.append(Table(head, body, words=1, caption=caption))
    return tables


def _redundancy(frame: pd.DataFrame) -> list[Table]:
    """Correlations, over the words of all pairs, of each predictor with the change of the latent on omission."""
    if frame.empty:
        return []
    chosen = frame[frame["kind"] == ALL_KINDS]
    found = {(row["predictor"], row["dataset"]): row for row in rows(chosen)}
    datasets = list(dict.fromkeys(chosen["dataset"]))
    body = [
        [PREDICTOR_NAMES[predictor], *(_correlation(found.get((predictor, dataset))) for dataset in datasets)]
        for predictor in dict.fromkeys(chosen["predictor"])
    ]
    caption = (
        "Pearson's r, over words of pairs, of what the two words share or do not share (iᵒ, whole image) with the change of "
        f"the latent when the word is left out of its caption. {_intervals('images')} Words: {chosen['n'].max()}."
    )
    return [Table(["of the word", *datasets], body, words=1, caption=caption)]


def _correlation(row: Mapping[str, Any] | None) -> Cell:
    if row is None or not math.isfinite(row["r"]):
        return MISSING
    drawn = interval(row["r"], row["r_low"], row["r_high"], ends=(-1, 1), mark=0.0)
    return Number(f"{row['r']:.2f}", f"{row['r_low']:.2f} to {row['r_high']:.2f}", drawn)


def _faithfulness(frame: pd.DataFrame) -> list[Table]:
    """One row per map: areas under the curves in nats, and rank correlations with other maps."""
    if frame.empty:
        return []
    heads = {
        "deletion_i_o": ("deletion iᵒ, nats", "top pixels removed"),
        "insertion_i_o": ("insertion iᵒ, nats", "top pixels restored"),
        "deletion_i_s": ("deletion iˢ, nats", "top pixels removed"),
        "insertion_i_s": ("insertion iˢ, nats", "top pixels restored"),
        "editing": ("editing", "ρ with the change"),
        "stability": ("another seed", "ρ with the repeated map"),
        "weights": ("shuffled weights", "ρ with the repeated map"),
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
        head: list[str | Heading] = ["map", *(Heading(name, detail) for name, detail in heads.values()), "sanity"]
        caption = (
            f"{dataset}: how much more the word moves the prediction (iᵒ), and how much less likely the caption becomes "
            "than the caption without the word (iˢ), while pixels are missing; mean over shares of the pixels. ρ is "
            "Spearman's. A map fails the sanity check if shuffled weights change it no more than another seed does. "
            f"{_intervals('images')} Cases: {part['n'].max()}."
        )
        tables.append(Table(head, body, words=1, caption=caption))
    return tables


def _measured(row: Mapping[str, Any], digits: int) -> Cell:
    if not math.isfinite(row["value"]):
        return MISSING
    return Number(f"{row['value']:.{digits}f}", f"{row['low']:.{digits}f} to {row['high']:.{digits}f}")


def _validation(frame: pd.DataFrame) -> list[Table]:
    """Error and coverage of totals at the largest number of draws, on problems whose information is known."""
    if frame.empty:
        return []
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
        f"Totals from {frame['steps'].max()} draws: bias and root mean square error in percent of the truth; coverage: how "
        f"often the interval of a run contains the truth, with 95 % Wilson interval, {totals['n'].max()} runs."
    )
    return [Table(head, body, words=3, caption=caption)]


def _paper(frame: pd.DataFrame) -> list[Table]:
    """One row per published number, in the units of its table."""
    if frame.empty:
        return []
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
        "Accuracy and mIoU in percent, correlations as Pearson's r. The stand-in is the embedded study's number for the "
        "same task: with other images and another model, it says nothing about the published one."
    )
    return [Table(head, body, words=3, caption=caption)]


def _with_interval(row: Mapping[str, Any], who: str, missing: str) -> Cell:
    value, low, high = (row[f"{who}{end}"] for end in ("", "_low", "_high"))
    if not math.isfinite(value):
        return missing
    return Number(f"{value:.3g}", f"{low:.3g} to {high:.3g}" if math.isfinite(low) else "")


def _intervals(units: str) -> str:
    return f"95 % bootstrap intervals over {units}."
