"""Score the caption options of one shard's cases by the diffusion model, and put the scores into their table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from infodecomp.estimator.batching import groups
from infodecomp.estimator.options import Scores
from infodecomp.information.study_draws import study_interval
from infodecomp.jobs.model_job import ModelJob
from infodecomp.retrieval.plan import ScoringPlan
from infodecomp.retrieval.race import race
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.progress import Progress
from infodecomp.runs.shards import Outcome

# The fewest images that race together, so that batches stay full although cases end one by one.
IMAGES_AT_ONCE = 32


def score_cases(stage: ModelJob, plan: ScoringPlan) -> None:
    """Score and store the cases that the shard still lacks; those of one image and crop share its latent."""
    jobs = stage.shard.pending()
    if not jobs:
        return
    cases = sum(len(job.cases) for job in jobs)
    with Progress(f"score_retrieval shard {stage.args.shard}", cases, "cases") as progress:
        interval = study_interval(stage.model.logsnr_range, plan.drawn.range) if plan.information_scores else None
        latents = stage.images.latents(jobs, lambda job: job.cases[0].crop)
        for together in groups(latents, _ImagesAtOnce(stage)):
            for image in race(stage, together, plan, interval):
                for case in image.job.cases:
                    stage.shard.store(case, _arrays(image.scores(case, plan)))
                    progress.advance()


@dataclass(frozen=True)
class _ImagesAtOnce:
    """How many images race together now: more while a batch holds many rows."""

    stage: ModelJob

    def __int__(self) -> int:
        return max(IMAGES_AT_ONCE, int(self.stage.model.batch_size) // 4)


def _arrays(scores: Mapping[str, Scores]) -> dict[str, np.ndarray]:
    """The arrays of a case: values and errors of each option, and evaluations, under the name of the score."""
    arrays: dict[str, np.ndarray] = {}
    for name, score in scores.items():
        arrays[f"{name}/value"] = score.value
        arrays[f"{name}/error"] = score.error
        arrays[f"{name}/evaluations"] = np.array(score.evaluations)
    return arrays


def score_table(outcomes: Iterable[Outcome], scores: Sequence[str]) -> pd.DataFrame:
    """One row of `RETRIEVAL_SCORE_COLUMNS` per case, score and option; failed cases with NaN and their status.

    Args:
        outcomes: of the cases of a shard, stored or failed.
        scores: their names.
    """
    rows = [
        {
            "case_id": outcome.case.case_id,
            "option": option,
            "score": name,
            "value": float(outcome.arrays[f"{name}/value"][option]) if outcome.arrays else float("nan"),
            "error": float(outcome.arrays[f"{name}/error"][option]) if outcome.arrays else float("nan"),
            "evaluations": int(outcome.arrays[f"{name}/evaluations"]) if outcome.arrays else 0,
            "status": outcome.status,
            "reason": outcome.reason,
        }
        for outcome in outcomes
        for name in scores
        for option in range(len(outcome.case.options))
    ]
    return pd.DataFrame(rows, columns=list(RETRIEVAL_SCORE_COLUMNS))
