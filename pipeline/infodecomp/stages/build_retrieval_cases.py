"""Build the cases table of one retrieval dataset: one row per choice among captions of one image."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from infodecomp.config import (
    OrderRetrievalDataset,
    PairRetrievalDataset,
    RetrievalDatasetSection,
    given,
    parse_section,
)
from infodecomp.datasets import retrieval_folders as folders
from infodecomp.datasets.aro_mirrors import mirror_cases
from infodecomp.datasets.aro_order import order_cases
from infodecomp.datasets.aro_pairs import pair_cases
from infodecomp.datasets.retrieval_cases import (
    RetrievalCase,
    mark_lost_images,
    retrieval_cases_table,
    ties,
    write_retrieval_cases,
)
from infodecomp.datasets.taggers import open_tagger
from infodecomp.runs.errors import InputError
from infodecomp.runs.provenance import write_provenance

# So many lost cases are printed one by one.
_TOLD = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dataset NAME --section JSON --seed INT --output PATH`."""
    parser.add_argument("--dataset", required=True, help="name of the retrieval dataset in the configuration")
    parser.add_argument("--section", required=True, help="its section of the configuration as JSON")
    parser.add_argument("--seed", required=True, type=int, help="seed of the shuffles")
    parser.add_argument("--output", required=True, type=Path, help="cases table to write (Parquet)")


def run(args: argparse.Namespace) -> None:
    """Read the dataset, write the cases and their provenance, and print how many there are, tied and lost."""
    section = parse_section(RetrievalDatasetSection, args.section)
    folders.require_retrieval_files(section)
    images = folders.retrieval_image_folder(section, args.output.parent)
    frame = mark_lost_images(retrieval_cases_table(_read(args.dataset, section, images, args.seed)), images)
    if not (frame["status"] == "ok").any():
        raise InputError(f"the dataset {args.dataset} gives no case: {summary(frame)}.")
    write_retrieval_cases(args.output, frame)
    tied = tie_counts(frame)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage="build_retrieval_cases",
        section=given(section),
        inputs=folders.retrieval_input_files(section),
        extra={
            "dataset": args.dataset,
            "seed": args.seed,
            "cases": len(frame),
            "images": int(frame["image_path"].nunique()),
            "groups": int(frame["group"].nunique()),
            "status": frame["status"].value_counts().to_dict(),
            "tied_cases": int((tied > 0).sum()),
            "tied_options": int(tied.sum()),
            "text_sha256": frame["text_sha256"].iloc[0],
            "tagger": frame["tagger"].iloc[0],
        },
    )
    print(summary(frame))


def tie_counts(frame: pd.DataFrame) -> pd.Series:
    """For each case, the number of false options that read the same as the true one."""
    counts = [ties(options, truth) for options, truth in zip(frame["options"], frame["truth"], strict=True)]
    return pd.Series(counts, index=frame.index, dtype="int64")


def summary(frame: pd.DataFrame) -> str:
    """How many cases, images and ties a table has and how many cases are lost; the lost ones with their positions."""
    lost, tied = frame[frame["status"] != "ok"], tie_counts(frame)
    text = (
        f"{len(frame)} cases of {frame['image_path'].nunique()} images, {int(tied.sum())} false options read as the true "
        f"one (in {int((tied > 0).sum())} cases), {len(lost)} lost"
    )
    rows = lost[["position", "status", "reason"]].head(_TOLD).to_numpy().tolist()
    told = [f"case {position}: {status}, {str(reason).rstrip('.')}" for position, status, reason in rows]
    told += [f"{len(lost) - _TOLD} more"] if len(lost) > _TOLD else []
    return f"{text}: {'; '.join(told)}" if told else text


def _read(dataset: str, section: RetrievalDatasetSection, images: Path, seed: int) -> list[RetrievalCase]:
    files = folders.retrieval_input_files(section)
    if folders.is_mirror(section):
        return mirror_cases(dataset, section.kind, files, images, first=section.first)
    if isinstance(section, PairRetrievalDataset):
        return pair_cases(dataset, section.kind, files[0], first=section.first)
    if not isinstance(section, OrderRetrievalDataset) or section.tagger is None:
        raise InputError(
            f"the retrieval dataset {dataset} has no `tagger`, which the shuffles of {section.file} need: "
            "name a spaCy pipeline such as en_core_web_sm."
        )
    tagger = open_tagger(section.tagger)
    return order_cases(dataset, files[0], tagger, seed=seed, max_words=section.max_words, first=section.first)
