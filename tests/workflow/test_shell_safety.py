"""What users write into tables and configurations is never read by a shell, nor filled in by Snakemake."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
from PIL import Image

from tests.workflow.study import working_copy

BRACES = " {word} {{x}} {"
HOSTILE = "; touch pwned-{n} $(touch pwned-{n}) `touch pwned-{n}` 'x' && touch pwned-{n}"


def hostile(n: int) -> str:
    return HOSTILE.format(n=n)


def test_captions_words_file_names_and_folders(repository: Path, tmp_path: Path) -> None:
    study = working_copy(repository, tmp_path / "copy")
    root, scenes, model = (f"{name} {hostile(n)}" for n, name in enumerate(["photos", "drawn", "weights"]))
    root += BRACES
    (study.folder / root).mkdir()
    (study.folder / "data" / "models" / "scenes").rename(study.folder / model)
    names = [f"a {hostile(4)}{BRACES}.png", "--help.png"]
    for name in names:
        Image.new("RGB", (128, 128), "red").save(study.folder / root / name)
    word = "$(touch pwned-5)"
    rows = [(names[0], f"a red {word} bear {hostile(6)}{BRACES}", word), (names[1], f"{hostile(7)} bear", "bear")]
    with (study.folder / f"cases {hostile(3)}.csv").open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("image", "caption", "word"), *rows])
    config = {
        "shards": 1,
        "scenes": {"folder": scenes},
        "datasets": {
            "scenes": None,
            "photos": {"kind": "custom", "list": f"cases {hostile(3)}.csv", "root": root, "localisation": False},
            "generated": {"kind": "generated"},
        },
        "generate": {"source": {"prompts": [f"{hostile(8)}{BRACES} bear"]}},
        "editing": {"captions": {"swaps": [["{word}", "{{x}}"]]}},
        "figures": {"caption_image": f"{hostile(9)}{BRACES}"},
        "model": {"id": model},
        "information": {"budget": {"steps": [6]}},
    }
    prompts = "results/tiny/generated/list_prompts/prompts.parquet"
    targets = ["results/tiny/photos/estimate_information/shard-0000.parquet", f"{scenes}/words.csv", prompts]
    run = study.snakemake(*targets, config=config)
    assert run.status == 0, run.output
    assert all((study.folder / target).is_file() for target in targets)
    assert "2 cases, 0 failed" in run.output
    assert list(pd.read_parquet(study.folder / prompts)["prompt"]) == [f"{hostile(8)}{BRACES} bear"]
    plan = study.snakemake("--dry-run", "all", "plan", "explanations", config=config)
    assert plan.status == 0, plan.output
    assert not list(study.folder.rglob("pwned*")), run.output
