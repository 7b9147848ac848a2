"""What a single word of a caption tells beside the others: the parts of its pairs, averaged over its partners. Numpy only.

For a word with the partners 1 … K, given the rest of the caption without both (`infodecomp.metrics.partial_information`):

    unique       1/K Σ_k u_k     what the word tells and its partner does not
    redundancy   1/K Σ_k r_k     what either tells
    synergy      1/K Σ_k s_k     what only both together tell

Every pixel is taken apart by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from infodecomp.metrics.partial_information import Information, Redundancy, decompose

PARTS = ("unique", "redundancy", "synergy")
# Under which condition pairs are taken apart here: as CMI, given all other words.
CONDITION = "given_rest"

# Of a pair of words: the rest of the caption, with the one, with the other, and with both.
PROMPTS_A_PAIR = 4


def average_parts(
    pairs: Iterable[tuple[Any, Information]], measure: Redundancy, surprisal: Mapping[str, float]
) -> dict[str, dict[str, np.ndarray]]:
    """Case id → part → map (h, w), nats, float64, of every word that is a case.

    Args:
        pairs: rows of the table of pairs, and the information of each, (h, w).
        measure: of redundancy.
        surprisal: of each word in lower case, nats, for `ppid`.

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
