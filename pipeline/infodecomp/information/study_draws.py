"""The draws (α, ε) of a study: over which log-SNRs it integrates, with which density, and the draws of each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from infodecomp.config import DrawsSection, RangeSection
from infodecomp.config.designs import Sampled
from infodecomp.estimator.densities import Placing, logistic_shares
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.interval import Interval, interval_of
from infodecomp.estimator.sampling import draws_of
from infodecomp.information.pilot_file import read_density
from infodecomp.jobs.model_inputs import ModelInputs
from infodecomp.runs.errors import InputError
from infodecomp.runs.seeds import generator
from infodecomp.runs.shards import ImageJob


def study_interval(logsnr_range: tuple[float, float], section: RangeSection) -> Interval:
    """The log-SNRs to integrate over for a model trained on `logsnr_range`.

    Prints a warning if they leave that range, which `information → range → beyond_trained_range` allows.
    """
    low, high = logsnr_range
    interval = interval_of(section, (low, high))
    if interval.low < low or interval.high > high:
        print(
            f"warning: log-SNRs {interval.low:.2f} … {interval.high:.2f} leave the model's trained range "
            f"{low:.2f} … {high:.2f}, because information → range → beyond_trained_range is true",
            flush=True,
        )
    return interval


def study_density(pilot: Path | None, section: DrawsSection) -> str | Placing:
    """The density of the draws: its name, or the one that a pilot fitted; pilot: its density.json.

    Raises InputError if the density is adaptive and there is no pilot.
    """
    if section.density != "adaptive":
        return section.density
    if pilot is None:
        raise InputError(
            "--pilot is missing; with information → draws → density: adaptive, pass the density.json of pilot_density."
        )
    return read_density(pilot).draws


def study_draws(
    stage: ModelInputs,
    settings: Sampled,
    steps: Sequence[int],
    *,
    extendable: bool = False,
    interval: Interval | None = None,
) -> Callable[[ImageJob], Draws]:
    """Image → its draws, which all stages of a study share that estimate its information.

    steps: numbers of draws. extendable: whether a later run may continue. interval: of `study_interval`, if known already.
    """
    density = study_density(stage.pilot, settings.draws)
    interval = interval or study_interval(stage.model.logsnr_range, settings.range)

    def draws(job: ImageJob) -> Draws:
        return draws_of(
            settings.draws,
            steps=steps,
            extendable=extendable,
            shape=stage.model.latent_shape,
            interval=interval,
            density=density,
            rng=generator(stage.seed, job.image_id, "information"),
        )

    return draws


def recorded_draws(section: DrawsSection, interval: Interval, draws: Draws) -> list[float]:
    """How much each draw counts in a mean of attention over the draws.

    An adaptive density serves the integral of information alone: attention stays the mean over the logistic.
    """
    return logistic_shares(draws, interval).tolist() if section.density == "adaptive" else [1.0] * len(draws)
