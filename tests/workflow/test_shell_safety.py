"""What users write into tables and configurations is never read by a shell."""

from __future__ import annotations

import csv
from pathlib import Path

from PIL import Image

from tests.workflow.study import working_copy

HOSTILE = "; touch pwned-{n} $(touch pwned-{n}) `touch pwned-{n}` 'x' && touch pwned-{n}"


def hostile(n: int) -> str:
    return HOSTILE.format(n=n)


def test_captions_words_file_names_and_folders(repository: Path, tmp_path: Path) -> None:
    study = working_copy(repository, tmp_path / "copy")
    root, scenes, model = (f"{name} {hostile(n)}" for n, name in enumerate(["photos", "drawn", "weights"]))
    (study.folder / root).mkdir()
    (study.folder / "data" / "models" / "scenes").rename(study.folder / model)
    names = [f"a {hostile(4)}.png", "--help.png"]
    for name in names:
        Image.new("RGB", (128, 128), "red").save(study.folder / root / name)
    word = "$(touch pwned-5)"
    rows = [(names[0], f"a red {word} bear {hostile(6)}", word), (names[1], f"{hostile(7)} bear", "bear")]
    with (study.folder / root / "cases.csv").open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("image", "caption", "word"), *rows])
    config = {
        "shards": 1,
        "scenes": {"folder": scenes},
        "datasets": {
            "scenes": None,
            "photos": {"kind": "custom", "list": f"{root}/cases.csv", "root": root, "localisation": False},
        },
        "model": {"id": model},
        "information": {"budget": {"steps": [6]}},
    }
    targets = ["results/tiny/photos/estimate_information/shard-0000.parquet", f"{scenes}/words.csv"]
    run = study.snakemake(*targets, config=config)
    assert run.status == 0, run.output
    assert all((study.folder / target).is_file() for target in targets)
    assert "2 cases, 0 failed" in run.output
    assert not list(study.folder.rglob("pwned*")), run.output
