"""The parts of a word's information relative to the other words: those of its word pairs, averaged over its partners.

For a word with partners 1 … K, given the rest of the caption without both (`infodecomp.metrics.partial_information`):

    unique       1/K Σ_k u_k     information of the word that its partner does not have
    redundancy   1/K Σ_k r_k     information that either has
    synergy      1/K Σ_k s_k     information that only both together have

Each cell is decomposed separately.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from infodecomp.metrics.partial_information import Information, Redundancy, decompose

PARTS = ("unique", "redundancy", "synergy")
# The condition of the decomposition: given all other words, as for CMI.
CONDITION = "given_rest"

# Prompts per word pair: the rest of the caption alone, with the first word, with the second, and with both.
PROMPTS_A_PAIR = 4


def average_parts(
    pairs: Iterable[tuple[Any, Information]], measure: Redundancy, surprisal: Mapping[str, float]
) -> dict[str, dict[str, np.ndarray]]:
    """Case id → part → map (h, w), nats, float64, for every word that is a case.

    Args:
        pairs: rows of the table of word pairs, each with its information, (h, w).
        measure: the measure of redundancy.
        surprisal: word in lower case → surprisal in nats, for `ppid`.

    >>> from types import SimpleNamespace
    >>> pair = SimpleNamespace(first="dog", second="bed", case_first="1", case_second="")
    >>> nats = Information(np.full((1, 1), 3.0), np.full((1, 1), 2.0), np.full((1, 1), 4.0))
    >>> parts = average_parts([(pair, nats)], "min", {"dog": 0.0, "bed": 0.0})
    >>> {part: heat.item() for part, heat in parts["1"].items()}
    {'unique': 1.0, 'redundancy': 2.0, 'synergy': 1.0}
    """
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for pair, information in pairs:
        atoms = decompose(information, measure, (surprisal[pair.first.lower()], surprisal[pair.second.lower()]))
        for case_id, unique in ((pair.case_first, atoms.unique_first), (pair.case_second, atoms.unique_second)):
            if case_id:
                parts = found.setdefault(case_id, {part: [] for part in PARTS})
                for part, heat in zip(PARTS, (unique, atoms.redundancy, atoms.synergy), strict=True):
                    parts[part].append(heat)
    return {
        case_id: {part: np.mean(heats, axis=0) for part, heats in parts.items()} for case_id, parts in found.items()
    }
