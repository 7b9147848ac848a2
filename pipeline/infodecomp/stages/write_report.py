"""Write the page of a study: its tables, and its images with maps, captions and edits; it opens from disk."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import WriteReport
from infodecomp.datasets.retrieval_folders import retrieval_image_folder
from infodecomp.report.edits import edits_of
from infodecomp.report.explorer import Explorer
from infodecomp.report.layout import StudyFolder
from infodecomp.report.page import write_data, write_page
from infodecomp.report.pictures import PictureFolder
from infodecomp.report.retrieval import choices_of
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance

STAGE = "write_report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The study's folder, and the sections of the configuration that describe its content."""
    parser.add_argument("--results", type=Path, required=True, help="folder results/<study>")
    parser.add_argument("--shards", type=int, required=True, help="number of shards of a dataset that sets none")
    parser.add_argument(
        "--stage-shards", nargs="*", default=[], metavar="STAGE=COUNT", help="stages with a different number of shards"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument(
        "--resize", choices=("squeeze", "letterbox"), default="squeeze", help="how images fit the model"
    )
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the page; its content is replaced")


def run(args: argparse.Namespace) -> None:
    """Read the study's tables, maps and pictures, and write the page."""
    mpl.use("Agg")
    settings = parse(WriteReport, args.settings)
    section, datasets, retrieval = settings.report, settings.datasets, settings.retrieval_datasets
    shards = {name: dataset.shards or args.shards for name, dataset in datasets.items()}
    shards |= {name: dataset.shards or args.shards for name, dataset in retrieval.items()}
    study, page = StudyFolder(args.results, shards, _counts(args.stage_shards)), args.output_dir
    shutil.rmtree(page, ignore_errors=True)
    pictures = PictureFolder(page, section.picture)
    images, edits, choices = (list[dict[str, Any]]() for _ in range(3))
    with Progress(STAGE, total=len(datasets) + len(retrieval), unit="datasets") as progress:
        for name, dataset in datasets.items():
            images += Explorer(study, name, dataset, args.resize, section.images, pictures).write()
            edits += edits_of(study, name, section.images, pictures) if dataset.editing else []
            progress.advance()
        for name, choice in retrieval.items():
            folder = retrieval_image_folder(choice, args.results / name)
            choices += choices_of(study, name, folder, section.images, pictures)
            progress.advance()
    names = [*datasets, *retrieval]
    shown = {"images": len(images), "choices": len(choices), "edits": len(edits)}
    write_data(page, images=images, choices=choices, edits=edits, palette=settings.palette)
    write_provenance(
        page / "report.provenance.json",
        stage=STAGE,
        section={"report": section.model_dump(mode="json"), "figures": {"palette": settings.palette}},
        inputs=[study.cases(name) for name in names],
        extra=shown,
    )
    write_page(page, study, args.results.name, names, shown)
    print(f"{page / 'index.html'}: " + ", ".join(f"{count:,} {name}" for name, count in shown.items()))


def _counts(texts: Sequence[str]) -> dict[str, int]:
    """Stage → number of its shards; InputError for a text of another form."""
    parts = [text.partition("=") for text in texts]
    for text, (stage, _, count) in zip(texts, parts, strict=True):
        if not stage or not count.isdecimal():
            raise InputError(f"--stage-shards {text}: expected STAGE=COUNT, such as judge_maps=1.")
    return {stage: int(count) for stage, _, count in parts}
