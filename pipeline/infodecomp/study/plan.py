"""From counted work and the measured speed of the model to the rows of the plan, and notes on them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from infodecomp.config import Config
from infodecomp.jobs.work import Work

if TYPE_CHECKING:
    from infodecomp.models.speed import Speed

PLAN_COLUMNS = [
    *("dataset", "stage", "cases", "images", "jobs", "evaluations", "at_most"),
    *("hours", "minutes_a_job", "shards_advised", "gigabytes"),
]

_GIGABYTE = 1e9


def plan_table(
    works: Sequence[Work], speed: Speed | None, minutes_per_job: int, others: Mapping[str, Speed] | None = None
) -> pd.DataFrame:
    """One row of `PLAN_COLUMNS` per dataset and stage.

    Args:
        works: in the order of the rows.
        speed: of the model on this machine; None: hours and gigabytes are NaN, and no shards are advised (0).
        minutes_per_job: how long one job should take, loading aside.
        others: `Work.timed` → the speed of what is not done with the model.
    """
    rows, speeds = [], {"": speed, **(others or {})}
    for work in works:
        timed = speeds.get(work.timed)
        seconds = math.nan if timed is None else timed.seconds(work.evaluations, work.recorded, work.jobs)
        size = math.nan if timed is None else work.leaves.total(timed.latent_shape, timed.image_size)
        own = 0.0 if timed is None else timed.seconds(work.evaluations, work.recorded, 0)
        rows.append(
            {
                "dataset": work.dataset,
                "stage": work.stage,
                "cases": work.cases,
                "images": work.images,
                "jobs": work.jobs,
                "evaluations": work.evaluations,
                "at_most": work.at_most,
                "hours": seconds / 3600,
                "minutes_a_job": seconds / 60 / work.jobs,
                "shards_advised": math.ceil(max(own, 1) / 60 / minutes_per_job) if timed else 0,
                "gigabytes": size / _GIGABYTE,
            }
        )
    return pd.DataFrame(rows, columns=PLAN_COLUMNS)


def plan_notes(config: Config, counted: Collection[str], speed: Speed | None, no_speed: str) -> Iterator[str]:
    """Where the numbers of the plan come from, and what they leave out.

    Args:
        config: of the study.
        counted: the datasets whose cases are known.
        speed: of the model on this machine, None if it could not be timed.
        no_speed: why not.
    """
    missing = [name for name in (*config.datasets, *config.retrieval_datasets) if name not in counted]
    if missing:
        yield (
            f"Not counted, because their files are missing: {', '.join(missing)}. "
            "`snakemake fetch` downloads those that can be fetched."
        )
    if speed is None:
        yield f"No hours and no disk space, because the model could not be timed: {no_speed.rstrip('.')}."
    else:
        yield (
            f"Hours are those of one device ({speed.device}) running one job after another, from a short timing on this "
            f"machine: {1 / speed.plain:.3g} evaluations/s in batches of {speed.batch_size}, {1 / speed.recorded:.3g}/s "
            f"with attention recorded, {speed.start_up:.0f} s to load the model. Divide them by the number of devices."
        )
        yield "Disk space is that of maps, latents and pictures; tables, figures and downloads add to it."
    if config.retrieval.scoring.stopping == "racing" and config.retrieval_datasets:
        yield "≤: a race ends most cases before their whole budget is drawn."
    yield "Shards: set `datasets.<name>.shards`; where the stages of a dataset differ, use the largest number."
    yield "CLIP, tables and figures are not counted: they take minutes."
