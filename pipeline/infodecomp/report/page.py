"""The page's folder: index.html and its style, scripts and data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from infodecomp.figures.style import METHOD_STYLES, colour_map, dataset_title, method_style
from infodecomp.report.explorer import PAIRS
from infodecomp.report.headlines import headlines
from infodecomp.report.html import Markup, tag, text
from infodecomp.report.layout import StudyFolder
from infodecomp.report.records import failures, provenance
from infodecomp.report.scripts import write_constant
from infodecomp.report.shown_maps import SHOWN_MAPS
from infodecomp.runs.storage import write_text

ASSETS = Path(__file__).parent / "assets"
_SIGNED = "PuOr_r"  # zero in the middle, safe for the colour-blind

_MEGABYTE = 1e6


def write_data(
    page: Path,
    *,
    images: Sequence[Mapping[str, Any]],
    choices: Sequence[Mapping[str, Any]],
    edits: Sequence[Mapping[str, Any]],
    palette: str,
) -> None:
    """Write the scripts that hold the index of images, the choices among captions and the edits."""
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


def write_page(page: Path, study: StudyFolder, name: str, datasets: Sequence[str], shown: Mapping[str, int]) -> None:
    """Copy style and scripts, and write index.html last, since it states the size of all.

    Args:
        page: the folder, which holds pictures and data by now.
        study: what the page is of.
        name: of the study.
        datasets: of images and of retrieval.
        shown: how many images, choices and edits the page shows.
    """
    for asset in sorted(ASSETS.iterdir()):
        if asset.suffix in (".css", ".js"):
            shutil.copyfile(asset, page / asset.name)
    parts = [*headlines(study)]
    others = [other for other in study.parts() if other not in {key for key, _, _ in parts}]
    parts += [(other, f"Further figures: {other}", Markup("")) for other in others]
    template = Template((ASSETS / "index.html").read_text(encoding="utf-8"))
    filled = {
        "study": text(name),
        "contents": Markup("".join(tag("a", title, href=f"#{key}") for key, title, _ in parts)),
        "headlines": Markup("".join(_part(page, study, *part) for part in parts)),
        "failures": failures(study, datasets),
        "provenance": provenance(study, datasets),
        **{key: f"{count:,}" for key, count in shown.items()},
    }
    size = sum(path.stat().st_size for path in page.rglob("*") if path.is_file() and path.name != "index.html")
    size += len(template.substitute(filled, size="0.0 MB").encode())
    write_text(page / "index.html", template.substitute(filled, size=f"{size / _MEGABYTE:.1f} MB"))


def _part(page: Path, study: StudyFolder, key: str, title: str, tables: Markup) -> Markup:
    """A part of the overview: its tables, its figures, and the tables for programs; both are copied into the page."""
    figures = [_copied(page, path, f"figures/{key}/{path.name}") for path in study.figures(key)]
    files = [_copied(page, path, f"tables/{path.name}") for path in study.tables(key)]
    shown = [_figure(path) for path in figures]
    links = Markup(", ".join(tag("a", Path(path).name, href=path) for path in files))
    return tag(
        "section",
        tag("h2", title),
        tables,
        tag("div", *shown, class_="figures") if shown else "",
        tag("p", "For programs: ", links, class_="links") if files else "",
        id=key,
        class_="part",
    )


def _figure(path: str) -> Markup:
    name = Path(path).stem.replace("_", " ").replace("-", " · ")
    picture = tag("img", src=path, alt=f"Figure: {name}", loading="lazy")
    return tag("figure", tag("a", picture, href=path), tag("figcaption", name))


def _copied(page: Path, source: Path, name: str) -> str:
    (page / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, page / name)
    return name


def _colours(palette: str) -> list[str]:
    """256 colours as six hex digits each."""
    samples = colour_map(palette)(np.linspace(0, 1, 256))[:, :3]
    return ["".join(f"{channel:02x}" for channel in colour) for colour in np.rint(255 * samples).astype(int).tolist()]
