"""The page of a finished study, and Snakemake's own report of it."""

from __future__ import annotations

import zipfile

from tests.workflow.study import Study


def test_the_page_shows_the_study(finished: Study) -> None:
    page = finished.results / "report"
    text = (page / "index.html").read_text(encoding="utf-8")
    assert "Do the maps find the object?" in text and "Is the estimator right?" in text
    assert (page / "figures/localisation/panels-scenes.png").is_file()
    assert len(list((page / "maps").glob("scenes-*.js"))) >= 3


def test_snakemake_reports_tables_and_figures(study: Study) -> None:
    run = study.snakemake("--report", "report.zip")
    assert run.status == 0, run.output
    with zipfile.ZipFile(study.folder / "report.zip") as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    assert names >= {"localisation.csv", "threshold_curves.png", "panels-scenes.png", "coverage.png", "report.html"}
