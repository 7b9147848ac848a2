"""Read a retrieval dataset of any kind into cases, and count its ties and lost cases."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from infodecomp.config import OrderRetrievalSource, PairRetrievalSource, RetrievalSource
from infodecomp.datasets.aro_mirrors import mirror_cases
from infodecomp.datasets.aro_order import order_cases
from infodecomp.datasets.aro_pairs import pair_cases
from infodecomp.datasets.retrieval_cases import RetrievalCase, ties
from infodecomp.datasets.retrieval_folders import is_mirror, retrieval_input_files
from infodecomp.runs.errors import InputError
from infodecomp.scenes.tagger import open_tagger

# Lost cases that are printed one by one.
_SHOWN = 20


def read_dataset(dataset: str, section: RetrievalSource, images: Path, seed: int) -> list[RetrievalCase]:
    """The cases of a dataset, in the order of its source.

    Args:
        dataset: its name.
        section: its kind, files and limits.
        images: folder of its images; those of a Parquet mirror are written there.
        seed: of the shuffles of an order set.

    Raises:
        InputError: a file that cannot be read, or an order set of JSON without a tagger.
    """
    files = retrieval_input_files(section)
    if is_mirror(section):
        return mirror_cases(dataset, section.kind, files, images, first=section.first)
    if isinstance(section, PairRetrievalSource):
        return pair_cases(dataset, section.kind, files[0], first=section.first)
    if not isinstance(section, OrderRetrievalSource) or section.tagger is None:
        raise InputError(
            f"the retrieval dataset {dataset} has no `tagger`, which is needed to shuffle the captions of {section.file}: "
            "name a spaCy pipeline such as en_core_web_sm."
        )
    tagger = open_tagger(section.tagger)
    return order_cases(dataset, files[0], tagger, seed=seed, max_words=section.max_words, first=section.first)


def tie_counts(frame: pd.DataFrame) -> pd.Series:
    """For each case, the number of false options that read the same as the true one."""
    counts = [ties(options, truth) for options, truth in zip(frame["options"], frame["truth"], strict=True)]
    return pd.Series(counts, index=frame.index, dtype="int64")


def describe(frame: pd.DataFrame) -> str:
    """One sentence: numbers of cases, images, ties and lost cases; the first lost ones with their positions and reasons."""
    lost, tied = frame[frame["status"] != "ok"], tie_counts(frame)
    text = (
        f"{len(frame)} cases of {frame['image_path'].nunique()} images, {int(tied.sum())} false options that read like the "
        f"true one (in {int((tied > 0).sum())} cases), {len(lost)} lost"
    )
    rows = lost[["position", "status", "reason"]].head(_SHOWN).to_numpy().tolist()
    shown = [f"case {position}: {status}, {str(reason).rstrip('.')}" for position, status, reason in rows]
    shown += [f"{len(lost) - _SHOWN} more"] if len(lost) > _SHOWN else []
    return f"{text}: {'; '.join(shown)}" if shown else text
