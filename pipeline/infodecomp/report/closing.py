"""The last lines of a run: what the study found, what failed, how long it took, and where the page is."""

from __future__ import annotations

import atexit
import csv
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from infodecomp.report.killed_jobs import killed_jobs
from infodecomp.runs.time_left import spoken
from infodecomp.tables.spreadsheet_text import meant

_Row = Mapping[str, str]


def closing_lines(results: Path, since: float) -> Iterator[str]:
    """Sentences on the tables in `results` written after `since` (seconds since the epoch); the page comes last."""
    tables = {
        "localisation": _localisation,
        "retrieval": _retrieval,
        "editing": _editing,
        "partial_information_correlations": _pairs,
        "faithfulness_paired": _faithfulness,
        "validation": _validation,
        "representation_information": _representation,
        "summary": _failures,
    }
    for name, sentences in tables.items():
        table = results / "tables" / f"{name}.csv"
        if _is_new(table, since):
            with table.open(encoding="utf-8", newline="") as file:
                yield from sentences(
                    [{name: meant(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
                )
    yield f"Done in {spoken(time.time() - since)}; tables: {results / 'tables'}, figures: {results / 'figures'}"
    page = results / "report" / "index.html"
    if page.is_file():
        yield f"Open {page.resolve().as_uri()}"


def close_run(
    results: Path, since: float, failed: bool = False, logs: Iterable[str] = (), warnings: Iterable[str] = ()
) -> None:
    """Print the last lines of a run after everything that Snakemake prints itself.

    logs: its log files, if it failed; warnings: sentences before what it found.
    """
    if failed:
        last = [
            *killed_jobs(logs),
            f"The study stopped after {spoken(time.time() - since)}. The logs are in {results}/**/logs/; "
            "the same command continues where it stopped.",
        ]
    else:
        last = [*warnings, *closing_lines(results, since)]
    atexit.register(lambda: print(*last, sep="\n", file=sys.stderr, flush=True))


def _is_new(file: Path, since: float) -> bool:
    return file.is_file() and file.stat().st_mtime >= since


def _datasets(rows: list[_Row]) -> dict[str, list[_Row]]:
    parts: dict[str, list[_Row]] = {}
    for row in rows:
        parts.setdefault(row["dataset"], []).append(row)
    return parts


def _method(row: _Row) -> str:
    """A method by its key in the configuration."""
    return f"{row['method']} ({row['estimator']})" if row.get("estimator", "-") != "-" else row["method"]


def _percent(row: _Row, name: str) -> str:
    value, low, high = (100 * float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _localisation(rows: list[_Row]) -> Iterator[str]:
    """CMI beside attention, at a threshold of the other half of the images and the largest numbers of draws and steps."""
    for dataset, found in _datasets(
        [row for row in rows if row["threshold_mode"] == "held_out" and row["miou"]]
    ).items():
        largest = {(row["method"], row["estimator"]): row for row in sorted(found, key=lambda row: int(row["steps"]))}
        shown = [row for key in (("cmi", "orthogonal"), ("attention", "-")) if (row := largest.get(key))]
        if shown:
            yield f"Localisation, {dataset}: mIoU " + ", ".join(
                f"{_percent(row, 'miou')} by {_method(row)}" for row in shown
            )


def _retrieval(rows: list[_Row]) -> Iterator[str]:
    """The method with the highest accuracy on each set."""
    for dataset, found in _datasets([row for row in rows if row["micro"]]).items():
        best = max(found, key=lambda row: float(row["micro"]))
        accuracy, chance = _percent(best, "micro"), 100 * float(best["chance"])
        yield f"Retrieval, {dataset}: highest accuracy {accuracy} by {_method(best)}; chance is {chance:.0f} %"


def _editing(rows: list[_Row]) -> Iterator[str]:
    """The correlation of CMI with the change of the latent within images when the word is left out."""
    chosen = {"level": "pixel", "intervention": "omit", "change": "latent_l2", "predictor": "cmi_o"}
    for row in rows:
        if row["r"] and all(row[key] == value for key, value in chosen.items()):
            yield f"Editing, {row['dataset']}: r = {_interval(row, 'r')} of CMI with the change when the word is left out"


def _pairs(rows: list[_Row]) -> Iterator[str]:
    """The correlation of a word's unique information with the change of the latent when it is left out."""
    for row in rows:
        if row["r"] and (row["kind"], row["predictor"]) == ("all", "unique"):
            yield (
                f"Word pairs, {row['dataset']}: r = {_interval(row, 'r')} of unique information with the change when "
                "the word is left out"
            )


def _faithfulness(rows: list[_Row]) -> Iterator[str]:
    """CMI against the CMI of another image, which knows nothing of the case: areas under both curves, paired by case."""
    chosen = {"method_a": "shuffled", "method_b": "cmi", "estimator_b": "orthogonal"}
    ours = [row for row in rows if row["difference"] and all(row[key] == value for key, value in chosen.items())]
    for dataset, found in _datasets(ours).items():
        by_measure = {row["measure"]: row for row in found}
        shown = [
            f"{name} {_gained(by_measure[f'{name}_i_o'])}"
            for name in ("deletion", "insertion")
            if f"{name}_i_o" in by_measure
        ]
        if shown:
            yield f"Faithfulness, {dataset}: CMI beyond another image's CMI, in nats: {', '.join(shown)}"


def _gained(row: _Row) -> str:
    """By how much the second method of a paired difference is ahead of the first."""
    return f"{-float(row['difference']):.1f} [{-float(row['high']):.1f}, {-float(row['low']):.1f}]"


def _validation(rows: list[_Row]) -> Iterator[str]:
    """Coverage of the intervals of totals at the largest number of draws."""
    totals = [row for row in rows if row["level"] == "total" and row["coverage"]]
    most = max((int(row["steps"]) for row in totals), default=0)
    coverage = [100 * float(row["coverage"]) for row in totals if int(row["steps"]) == most]
    if coverage:
        least, largest = min(coverage), max(coverage)
        yield (
            f"Validation: intervals of totals from {most} draws contain the truth in {least:.0f} to {largest:.0f} % of the "
            "runs, depending on problem and design"
        )


def _representation(rows: list[_Row]) -> Iterator[str]:
    """What each description carries of an image: by enumeration, and by iˢ of its decoder."""
    told = [
        f"{row['model']} {_exact_and_estimated(row)} of {float(row['entropy']):.2f} nats"
        for row in rows
        if row["exact"]
    ]
    if told:
        yield f"Representation: {', '.join(told)}"


def _exact_and_estimated(row: _Row) -> str:
    estimated = f" (iˢ {_interval(row, 'standard')})" if row["standard"] else ""
    return f"{float(row['exact']):.2f}{estimated}"


def _failures(rows: list[_Row]) -> Iterator[str]:
    """How many cases and described images there were, and which stages lost some."""
    counts = {
        name: sum(int(row["cases"]) for row in rows if row["stage"] == stage)
        for name, stage in (("cases", "cases"), ("described images", "estimate_representation"))
    }
    found = " and ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    lost = [row for row in rows if int(row["failed"])]
    failed = "; ".join(
        f"{row['dataset']}/{row['stage']}: {row['failed']} of {row['cases']} ({row['reasons']})" for row in lost
    )
    if rows:
        yield f"{found or '0 cases'}, " + (f"some failed: {failed}" if failed else "none failed in any stage")


def _interval(row: _Row, name: str) -> str:
    value, low, high = (float(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
