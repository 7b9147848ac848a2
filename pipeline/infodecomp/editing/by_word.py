"""What omitting or swapping a word does: word by word, and separately for words that the rest of the caption implies.

The context implies a word when it leaves little of its information: when CMI, i(x; y*|c), is less than half of MI, i(x; y*),
both i^o, which is never negative. Only the estimates decide, so that no list of words is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from infodecomp.editing.edited_datasets import EditedDataset
from infodecomp.editing.edits import CHANGES, INTERVENTIONS
from infodecomp.editing.measures import quantity
from infodecomp.metrics.bootstrap import median_interval

IMPLIED_SHARE = 0.5  # CMI as a share of MI, below which the context implies the word

CONTEXTS = ("all", "implied", "not_implied")

_PREDICTORS = ("mi_s", "mi_o", "cmi_s", "cmi_o", "attention")

# n: cases with the intervention; n_masked of them have a ratio and n_judged a judgement. Totals and ratio are medians:
# nats, attention as recorded, squared change of the latent. For swap, CMI is against the swapped caption. The last two are
# the shares of judged pictures in which the word's object and its partner are seen.
_MEDIANS = [
    *("intervention", "n", "n_failed", *_PREDICTORS, "latent_l2", "n_masked", "inside_over_outside"),
    *("n_judged", "word_recognised", "partner_recognised"),
]

WORD_COLUMNS = ["dataset", "label", "context", *_MEDIANS]

IMPLIED_COLUMNS = ["dataset", "context", *_MEDIANS, "latent_l2_low", "latent_l2_high"]

Row = dict[str, Any]


def by_word(dataset: EditedDataset) -> list[Row]:
    """Rows of `WORD_COLUMNS`, one per label, context and intervention; only contexts in which a label has a case."""
    rows = []
    for label in sorted(set(dataset.label)):
        for context, members in _contexts(dataset).items():
            chosen = members & (dataset.label == label)
            if context == "all" or chosen.any():
                settings = {"dataset": dataset.name, "label": label, "context": context}
                rows += [{**settings, **_medians(dataset, intervention, chosen)} for intervention in INTERVENTIONS]
    return rows


def by_context(dataset: EditedDataset, weights: np.ndarray, confidence: float) -> list[Row]:
    """Rows of `IMPLIED_COLUMNS`, one per context and intervention, over all words.

    Args:
        dataset: its measures.
        weights: (R, G), resamples of the images, for the interval of the change.
        confidence: of that interval.
    """
    rows = []
    for context, chosen in _contexts(dataset).items():
        for intervention in INTERVENTIONS:
            change = np.where(chosen, _change(dataset, intervention), np.nan)
            found = median_interval(change, dataset.image, weights, confidence)
            ends = {"latent_l2_low": found.low[0], "latent_l2_high": found.high[0]}
            rows.append(
                {"dataset": dataset.name, "context": context, **_medians(dataset, intervention, chosen), **ends}
            )
    return rows


def _contexts(dataset: EditedDataset) -> dict[str, np.ndarray]:
    """Which cases belong to each of `CONTEXTS`, (n,) bool; a case without estimates is only in "all"."""
    cmi, mi = (dataset.edits[name].to_numpy(dtype=np.float64) for name in ("cmi_o", "mi_o"))
    implied = cmi < IMPLIED_SHARE * mi
    known = np.isfinite(cmi) & np.isfinite(mi)
    return dict(zip(CONTEXTS, (np.ones(len(mi), dtype=bool), known & implied, known & ~implied), strict=True))


def _medians(dataset: EditedDataset, intervention: str, chosen: np.ndarray) -> Row:
    """The columns of an intervention, over the chosen cases, (n,) bool."""
    change = _change(dataset, intervention)
    done = chosen & np.isfinite(change)
    totals = dataset.edits[done]
    ratio = dataset.measures[intervention].inside_over_outside[done]
    word, partner = (dataset.recognised(intervention, category)[done] for category in ("old", "new"))
    return {
        "intervention": intervention,
        "n": int(done.sum()),
        "n_failed": int((chosen & ~done).sum()),
        **{name: _median(totals[quantity(name, intervention)].to_numpy(dtype=np.float64)) for name in _PREDICTORS},
        "latent_l2": _median(change[done]),
        "n_masked": int(np.isfinite(ratio).sum()),
        "inside_over_outside": _median(ratio),
        "n_judged": int(np.isfinite(word).sum()),
        "word_recognised": _mean(word),
        "partner_recognised": _mean(partner),
    }


def _change(dataset: EditedDataset, intervention: str) -> np.ndarray:
    """Total change of the latent, (n,), NaN for a case without the intervention."""
    return np.asarray(dataset.measures[intervention].change[:, CHANGES.index("latent_l2")])


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
