"""Draw the localisation figures: the mIoU table, mIoU against the threshold, and panels of maps with their captions."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from infodecomp.config import DatasetSection, FiguresSection, LocalisationSection, parse_section
from infodecomp.datasets.cases import read_cases
from infodecomp.datasets.folders import dataset_root, image_folder, instances_file
from infodecomp.datasets.masks import load_mask, open_instances
from infodecomp.figures import localisation_panels, localisation_scores, threshold_curves
from infodecomp.figures.localisation_panels import Panel
from infodecomp.figures.style import method_style, save_figure
from infodecomp.metrics.heatmaps import upsample_bilinear
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.pictures.images import fit_image, fit_mask, load_image
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import read_arrays, read_table

PICTURE = 256  # pixels, side of a picture in a panel: enough for 1.35 inches, small enough for a vector file

Arrays = dict[str, np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--curves` draws the threshold curves of a study, `--cases` the panels of one dataset."""
    parser.add_argument("--curves", type=Path, help="localisation_curves.csv: draw threshold_curves")
    parser.add_argument("--table", type=Path, help="localisation.parquet: draw scores")
    parser.add_argument("--localisation", default="{}", help="confidence of the localisation section, JSON")
    parser.add_argument("--cases", type=Path, help="cases.parquet: draw panels-<dataset>")
    parser.add_argument("--maps-information", type=Path, help="panels: folder of <case_id>.npz")
    parser.add_argument("--maps-attention", type=Path, help="panels: folder of <case_id>.npz")
    parser.add_argument("--scores", type=Path, help="panels: scores.parquet, for datasets with masks")
    parser.add_argument("--dataset-section", help="panels: the dataset's section of the configuration, JSON")
    parser.add_argument("--resize", choices=("squeeze", "letterbox"), default="squeeze", help="as the model's images")
    parser.add_argument("--section", required=True, help="the figures section of the configuration, JSON")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the figures")


def run(args: argparse.Namespace) -> None:
    """Draw what the arguments give the data for."""
    mpl.use("Agg")
    section = parse_section(FiguresSection, args.section)
    if args.curves is None and args.table is None and args.cases is None:
        raise InputError("plot_localisation needs --curves, --table or --cases: there is nothing to draw.")
    confidence = parse_section(LocalisationSection, args.localisation).confidence
    if args.curves is not None:
        figure = threshold_curves.draw(_read_curves(args.curves), confidence)
        _save(figure, args.output_dir / "threshold_curves", section, [args.curves])
    if args.table is not None:
        figure = localisation_scores.draw(_read_scores(args.table), confidence)
        _save(figure, args.output_dir / "scores", section, [args.table])
    if args.cases is not None:
        if args.maps_information is None or args.maps_attention is None or args.dataset_section is None:
            raise InputError("panels need --maps-information, --maps-attention and --dataset-section beside --cases.")
        _plot_panels(args, section)


def _plot_panels(args: argparse.Namespace, section: FiguresSection) -> None:
    dataset = parse_section(DatasetSection, args.dataset_section)
    cases = read_cases(args.cases)
    folders = (args.maps_information, args.maps_attention)
    mapped = cases[[any((folder / f"{case}.npz").is_file() for folder in folders) for case in cases["case_id"]]]
    quality = best_iou(read_table(args.scores, SCORE_COLUMNS)) if args.scores is not None else {}
    chosen = pick_cases(mapped[mapped["status"] == "ok"], quality, section.panels)
    if chosen.empty:
        raise InputError(f"{args.cases}: no case has a map in {folders[0]} or {folders[1]}; there is nothing to draw.")
    instances = instances_file(dataset) if args.scores is not None else None
    coco = open_instances(instances) if instances is not None else None
    panels, attention_names = [], set()
    for case in records(chosen):
        maps = {key: heat for folder in folders for key, heat in _arrays(folder / f"{case['case_id']}.npz").items()}
        picture = fit_image(load_image(image_folder(dataset) / case["image_path"]), (PICTURE, PICTURE), args.resize)
        mask = None
        if args.scores is not None and case["mask"]:
            whole = load_mask(case, coco, dataset_root(dataset), dataset.crowd)
            mask = fit_mask(whole, (PICTURE, PICTURE), args.resize)
        attention_name = "attention" if largest_steps(maps, "attention", "-") else "attention_information"
        attention_names.add(attention_name)
        panels.append(_panel(case, maps, np.asarray(picture), mask, attention_name, quality.get(case["case_id"])))
    head = " / ".join(method_style(name).label.replace("+", "+\n") for name in sorted(attention_names))
    dataset_name = str(chosen["dataset"].iloc[0])
    note = localisation_panels.note(
        len(panels), int((mapped["status"] == "ok").sum()), dataset_name, by_quality=bool(quality)
    )
    figure = localisation_panels.draw(panels, section.palette, head, note)
    inputs = [args.cases, *([args.scores] if args.scores is not None else [])]
    _save(figure, args.output_dir / f"panels-{dataset_name}", section, inputs)


def _save(figure: Figure, stem: Path, section: FiguresSection, inputs: list[Path]) -> None:
    save_figure(figure, stem, section.format)
    write_provenance(
        stem.with_name(f"{stem.name}.provenance.json"),
        stage="plot_localisation",
        section=section.model_dump(mode="json"),
        inputs=inputs,
    )


def _panel(
    case: dict[str, Any],
    maps: Arrays,
    picture: np.ndarray,
    mask: np.ndarray | None,
    attention_name: str,
    iou: float | None,
) -> Panel:
    heats = {
        name: maps[key] if (key := largest_steps(maps, name, estimator)) else None
        for name, estimator in (("cmi", "orthogonal"), ("mi", "orthogonal"), (attention_name, "-"))
    }
    drawn = {name: None if heat is None else upsample_bilinear(heat, picture.shape[:2]) for name, heat in heats.items()}
    totals = {name: float("nan") if heat is None else float(heat.sum(dtype=np.float64)) for name, heat in heats.items()}
    note = case["label"] if case["label"] not in ("", case["word"]) else ""
    kind = case["word_type"] if case["word_type"] not in ("noun", "unknown") else ""
    return Panel(
        image=picture,
        caption=case["prompt_full"],
        word=case["prompt_word"],
        note=" · ".join(part for part in (note, kind) if part),
        cmi=drawn["cmi"],
        mi=drawn["mi"],
        cmi_nats=totals["cmi"],
        mi_nats=totals["mi"],
        attention=drawn[attention_name],
        mask=mask,
        iou=iou,
    )


def largest_steps(maps: Arrays, method: str, estimator: str) -> str | None:
    """Key of the map of a method at its largest number of steps; None if there is none."""
    keys = [key for key in maps if key.startswith(f"{method}/{estimator}/") and key.count("/") == 2]
    return max(keys, key=lambda key: int(key.rpartition("/")[2]), default=None)


def best_iou(scores: pd.DataFrame) -> dict[str, float]:
    """Case id → IoU of its CMI map (orthogonal, largest steps) at the threshold that is best for all cases together."""
    cmi = scores[(scores["method"] == "cmi") & (scores["estimator"] == "orthogonal") & (scores["status"] == "ok")]
    if cmi.empty:
        return {}
    cmi = cmi[cmi["steps"] == cmi["steps"].max()]
    iou = np.stack(cmi["iou"].tolist())  # (n, T)
    return dict(zip(cmi["case_id"], iou[:, iou.mean(axis=0).argmax()].tolist(), strict=True))


def pick_cases(cases: pd.DataFrame, quality: dict[str, float], count: int) -> pd.DataFrame:
    """Cases to show: evenly from the best to the worst, evenly over labels, few from the same image.

    The cases are ranked (by `quality`, or without it by a hash, so that the choice says nothing about the maps) and cut
    into `count` strata of equal size; from each comes the case whose label, and then image, was taken least so far.
    Cases without a quality are left out where others have one.

    Args:
        cases: rows of the cases table.
        quality: case id → score, may be empty.
        count: number of cases wanted.

    Returns:
        at most `count` rows, the best first.
    """
    known = cases[cases["case_id"].isin(list(quality))] if quality else cases
    order = sorted(
        records(known),
        key=lambda case: (-quality.get(case["case_id"], 0.0), hashlib.sha256(case["case_id"].encode()).hexdigest()),
    )
    labels: dict[str, int] = {}
    images: dict[str, int] = {}
    chosen = []
    for stratum in np.array_split(np.arange(len(order)), min(count, len(order)) or 1):
        candidates = [order[index] for index in stratum]
        if not candidates:
            continue
        middle = (len(candidates) - 1) / 2
        place, case = min(
            enumerate(candidates),
            key=lambda item: (
                labels.get(item[1]["label"], 0),
                images.get(item[1]["image_id"], 0),
                abs(item[0] - middle),
            ),
        )
        labels[case["label"]] = labels.get(case["label"], 0) + 1
        images[case["image_id"]] = images.get(case["image_id"], 0) + 1
        chosen.append(candidates[place])
    return pd.DataFrame(chosen, columns=list(cases.columns))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dicts."""
    return cast(list[dict[str, Any]], frame.to_dict("records"))


def _arrays(path: Path) -> Arrays:
    return read_arrays(path) if path.is_file() else {}


def _read_curves(path: Path) -> pd.DataFrame:
    columns = ["dataset", "method", "estimator", "steps", "threshold", "n", "miou", "miou_low", "miou_high"]
    try:
        return pd.read_csv(path, usecols=columns)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: this is not a CSV with the columns {', '.join(columns)} ({error}).") from error


def _read_scores(path: Path) -> pd.DataFrame:
    columns = ["dataset", "method", "estimator", "steps", "threshold_mode", "n", "miou", "miou_low", "miou_high"]
    try:
        return pd.read_parquet(path, columns=columns)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: this is not a table with the columns {', '.join(columns)} ({error}).") from error
