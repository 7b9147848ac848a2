"""Write the page of a study: its tables, and its images with maps, captions and edits; it opens from disk."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import matplotlib as mpl

from infodecomp.config import parse
from infodecomp.config.settings import WriteReport
from infodecomp.config.unfamiliar import without_meaning
from infodecomp.report.content import PageContent
from infodecomp.report.layout import StudyFolder
from infodecomp.report.page import write_data, write_page
from infodecomp.report.pictures import PictureFolder
from infodecomp.runs.named_paths import named_counts
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
    parser.add_argument(
        "--described", nargs="*", default=[], metavar="NAME", help="descriptions of images: factors, codes"
    )
    parser.add_argument("--settings", required=True, help="what the stage reads of the configuration, as JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the page; its content is replaced")


def run(args: argparse.Namespace) -> None:
    """Read the study's tables, maps and pictures, and write the page."""
    mpl.use("Agg")
    settings = parse(WriteReport, args.settings)
    section, datasets, retrieval = settings.report, settings.datasets, settings.retrieval_datasets
    shards = {name: dataset.shards or args.shards for name, dataset in datasets.items()}
    shards |= {name: dataset.shards or args.shards for name, dataset in retrieval.items()}
    of_stage, page = named_counts("--stage-shards", args.stage_shards), args.output_dir
    study = StudyFolder(args.results, shards, of_stage, args.described)
    shutil.rmtree(page, ignore_errors=True)
    pictures = PictureFolder(page, section.picture)
    content, shown = PageContent(), section.images
    with Progress(STAGE, total=len(datasets) + len(retrieval), unit="datasets") as progress:
        for _ in content.add_datasets(study, datasets, pictures, resize=settings.resize, limit=shown):
            progress.advance()
        for _ in content.add_choices(study, retrieval, pictures, limit=shown):
            progress.advance()
    content.add_codes(study, pictures, limit=shown)
    names = [*datasets, *retrieval]
    write_data(
        page,
        images=content.images,
        choices=content.choices,
        edits=content.edits,
        codes=content.codes,
        palette=settings.palette,
    )
    warnings = without_meaning(settings.unfamiliar, names)
    write_page(page, study, args.results.name, names, content.counts, warnings, confidence=settings.confidence)
    write_provenance(
        page / "report.provenance.json",
        stage=STAGE,
        section={"report": section.model_dump(mode="json"), "figures": {"palette": settings.palette}},
        extra=content.counts,
    )
    print(f"{page / 'index.html'}: " + ", ".join(f"{count:,} {name}" for name, count in content.counts.items()))
