"""Denoiser evaluations and bytes of the decomposition of word pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from infodecomp.config import Config
from infodecomp.jobs.work import ARRAY_BYTES, Bytes, Work, by_image, usable
from infodecomp.pairs.pairing import word_pairs
from infodecomp.pairs.prompts import image_prompts
from infodecomp.pairs.readable import planned_reader

# Arrays without extent that are kept of a word pair: totals, counts, the key.
_SCALARS = 3


def pairs_work(config: Config, dataset: str, cases: pd.DataFrame) -> Iterator[Work]:
    """Every prompt of an image's word pairs once a draw, in each replicate."""
    if not config.datasets[dataset].word_pairs:
        return
    section = config.pairs.sampling
    pairs = usable(word_pairs(dataset, cases, config.pairs.selection, planned_reader(config.model)).table)
    prompts = sum(len(image_prompts(rows)) for rows in by_image(pairs))
    leaves = Bytes(fixed=len(pairs) * _SCALARS * ARRAY_BYTES, maps=len(pairs) * 12 * section.replicates)
    evaluations = prompts * section.steps * section.replicates
    work = Work.of(config, dataset, "decompose_information", pairs, evaluations, leaves)
    yield replace(work, jobs=config.pair_shards_of(dataset))
