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


# Stage → the parts of a study that run it; scores of captions are of retrieval alone.
_MAPS = {"localisation", "editing", "pairs", "faithfulness"}
_PARTS: dict[str, set[str]] = {
    "generate_images": {"localisation"},
    "explain_images": {"localisation"},
    "pilot_density": _MAPS,
    "estimate_information": _MAPS,
    "record_attention": {"localisation", "faithfulness"},
    "record_gradients": {"localisation", "faithfulness"},
    "edit_images": {"editing", "pairs", "faithfulness"},
    "decompose_information": {"pairs", "faithfulness"},
    "judge_maps": {"faithfulness"},
}


def study_work(config: Config, cases: Mapping[str, pd.DataFrame]) -> Iterator[Work]:
    """The stages that run the denoiser on the datasets whose cases are known, in the order of a run.

    Args:
        config: of the study; stages that none of its `parts` needs are left out.
        cases: dataset → its cases table; datasets without one are skipped.
    """
    for name in config.datasets:
        if name in cases and _is_used(config, name):
            for work in _WORK:
                for one in work(config.of_dataset(name), name, cases[name]):
                    if _PARTS[one.stage] & set(config.parts):
                        yield one
    for name in config.retrieval_datasets:
        if name in cases and "retrieval" in config.parts:
            yield from retrieval_work(config, name, cases[name])


def _is_used(config: Config, name: str) -> bool:
    """Whether some part works on a dataset: localisation on all, the others on those that are edited, paired or judged."""
    dataset = config.datasets[name]
    return "localisation" in config.parts or dataset.editing or dataset.word_pairs or name in config.judged_datasets
