"""The folder of the page: index.html, its style sheets, scripts and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.figures.style import METHOD_STYLES, colour_map, dataset_title, method_style
from infodecomp.report.explorer import PAIRS
from infodecomp.report.headlines import Part, headlines
from infodecomp.report.layout import StudyFolder
from infodecomp.report.records import failures, provenance
from infodecomp.report.rendering import render
from infodecomp.report.scripts import write_constant
from infodecomp.report.shown_maps import SHOWN_MAPS
from infodecomp.runs.storage import copy_file, write_text

ASSETS = Path(__file__).parent / "assets"
_SIGNED = "PuOr_r"  # zero in the middle, safe for the colour-blind

_MEGABYTE = 1e6


def write_data(
    page: Path,
    *,
    images: Sequence[Mapping[str, Any]],
    choices: Sequence[Mapping[str, Any]],
    edits: Sequence[Mapping[str, Any]],
    codes: Sequence[Mapping[str, Any]],
    palette: str,
) -> None:
    """Write the scripts that hold the index of images, the choices between captions, the edits, and the codes."""
    write_constant(
        page / "data" / "images.js",
        "REPORT",
        {
            "methods": [method.described() for method in SHOWN_MAPS],
            "pairs": PAIRS,
            "palettes": {"sequential": _colours(palette), "signed": _colours(_SIGNED)},
            "images": images,
        },
    )
    found = {score for choice in choices for score in choice["scores"]}
    scores = sorted(
        found, key=lambda score: (list(METHOD_STYLES).index(score) if score in METHOD_STYLES else 99, score)
    )
    titles = {name: dataset_title(name)._asdict() for name in dict.fromkeys(choice["dataset"] for choice in choices)}
    write_constant(
        page / "data" / "retrieval.js",
        "RETRIEVAL",
        {"titles": titles, "methods": {name: method_style(name).label for name in scores}, "choices": choices},
    )
    write_constant(page / "data" / "edits.js", "EDITS", edits)
    write_constant(page / "data" / "codes.js", "CODES", codes)


def write_page(
    page: Path,
    study: StudyFolder,
    name: str,
    datasets: Sequence[str],
    shown: Mapping[str, int],
    warnings: Sequence[str] = (),
    *,
    confidence: float = 0.95,
) -> None:
    """Copy the style sheets and scripts, and write index.html last, since it states the size of the page.

    Args:
        page: the folder, which holds pictures and data by now.
        study: the study's results.
        name: of the study.
        datasets: of images and of retrieval.
        shown: numbers of images, choices, edits and described images on the page.
        warnings: sentences at its top.
        confidence: of the intervals of what codes say.
    """
    for asset in sorted(ASSETS.iterdir()):
        copy_file(asset, page / asset.name)
    unscored = [one for one in datasets if study.has_maps(one) and not study.localisation_scores(one).is_file()]
    parts = headlines(study, unscored, confidence)
    others = [other for other in study.parts() if other not in {part.key for part in parts}]
    parts += [Part(other, f"Further figures: {other}", []) for other in others]
    filled = {
        "study": name,
        "parts": [
            {
                **part._asdict(),
                "figures": [_copied(page, path, _figure_name(study, path)) for path in study.figures(part.key)],
                "files": [_copied(page, path, f"tables/{path.name}") for path in study.tables(part.key)],
            }
            for part in parts
        ],
        "failures": failures(study, datasets),
        "provenance": provenance(study, datasets),
        "warnings": warnings,
        "scored": any(part.key == "localisation" and part.tables for part in parts),
        **shown,
    }
    size = sum(path.stat().st_size for path in page.rglob("*") if path.is_file() and path.name != "index.html")
    size += len(render("index.html", **filled, size="0.0 MB").encode())
    write_text(page / "index.html", render("index.html", **filled, size=f"{size / _MEGABYTE:.1f} MB"))


def _figure_name(study: StudyFolder, path: Path) -> str:
    """Where a figure is in the page; those of a folder of their part are named after it."""
    part, *names = path.relative_to(study.root / "figures").parts
    return f"figures/{part}/{'-'.join(names)}"


def _copied(page: Path, source: Path, name: str) -> str:
    """Copy a file into the page; returns its path there."""
    copy_file(source, page / name)
    return name


def _colours(palette: str) -> list[str]:
    """256 colours as six hex digits each."""
    samples = colour_map(palette)(np.linspace(0, 1, 256))[:, :3]
    return ["".join(f"{channel:02x}" for channel in colour) for colour in np.rint(255 * samples).astype(int).tolist()]
