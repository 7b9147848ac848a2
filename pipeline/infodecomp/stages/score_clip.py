"""Score every caption option by the cosine similarity between it and the image, by a CLIP."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from infodecomp.config import ClipSection, parse
from infodecomp.datasets.retrieval_cases import read_retrieval_cases
from infodecomp.jobs.configured_model import weights_sha256
from infodecomp.models.batch_size import AUTO, BatchSize, rows_or_auto
from infodecomp.models.clip import ClipSimilarity
from infodecomp.models.devices import resolve_device, resolve_precision
from infodecomp.models.folders import model_folder
from infodecomp.pictures.images import Resize
from infodecomp.retrieval.baselines import baseline_table, check_failures
from infodecomp.retrieval.clip_scores import clip_scores, usable_texts
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.storage import write_table

STAGE = "score_clip"
SCORE = "clip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The cases and their images, the CLIP, and how images are fitted to its size."""
    parser.add_argument("--cases", required=True, type=Path, help="cases table of a retrieval set (Parquet)")
    parser.add_argument("--images", required=True, type=Path, help="folder that image paths are relative to")
    parser.add_argument("--clip", required=True, help="the clip section of the configuration, as JSON")
    parser.add_argument("--resize", required=True, choices=get_args(Resize), help="how images are fitted")
    parser.add_argument("--max-failed-fraction", required=True, type=float, help="share of cases that may fail")
    parser.add_argument("--output", required=True, type=Path, help="table of the scores (Parquet)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--batch-size", default=AUTO, type=rows_or_auto, help="texts or images per call, or auto")


def run(args: argparse.Namespace) -> None:
    """Score all cases of a dataset."""
    section = parse(ClipSection, args.clip)
    cases = read_retrieval_cases(args.cases)
    device = resolve_device(args.device)
    folder = model_folder("clip → id", section.id, section.revision)
    weights = weights_sha256(folder)
    clip = ClipSimilarity.load(str(folder), precision=section.precision, device=device)
    clip.batch_size = BatchSize.of(args.batch_size, device)
    values, failures = clip_scores(clip, cases, args.images, resize=args.resize)
    summary = check_failures(cases, failures, args.max_failed_fraction)
    cut = clip.count_cut(usable_texts(cases))
    write_table(args.output, baseline_table(cases, SCORE, values, failures), RETRIEVAL_SCORE_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section={**section.model_dump(mode="json"), "resize": args.resize},
        extra={
            "model": weights,
            "device": device,
            "precision": resolve_precision(section.precision, device),
            "batch_size": args.batch_size,
            "texts_cut": cut,
        },
    )
    print(f"{summary}; {cut} texts truncated at {clip.tokens} tokens", flush=True)
