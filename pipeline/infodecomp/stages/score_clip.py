"""Score every caption option by the cosine similarity that a CLIP sees between it and the image.

Texts that read the same are encoded once in the whole dataset, and cases that share image and crop share its encoding.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from PIL import Image

from infodecomp.config import ClipSection, parse_section
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.estimator.batching import groups
from infodecomp.jobs.configured_model import weights_sha256
from infodecomp.models.batch_size import AUTO, BatchSize, rows_or_auto
from infodecomp.models.clip import ClipSimilarity, cosine
from infodecomp.models.devices import resolve_device, resolve_precision
from infodecomp.models.folders import model_folder
from infodecomp.pictures.images import Resize, crop_image, load_image
from infodecomp.retrieval.baselines import baseline_table
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table

STAGE = "score_clip"
SCORE = "clip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases and their images, the CLIP, and how images are brought to its size."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table of a retrieval set (Parquet)")
    parser.add_argument("--images", required=True, type=Path, help="folder that image paths are relative to")
    parser.add_argument("--section", required=True, help="the clip section of the configuration as JSON")
    parser.add_argument("--resize", required=True, choices=get_args(Resize), help="how images are fitted")
    parser.add_argument("--max-failed-fraction", required=True, type=float, help="share of cases that may fail")
    parser.add_argument("--output", required=True, type=Path, help="table of the scores (Parquet)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--batch-size", default=AUTO, type=rows_or_auto, help="texts or images in one call, or auto")


def run(args: argparse.Namespace) -> None:
    """Score all cases of a dataset."""
    section = parse_section(ClipSection, args.section)
    cases = read_retrieval_cases(args.cases)
    device = resolve_device(args.device)
    folder = model_folder("clip → id", section.id, section.revision)
    weights = weights_sha256(folder)
    clip = ClipSimilarity.load(str(folder), precision=section.precision, device=device)
    clip.batch_size = BatchSize.of(args.batch_size, device)
    values, failures = clip_scores(clip, cases, args.images, resize=args.resize)
    summary = _check_failures(cases, failures, args.max_failed_fraction)
    cut = clip.count_cut(_texts(cases))
    write_table(args.output, baseline_table(cases, SCORE, values, failures), RETRIEVAL_SCORE_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section={**section.model_dump(mode="json"), "resize": args.resize},
        inputs=[args.cases],
        extra={
            "model": weights,
            "device": device,
            "precision": resolve_precision(section.precision, device),
            "batch_size": args.batch_size,
            "texts_cut": cut,
        },
    )
    print(f"{summary}; {cut} texts cut at {clip.tokens} tokens", flush=True)


def clip_scores(
    clip: ClipSimilarity, cases: pd.DataFrame, images: Path, *, resize: Resize
) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, str]]]:
    """Encode each text and each image once and compare them.

    Returns case_id → cosine with each option, float64 (options,), and case_id → status and reason of the cases whose image
    cannot be read or whose values are not finite. Cases whose status is not "ok" are in neither.
    """
    by_image: dict[str, list[Any]] = {}
    for case in cases[cases["status"] == "ok"].itertuples(index=False):
        by_image.setdefault(str(case.image_id), []).append(case)
    texts = _texts(cases)
    encoded: dict[str, np.ndarray] = {}
    values: dict[str, np.ndarray] = {}
    failures: dict[str, tuple[str, str]] = {}
    with Progress(STAGE, len(texts) + len(by_image), "texts and images") as progress:
        for batch in groups(texts, clip.batch_size):
            encoded |= zip(batch, clip.text_features(batch, clip.batch_size.filled(len(batch))), strict=True)
            progress.advance(len(batch))
        for group in groups(by_image.values(), clip.batch_size):
            readable = [(shared, image) for shared in group if (image := _image(images, shared, failures))]
            pictures = [image for _, image in readable]
            rows = clip.batch_size.filled(len(group))
            features = clip.image_features(pictures, resize, rows) if pictures else ()
            for (shared, _), feature in zip(readable, features, strict=True):
                for case in shared:
                    similarity = cosine(feature, np.stack([encoded[text] for text in case.options]))
                    if np.isfinite(similarity).all():
                        values[case.case_id] = similarity
                    else:
                        failures[case.case_id] = ("non_finite", "a similarity is not finite")
            progress.advance(len(group))
    return values, failures


def _texts(cases: pd.DataFrame) -> list[str]:
    """The distinct texts of all usable cases, in the order in which they come."""
    return list(dict.fromkeys(text for options in cases.loc[cases["status"] == "ok", "options"] for text in options))


def _image(images: Path, cases: Sequence[Any], failures: dict[str, tuple[str, str]]) -> Image.Image | None:
    """The image that these cases share; None, and an entry in `failures` for each, when it cannot be read."""
    try:
        return crop_image(load_image(images / cases[0].image_path), cases[0].crop)
    except InputError as error:
        failures |= {case.case_id: ("image_unreadable", str(error)) for case in cases}
        return None


def _check_failures(cases: pd.DataFrame, failures: dict[str, tuple[str, str]], max_failed_fraction: float) -> str:
    """How many cases there are and how many failed, in one line; InputError when more than the fraction (rounded up)."""
    lost = cases[cases["status"] != "ok"]
    reasons = dict(zip(lost["case_id"], lost["reason"], strict=True))
    reasons |= {case_id: reason for case_id, (_, reason) in failures.items()}
    allowed = math.ceil(max_failed_fraction * len(cases))
    if len(reasons) > allowed:
        shown = "; ".join(f"{case_id}: {reason}" for case_id, reason in list(reasons.items())[:5])
        raise InputError(
            f"{len(reasons)} of {len(cases)} cases failed, more than max_failed_fraction allows ({allowed}): {shown}"
        )
    return f"{len(cases)} cases, {len(reasons)} failed"
