"""Draw what explains the images of a dataset over them, and write the scores of their words as one table."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from infodecomp.config import DatasetSection, FiguresSection, GradientsSection, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.folders import image_folder
from infodecomp.figures import saliency_overlay
from infodecomp.maps.one_model import check_one_model
from infodecomp.maps.outcomes import read_statuses
from infodecomp.pictures.images import Resize, fit_image, load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import atomic_path, read_arrays, write_table, write_text
from infodecomp.tables.text import csv_text

STAGE = "draw_explanations"

TOKEN_COLUMNS: dict[str, str] = {
    **dict.fromkeys(("dataset", "image_id", "prompt", "target"), "string"),
    "place": "int64",  # of the word in the caption, from 0
    "word": "string",
    "kind": "string",  # word, mark, start, end, padding
    "score": "float64",
    "percent": "float64",  # of the scores of this image, caption and target
}

Arrays = Mapping[str, np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases, the shards of explain_images with the folder of their maps, and the images."""
    parser.add_argument("--cases", type=Path, required=True, help="cases.parquet of the dataset")
    parser.add_argument("--explanations", type=Path, nargs="+", required=True, help="shards of explain_images")
    parser.add_argument("--maps", type=Path, required=True, help="folder of <case_id>.npz")
    parser.add_argument("--dataset-section", required=True, help="the dataset's section of the configuration, JSON")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--gradients", required=True, help="the boxes of the gradients section, JSON")
    parser.add_argument("--resize", choices=("squeeze", "letterbox"), default="squeeze", help="as the model's images")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of table and pictures; it is made anew")


def run(args: argparse.Namespace) -> None:
    """Write tokens.{csv,parquet} and a picture for each image, caption and target."""
    mpl.use("Agg")
    figures = parse_section(FiguresSection, args.section)
    boxes = parse_section(GradientsSection, args.gradients).boxes or ()
    folder = image_folder(parse_section(DatasetSection, args.dataset_section))
    check_one_model(args.explanations)
    statuses = read_statuses(args.explanations)
    cases = read_cases(args.cases)
    shown = cases[[statuses.get(case, 0) is None for case in cases["case_id"]]]
    if shown.empty:
        raise InputError(f"{args.explanations[0]}: no case of {args.cases} was explained; there is nothing to draw.")
    shutil.rmtree(args.output_dir, ignore_errors=True)
    # Words of one caption share what explains it.
    captions = shown.drop_duplicates(["image_id", "prompt_full"])
    rows: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    with Progress(STAGE, len(captions), "captions") as progress:
        of_captions: Any = captions.itertuples(index=False)
        for case in of_captions:
            arrays = read_arrays(args.maps / f"{case.case_id}.npz")
            rows += token_rows(case, arrays)
            number = numbers[case.image_id] = numbers.get(case.image_id, -1) + 1
            stem = Path(str(case.image_path)).stem + (f"-caption{number}" if number else "")
            picture = load_picture(folder / case.image_path, int(arrays["side"]), args.resize)
            _draw(args.output_dir, stem, picture, arrays, boxes, figures)
            progress.advance()
    table = pd.DataFrame(rows, columns=list(TOKEN_COLUMNS))
    write_table(args.output_dir / "tokens.parquet", table, TOKEN_COLUMNS)
    write_text(args.output_dir / "tokens.csv", csv_text(table))
    write_provenance(
        args.output_dir / "tokens.provenance.json",
        stage=STAGE,
        section={"palette": figures.palette, "boxes": [list(box) for box in boxes]},
        inputs=[args.cases, *args.explanations],
        extra={"captions": len(captions), "cases_without": len(cases) - len(shown)},
    )
    print(
        f"{len(captions)} captions of {captions['image_id'].nunique()} images; {len(cases) - len(shown)} cases without"
    )


def targets(arrays: Arrays) -> list[str]:
    """What was explained: loss, image, box0, loss_box0, …"""
    return sorted(key.partition("/")[2] for key in arrays if key.startswith("scores/"))


def token_rows(case: Any, arrays: Arrays) -> Iterator[dict[str, Any]]:
    """The scores of the words of a caption; percentages sum to 100 for each target, NaN where every score is 0."""
    for target in targets(arrays):
        scores = arrays[f"scores/{target}"].astype(np.float64)
        total = scores.sum()
        for place, (word, kind, score) in enumerate(
            zip(arrays["words"], arrays["kinds"], scores.tolist(), strict=True)
        ):
            yield {
                **{"dataset": case.dataset, "image_id": case.image_id, "prompt": case.prompt_full, "target": target},
                **{"place": place, "word": str(word), "kind": str(kind), "score": score},
                "percent": 100 * score / total if total > 0 else float("nan"),
            }


def load_picture(path: Path, side: int, resize: Resize) -> np.ndarray:
    """An image as the model saw it, (side, side, 3) uint8."""
    return np.asarray(fit_image(load_image(path), (side, side), resize))


def _draw(
    folder: Path,
    stem: str,
    picture: np.ndarray,
    arrays: Arrays,
    boxes: Sequence[saliency_overlay.Box],
    figures: FiguresSection,
) -> None:
    for target in targets(arrays):
        number = target.rpartition("box")[2]
        box = boxes[int(number)] if "box" in target else None
        with atomic_path(folder / f"{stem}-{target}.png") as temporary:
            saliency_overlay.draw(picture, arrays[f"cells/{target}"], figures.palette, box).save(temporary)
