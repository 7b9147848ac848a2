"""How the precision of the denoiser changes the maps of words and their mIoU, compared with float32.

    python benchmarks/precision.py [--cases 40] [--steps 50] [--device cpu] [--precisions bfloat16] [--json FILE]

Runs the stages estimate_information and score_localisation on drawn scenes with the embedded model, once in each
precision that the device supports (tf32 on a GPU only). All precisions use the same draws. Prints, for each kind of map, its
correlation with that in float32 (Pearson over pixels; median and lowest case), and the change of mIoU at the threshold that
is best in float32. Exits with 1 if the median correlation of a kind of map is below 0.99 or its mIoU changes by more than
0.01.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from infodecomp.config import LocalisationSection, ModelSection, section_json
from infodecomp.metrics.correlation import pearson
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.models.devices import resolve_device
from infodecomp.runs.storage import read_arrays, read_table
from measuring import (
    Row,
    Target,
    argument_parser,
    logistic_information,
    model_arguments,
    report,
    scene_cases,
    scenes_below,
    settings,
    stage_here,
)

PRECISIONS = {"cpu": ("bfloat16", "float16"), "cuda": ("tf32", "bfloat16", "float16")}
METHODS = ("mi", "cmi", "attention_information")

# Kind of map → case → map (h, w), and kind of map → IoU at each threshold, mean over cases.
Maps = Mapping[str, Mapping[str, np.ndarray]]
Curves = Mapping[str, np.ndarray]


def run(folder: Path, precision: str, steps: int, device: str) -> tuple[Maps, Curves]:
    """Maps and IoU of all cases in one precision."""
    output = folder / precision
    information = logistic_information(steps)
    cases, model = folder / "cases.parquet", ModelSection(precision=precision)
    arguments = model_arguments(
        cases, folder / "scenes/val2017", output, settings("estimate_information", information=information)
    )
    stage_here("estimate_information", *arguments, "--model", section_json(model), "--device", device)
    localisation = LocalisationSection(methods=METHODS)
    read = settings("score_localisation", "scenes", datasets=scenes_below(folder), localisation=localisation)
    stage_here(
        "score_localisation",
        *("--cases", cases, "--estimates", output / "shard.parquet", "--maps-information", output / "maps"),
        *("--maps-attention", folder / "none", "--seed", 0, "--output", output / "scores.parquet"),
        *("--settings", read),
    )
    maps: dict[str, dict[str, np.ndarray]] = {}
    for path in sorted((output / "maps").glob("*.npz")):
        for name, array in read_arrays(path).items():
            if array.ndim == 2:
                maps.setdefault(name, {})[path.stem] = array
    return maps, curves(output / "scores.parquet")


def curves(path: Path) -> Curves:
    """Mean IoU over the cases of a table of scores at each threshold, by kind of map."""
    scores = read_table(path, SCORE_COLUMNS)
    found = scores[scores["status"] == "ok"]
    names = found["method"] + "/" + found["estimator"] + "/" + found["steps"].astype(str)
    return {str(name): np.stack(list(rows["iou"])).mean(0) for name, rows in found.groupby(names)}


def compare(precision: str, maps: Maps, iou: Curves, exact: tuple[Maps, Curves]) -> list[Row]:
    """A row for each kind of map."""
    rows = []
    for name, of_case in exact[0].items():
        correlations = [
            float(pearson(one.astype(np.float64).ravel(), maps[name][case].astype(np.float64).ravel()))
            for case, one in of_case.items()
        ]
        best = int(exact[1][name].argmax())
        rows.append(
            {
                "precision": precision,
                "map": name.rsplit("/", 1)[0].removesuffix("/-"),
                "correlation": float(np.median(correlations)),
                "lowest": min(correlations),
                "mIoU in float32": float(exact[1][name][best]),
                "change": float(iou[name][best] - exact[1][name][best]),
            }
        )
    return rows


def main() -> int:
    """Compare every precision of the device with float32."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--steps", type=int, default=50, help="draws of an image")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", nargs="+", help="instead of all that the device supports")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = resolve_device(options.device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scene_cases(folder, options.cases)
        exact = run(folder, "float32", options.steps, device)
        rows = []
        for precision in options.precisions or PRECISIONS[torch.device(device).type]:
            rows += compare(precision, *run(folder, precision, options.steps, device), exact)
    targets = [
        Target("lowest median correlation with float32", min(row["correlation"] for row in rows), 0.99, at_least=True),
        Target("largest change of mIoU", max(abs(row["change"]) for row in rows), 0.01),
    ]
    title = f"{options.cases} cases, {options.steps} draws, {device}"
    return report("precision", {title: rows}, targets, options.json)


if __name__ == "__main__":
    sys.exit(main())
