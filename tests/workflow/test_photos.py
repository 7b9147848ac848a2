"""Your own photographs through the workflow: real pixels, with masks and without, and nothing of the embedded study."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.workflow.study import Study

PHOTOS = ["--configfile", "config/photos.yaml"]
WARNING = "NUMBERS WITHOUT MEANING: the embedded model knows 65 words"
# Two photographs by the embedded model, as quickly as it goes.
QUICK: dict[str, Any] = {
    "study": "tiny",
    "model": {"id": "data/models/scenes", "revision": None, "mirrors": None},
    "information": {"budget": {"steps": [6]}},
    "attention": {"steps": [2]},
    "localisation": {"map_size": 64, "methods": ["whole_image", "mi", "cmi", "attention"]},
    "statistics": {"bootstrap": 100},
    "figures": {"format": "png"},
}
# Jobs of a study of photographs: none of scenes, retrieval, edits, pairs, faithfulness, validation, published numbers.
HEAT_MAPS = {
    **dict.fromkeys(("build_cases", "estimate_information", "record_attention"), 1),
    **dict.fromkeys(("dissect_caption", "plot_teaser", "plot_denoising_strip"), 1),
    **dict.fromkeys(("plot_integrand_curves", "plot_information_scatter", "plot_localisation_panels"), 1),
    **dict.fromkeys(("summarise_study", "write_report", "all"), 1),
}
SCORES = dict.fromkeys(("score_localisation", "tabulate_localisation", "plot_localisation_curves"), 1)


def run(study: Study, overlay: dict[str, Any], *options: str) -> Any:
    """The photographs with an overlay; JSON is YAML too."""
    (study.folder / "overlay.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    return study.command("snakemake", "--cores", "2", *options, *PHOTOS, "overlay.yaml")


def test_the_plan_of_the_photographs(fresh: Study) -> None:
    planned = fresh.command("snakemake", "--cores", "2", "--dry-run", "--quiet", "host", *PHOTOS)
    assert planned.status == 0, planned.output
    assert planned.jobs == {**HEAT_MAPS, **SCORES, "record_gradients": 1, "fetch_model": 1}
    assert WARNING not in planned.output


@pytest.mark.parametrize("listed", ["data/photos/captions.csv", "mine"])
def test_the_plan_without_masks_has_no_scores(fresh: Study, listed: str) -> None:
    (fresh.folder / "mine").mkdir(exist_ok=True)
    shutil.copy(fresh.folder / "data/photos/cat.jpg", fresh.folder / "mine")
    (fresh.folder / "mine" / "cat.txt").write_text("a striped cat", encoding="utf-8")
    planned = run(fresh, {**QUICK, "datasets": {"photos": {"list": listed}}}, "--dry-run", "--quiet", "host")
    assert planned.status == 0, planned.output
    assert planned.jobs == HEAT_MAPS


def test_the_photographs_that_ship(repository: Path) -> None:
    """Every mask has the size of its picture, every picture its row among the sources, and all are small."""
    folder = repository / "data" / "photos"
    words, captions = (pd.read_csv(folder / name) for name in ("words.csv", "captions.csv"))
    assert dict(zip(words["image"], words["caption"], strict=True)) == dict(captions.values)
    pictures = {path.name for path in folder.glob("*.jpg")}
    assert pictures == set(captions["image"]) and len(pictures) == 10
    for row in words.to_dict("records"):
        assert row["word"] in row["caption"].split()
        with Image.open(folder / row["image"]) as image, Image.open(folder / row["mask"]) as mask:
            assert image.size == mask.size and mask.mode == "1" and 0 < np.asarray(mask).mean() < 1
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")} == set(words["mask"])
    sources = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in sources for name in pictures)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 2e6


@pytest.fixture(scope="module")
def copy(fresh: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return fresh.copy(tmp_path_factory.mktemp("photos") / "copy")


@pytest.mark.slow
def test_photographs_with_masks_are_scored(copy: Study) -> None:
    """By the list that ships; the tables say that the embedded model's numbers mean nothing."""
    scored = run(copy, {**QUICK, "datasets": {"photos": {"first": 4}}}, "tabulate_localisation", "summarise_study")
    assert scored.status == 0, scored.output
    table = pd.read_csv(copy.results / "tables" / "localisation.csv")
    assert set(table["dataset"]) == {"photos"} and table["miou"].notna().all() and not table["n_failed"].any()
    for name in ("localisation", "summary"):
        assert (copy.results / "tables" / f"{name}.md").read_text(encoding="utf-8").startswith(WARNING)
    assert scored.output.count(WARNING) == 2  # when it starts and when it ends


@pytest.mark.slow
def test_a_folder_of_photographs_has_heat_maps_only(copy: Study) -> None:
    """The whole study, page included; a rerun makes the case of a new picture."""
    folder = copy.folder / "own"
    folder.mkdir()
    for name, caption in {"cat": "a striped cat", "rocket": "a rocket"}.items():
        shutil.copy(copy.folder / f"data/photos/{name}.jpg", folder)
        (folder / f"{name}.txt").write_text(caption, encoding="utf-8")
    overlay = {**QUICK, "study": "own", "datasets": {"photos": {"list": "own"}}}
    mapped = run(copy, overlay)
    assert mapped.status == 0, mapped.output
    results = copy.folder / "results" / "own"
    assert {path.name for path in (results / "tables").glob("*.csv")} == {"summary.csv"}
    assert {path.name for path in (results / "figures").rglob("*.png")} == {
        *("teaser.png", "denoising_strip.png", "integrand_curves.png", "information_scatter.png"),
        "panels-photos.png",
    }
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "Without masks there is nothing to score maps against: heat maps only of photos." in page
    assert '<a href="#edits"' not in page and '<a href="#captions"' not in page and page.count(WARNING) == 1
    assert len(list((results / "photos/estimate_information/maps").glob("*.npz"))) == 3

    shutil.copy(copy.folder / "data/photos/dahlia.jpg", folder)
    lost = run(copy, overlay, "--until", "build_cases")
    assert lost.status != 0 and "own/dahlia.jpg: its caption is missing; write it into dahlia.txt" in lost.output
    (folder / "dahlia.txt").write_text("a dahlia", encoding="utf-8")
    added = run(copy, overlay, "--until", "build_cases")
    assert added.status == 0 and "4 cases of 3 images, 0 lost" in added.output, added.output
