"""From the scores of captions to the rows of the accuracy table, the table by group and the paired comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config.settings import TabulateRetrieval
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.retrieval import (
    Decisions,
    GroupCredits,
    Pairing,
    credits_by_group,
    decide,
    macro_accuracy,
    wilson_interval,
)
from infodecomp.metrics.retrieval_comparison import CaseGroups, group_accuracy, pair_methods, true_options
from infodecomp.retrieval.scored_datasets import ScoredDataset
from infodecomp.retrieval.scores import option_counts, scores_by_case
from infodecomp.runs.seeds import generator

# One row per dataset and method. Accuracies and chance are fractions. `ties` counts the cases that the policy for ties
# applies to; cases that it drops are not in n.
TABLE_COLUMNS: dict[str, str] = {
    "dataset": "string",
    "method": "string",
    "n": "int64",
    "n_failed": "int64",
    "ties": "int64",
    "micro": "float64",
    "micro_low": "float64",
    "micro_high": "float64",
    "macro": "float64",
    "macro_low": "float64",
    "macro_high": "float64",
    "macro_asymmetric": "float64",
    "chance": "float64",
    "evaluations_per_case": "float64",
}

# One row per dataset, group and method; `change` is the accuracy less that of clip.
GROUP_COLUMNS = [
    *("dataset", "group", "symmetric", "method"),
    *("n", "n_failed", "accuracy", "low", "high", "change", "mark"),
]

# One row per dataset and two methods; counts and accuracies are of the cases that both decided.
PAIR_COLUMNS = ["dataset", "method_a", "method_b", *(field.name for field in fields(Pairing))]

BASELINE = "clip"


@dataclass(frozen=True)
class RetrievalTables:
    """Rows of one dataset: `rows` of `TABLE_COLUMNS`, `by_group` of `GROUP_COLUMNS`, `paired` of `PAIR_COLUMNS`."""

    rows: list[dict[str, Any]]
    by_group: pd.DataFrame
    paired: pd.DataFrame


def tabulate(dataset: ScoredDataset, section: TabulateRetrieval, symmetric: Set[str], seed: int) -> RetrievalTables:
    """Rows of one dataset, in the order of the configured methods; all share the resamples of the groups.

    Args:
        dataset: its cases and scores.
        section: methods, policy for ties, resamples, confidence and the change that is marked.
        symmetric: relations that read the same both ways.
        seed: of the resamples.
    """
    groups = CaseGroups.of(dataset.cases["group"].tolist(), dataset.section.minimum_group)
    relations = dataset.section.kind == "vg_relation"
    reads_the_same = np.array([relations and name in symmetric for name in groups.names], dtype=bool)  # (G,)
    weights = resample_weights(
        int(groups.large.sum()), section.statistics.bootstrap, generator(seed, dataset.name, "bootstrap over groups")
    )
    counts = option_counts(dataset.cases)
    truth, same_text = true_options(dataset.cases["options"].tolist(), dataset.cases["truth"].to_numpy(), counts > 0)
    chance = float((1.0 / counts[counts > 0]).mean()) if (counts > 0).any() else float("nan")
    rows, decisions, credits = [], dict[str, Decisions](), dict[str, GroupCredits]()
    for method in section.methods:
        scores = scores_by_case(dataset.scores, dataset.cases, method)
        made = decide(scores.values, truth, same_text, section.table.ties)
        by_group = credits_by_group(made.credit, groups.of_case, len(groups.names))
        decisions[method], credits[method] = made, by_group
        macro = macro_accuracy(by_group.accuracy[groups.large], weights, section.statistics.confidence)
        asymmetric = by_group.accuracy[groups.large & ~reads_the_same]
        rows.append(
            {
                "dataset": dataset.name,
                "method": method,
                **_micro(made, section.statistics.confidence),
                "macro": macro.value,
                "macro_low": macro.low,
                "macro_high": macro.high,
                "macro_asymmetric": _mean(asymmetric[np.isfinite(asymmetric)]) if relations else float("nan"),
                "chance": chance,
                "evaluations_per_case": _mean(scores.evaluations[made.scored]),
            }
        )
    paired = [
        {"dataset": dataset.name, "method_a": a, "method_b": b, **asdict(pairing)}
        for a, b, pairing in pair_methods(decisions)
    ]
    return RetrievalTables(
        rows,
        _by_group(dataset.name, decisions, credits, groups, reads_the_same, section),
        pd.DataFrame(paired, columns=PAIR_COLUMNS),
    )


def _micro(decisions: Decisions, confidence: float) -> dict[str, Any]:
    counted = decisions.credit[np.isfinite(decisions.credit)]
    low, high = wilson_interval(counted.sum(), np.array(len(counted)), confidence)
    return {
        "n": len(counted),
        "n_failed": int((~decisions.scored).sum()),
        "ties": int(decisions.tied.sum()),
        "micro": _mean(counted),
        "micro_low": float(low),
        "micro_high": float(high),
    }


def _by_group(
    dataset: str,
    decisions: Mapping[str, Decisions],
    credits: Mapping[str, GroupCredits],
    groups: CaseGroups,
    symmetric: np.ndarray,
    section: TabulateRetrieval,
) -> pd.DataFrame:
    """Rows of all groups, small ones too; sorted by group, then method."""
    tables = []
    for method, own in credits.items():
        baseline = None if method == BASELINE else credits.get(BASELINE)
        found = group_accuracy(decisions[method], own, groups, section.statistics.confidence, baseline)
        tables.append(
            pd.DataFrame(
                {
                    "dataset": dataset,
                    "group": groups.names,
                    "symmetric": symmetric,
                    "method": method,
                    "n": found.count,
                    "n_failed": found.failed,
                    "accuracy": found.accuracy,
                    "low": found.low,
                    "high": found.high,
                    "change": found.change,
                    "mark": [_mark(value, section.table.mark_change) for value in found.change],
                },
                columns=GROUP_COLUMNS,
            )
        )
    return pd.concat(tables).sort_values("group", kind="stable")


def _mark(change: float, beyond: float) -> str:
    """▲ or ▼ for a change beyond the limit; a change equal to the limit, up to rounding, is not beyond it."""
    if not abs(change) > beyond + 1e-9:
        return ""
    return "▲" if change > 0 else "▼"


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
