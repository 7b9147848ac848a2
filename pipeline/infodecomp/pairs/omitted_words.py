"""Does redundancy predict that a word can be omitted? Word pairs against the edits of their words.

Omitting a word that its partner makes redundant should change the image little (Dewan et al., NeurIPS 2024). The change is
that of the editing study: the squared difference of the latents regenerated with and without the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from infodecomp.config import StatisticsSection
from infodecomp.editing.edits import has_swap, read_edit_maps, read_edits
from infodecomp.metrics.bootstrap import resample_weights
from infodecomp.metrics.correlation import across_cases, spearman
from infodecomp.pairs.markdown import ALL_KINDS
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.tables.spreadsheet_text import read_shown_csv

# All i^o of the whole image, nats. redundancy, share, unique: of the words alone, share being redundancy over the
# information of the word; the same given the rest of the caption; cmi: of the word given all others, from the editing study.
PREDICTORS = (
    *("redundancy", "share", "unique"),
    *("redundancy_given_rest", "share_given_rest", "unique_given_rest"),
    "cmi",
)

OMITTED_COLUMNS = [
    *("dataset", "case_id", "image_id", "kind", "word", "partner", "caption"),
    *PREDICTORS,
    "change",
]
CORRELATION_COLUMNS = ["dataset", "kind", "predictor", "r", "r_low", "r_high", "spearman", "n", "images"]


def omitted_words(
    dataset: str, table: pd.DataFrame, cases: pd.DataFrame, edits: Sequence[Path], maps: Path
) -> pd.DataFrame:
    """A row of `OMITTED_COLUMNS` for each word of a pair that the editing study omitted from its caption.

    Args:
        dataset: its name.
        table: its rows from `decomposition.decomposed`, with the case ids of both words.
        cases: the cases table.
        edits, maps: shards of edit_images, and the folder of their maps.

    Raises:
        InputError: edits do not belong to the cases, or their maps are missing.
    """
    frame = read_edits(edits, cases)
    finished = frame.assign(swapped=has_swap(frame))[frame["status"] == "ok"].set_index("case_id")
    chosen = table[(table["estimator"] == "orthogonal") & (table["level"] == "image") & (table["status"] == "ok")]
    given_rest = chosen[chosen["condition"] == "given_rest"].set_index("case_id")
    changes: dict[str, float] = {}
    rows = []
    for pair in chosen[chosen["condition"] == "alone"].to_dict("records"):
        for word, partner in (("first", "second"), ("second", "first")):
            case = pair[f"case_{word}"]
            if case not in finished.index:
                continue
            if case not in changes:
                change = read_edit_maps(maps / f"{case}.npz", bool(finished.loc[case, "swapped"])).change
                changes[case] = float(change["latent_l2", "omit"].sum(dtype=np.float64))
            rest: Any = given_rest.loc[pair["case_id"]]
            rows.append(
                {
                    **{name: pair[name] for name in ("case_id", "image_id", "kind", "caption")},
                    "dataset": dataset,
                    "word": pair[word],
                    "partner": pair[partner],
                    **_predictors(pair, word, ""),
                    **_predictors(rest, word, "_given_rest"),
                    "cmi": float(finished.loc[case, "cmi_o"]),
                    "change": changes[case],
                }
            )
    return pd.DataFrame(rows, columns=OMITTED_COLUMNS)


def _predictors(pair: Any, word: str, suffix: str) -> dict[str, float]:
    redundancy, information = float(pair["redundancy"]), float(pair[f"information_{word}"])
    return {
        f"redundancy{suffix}": redundancy,
        f"share{suffix}": redundancy / information if information > 0 else float("nan"),
        f"unique{suffix}": float(pair[f"unique_{word}"]),
    }


def correlations(words: pd.DataFrame, statistics: StatisticsSection, seed: int) -> pd.DataFrame:
    """Pearson's r of each predictor with the change, with its interval over images, by dataset and kind of word pair.

    Args:
        words: rows of `OMITTED_COLUMNS`.
        statistics: resamples and confidence.
        seed: of the bootstrap.

    Returns:
        rows of `CORRELATION_COLUMNS`.
    """
    rows = []
    for dataset, of_dataset in words.groupby("dataset", sort=False):
        image, weights = _resamples(str(dataset), of_dataset["image_id"], statistics, seed)
        for kind in (ALL_KINDS, *of_dataset["kind"].unique()):
            chosen = (of_dataset["kind"] == kind).to_numpy() | (kind == ALL_KINDS)
            change = of_dataset["change"].to_numpy(np.float64)[chosen]
            for predictor in PREDICTORS:
                values = of_dataset[predictor].to_numpy(np.float64)[chosen]
                known = np.isfinite(values)
                found = across_cases(values, change, image[chosen].astype(np.int64), weights)
                low, high = found.interval(statistics.confidence)
                rows.append(
                    {
                        "dataset": dataset,
                        "kind": kind,
                        "predictor": predictor,
                        "r": found.value,
                        "r_low": low,
                        "r_high": high,
                        "spearman": float(spearman(values[known], change[known])),
                        "n": int(known.sum()),
                        "images": len(np.unique(image[chosen][known])),
                    }
                )
    return pd.DataFrame(rows, columns=CORRELATION_COLUMNS)


def read_omitted(path: Path) -> pd.DataFrame:
    """The table of omitted words, rows of `OMITTED_COLUMNS`; InputError if the file is not such a table."""
    try:
        words = read_shown_csv(path, dtype={"image_id": str})
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a table ({error}); run tabulate_partial_information again."
        ) from error
    missing = [name for name in OMITTED_COLUMNS if name not in words]
    if missing:
        raise InputError(f"{path} lacks the columns {', '.join(missing)}; run tabulate_partial_information again.")
    return words


def image_weights(
    words: pd.DataFrame, statistics: StatisticsSection, seed: int
) -> tuple[pd.Series, dict[str, np.ndarray]]:
    """The number of the image of each row in its dataset, int64; and dataset → (R, G), the resamples of its images.

    With the resamples of `correlations`, a figure has the intervals of the table. words: rows of `OMITTED_COLUMNS`.
    """
    numbers, weights = pd.Series(0, index=words.index), {}
    for name, rows in words.groupby("dataset", sort=False):
        numbers[rows.index], weights[str(name)] = _resamples(str(name), rows["image_id"], statistics, seed)
    return numbers, weights


def _resamples(
    dataset: str, images: pd.Series, statistics: StatisticsSection, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    image, names = pd.factorize(images, sort=True)
    rng = generator(seed, dataset, "omitted words")
    return image, resample_weights(len(names), statistics.bootstrap, rng)
