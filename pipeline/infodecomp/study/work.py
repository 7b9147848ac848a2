"""How much a study has to do: the work of every wing on every dataset, counted from the cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from infodecomp.attribution.work import explanation_work, generation_work
from infodecomp.config import Config
from infodecomp.editing.work import editing_work
from infodecomp.faithfulness.work import faithfulness_work
from infodecomp.information.work import information_work
from infodecomp.jobs.work import Work
from infodecomp.pairs.work import pairs_work
from infodecomp.retrieval.work import retrieval_work

# Count the work on a dataset of cases, in the order of a run; each yields nothing if the study leaves its stages out.
_WORK = (generation_work, information_work, explanation_work, editing_work, pairs_work, faithfulness_work)


def study_work(config: Config, cases: Mapping[str, pd.DataFrame]) -> Iterator[Work]:
    """The stages that run the denoiser on the datasets whose cases are known, in the order of a run.

    Args:
        config: of the study.
        cases: dataset → its cases table; datasets without one are skipped.
    """
    for name in config.datasets:
        if name in cases:
            for work in _WORK:
                yield from work(config.of_dataset(name), name, cases[name])
    for name in config.retrieval_datasets:
        if name in cases:
            yield from retrieval_work(config, name, cases[name])
