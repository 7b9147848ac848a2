"""How many denoiser evaluations racing saves in the retrieval study, and how often it decides like the full budget.

    python benchmarks/retrieval.py [--cases 100] [--steps 12 24 48 96 192] [--error 0.025] [--seed 0] [--json FILE]

Builds the embedded sets in a temporary folder, scores them by i_s once with the full budget and once with racing, in the
same run, and prints for each set: cases, fraction decided alike, and evaluations and seconds of racing relative to the full
budget. Exits with 1 if fewer than 99 % are decided alike or more than a third of the evaluations are needed over all sets.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from infodecomp.config import (
    OrderRetrievalDataset,
    PairRetrievalDataset,
    RetrievalSection,
    ScenesSection,
    ScoringSection,
)
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.storage import read_table
from measuring import Row, Target, argument_parser, model_arguments, report, settings, stage

SETS = {
    "scenes_vg_relation": ("vg_relation", "visual_genome_relation.json", None),
    "scenes_vg_attribution": ("vg_attribution", "visual_genome_attribution.json", None),
    "scenes_noun_swap": ("vg_relation", "noun_swap.json", None),
    "scenes_coco_order": ("coco_order", "coco_karpathy_test.json", "scenes"),
    "scenes_flickr30k_order": ("flickr30k_order", "flickr30k_test.json", "scenes"),
}


def build(folder: Path, cases: int, seed: int) -> dict[str, Path]:
    """The cases tables of the embedded sets by name."""
    read = settings("draw_scenes_aro", scenes=ScenesSection(retrieval=cases, seed=seed))
    stage("draw_scenes_aro", "--settings", read, "--output-dir", folder / "aro")
    tables = {}
    for name, (kind, file, tagger) in SETS.items():
        shared = {"kind": kind, "file": str(folder / "aro" / file), "images": str(folder / "aro")}
        kinds = OrderRetrievalDataset(**shared, tagger=tagger) if tagger else PairRetrievalDataset(**shared)
        read = settings("build_retrieval_cases", name, datasets={}, retrieval_datasets={name: kinds})
        tables[name] = folder / name / "cases.parquet"
        arguments = ("--dataset", name, "--settings", read, "--seed", 0, "--output", tables[name])
        stage("build_retrieval_cases", *arguments)
    return tables


def score(folder: Path, cases: Path, section: RetrievalSection) -> tuple[pd.DataFrame, float]:
    """Scores of one set and their CPU seconds."""
    output = cases.parent / section.scoring.stopping
    child = stage(
        "score_retrieval",
        *model_arguments(cases, folder / "aro", output, settings("score_retrieval", retrieval=section)),
        *("--methods", *section.methods, "--threads", 1),
    )
    return read_table(output / "shard.parquet", RETRIEVAL_SCORE_COLUMNS), child.cpu_seconds


def decisions(scores: pd.DataFrame) -> pd.Series:
    """The option with the highest score of each case."""
    table = scores.pivot(index="case_id", columns="option", values="value")
    return pd.Series(np.argmax(table.to_numpy(), axis=1), index=table.index)


def evaluations(scores: pd.DataFrame) -> int:
    """Denoiser evaluations of all cases, each counted once."""
    return int(scores.groupby("case_id")["evaluations"].first().sum())


def main() -> int:
    """Compare the two ways over all sets."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--steps", type=int, nargs="+", default=[12, 24, 48, 96, 192])
    parser.add_argument("--error", type=float, default=ScoringSection().error)
    parser.add_argument("--seed", type=int, default=0, help="seed of the scenes")
    options = parser.parse_args()
    ways = (
        RetrievalSection(
            methods=("i_s",),
            scoring=ScoringSection(steps=tuple(options.steps), stopping=stopping, error=options.error),
        )
        for stopping in ("none", "racing")
    )
    whole, racing = ways
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, cases in build(folder, options.cases, options.seed).items():
            (full, full_seconds), (raced, raced_seconds) = (score(folder, cases, way) for way in (whole, racing))
            alike = decisions(full) == decisions(raced).reindex(decisions(full).index)
            rows.append(
                (name, len(alike), int(alike.sum()), evaluations(raced), evaluations(full), raced_seconds, full_seconds)
            )
            print(name, "done", flush=True)
    rows.append(("all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    cases, alike, used, budget = rows[-1][1:5]
    targets = [
        Target("share decided alike", alike / cases, 0.99, at_least=True),
        Target("share of the evaluations", used / budget, 1 / 3),
    ]
    return report("retrieval", {"racing against the whole budget": [line(*row) for row in rows]}, targets, options.json)


def line(name: str, cases: int, alike: int, used: int, budget: int, seconds: float, full_seconds: float) -> Row:
    """One row of the table."""
    return {
        "set": name,
        "cases": cases,
        "decided alike, %": 100 * alike / cases,
        "share of evaluations": used / budget,
        "share of CPU seconds": seconds / full_seconds,
    }


if __name__ == "__main__":
    sys.exit(main())
