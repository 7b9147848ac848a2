"""Over which log-SNRs a study integrates, and with which density it draws them."""

from __future__ import annotations

from pathlib import Path

from infodecomp.config import InformationSection
from infodecomp.estimator.density import read_density
from infodecomp.estimator.sampling import Interval, Placing, integration_interval
from infodecomp.runs.errors import InputError


def study_interval(logsnr_range: tuple[float, float], information: InformationSection) -> Interval:
    """The log-SNRs to integrate over for a model trained on `logsnr_range`.

    Prints a warning if they leave that range, which `information → beyond_trained_range` allows.
    """
    low, high = logsnr_range
    interval = integration_interval(
        loc=information.loc,
        scale=information.scale,
        clip=information.clip,
        trained=(low, high),
        beyond_trained_range=information.beyond_trained_range,
    )
    if interval.low < low or interval.high > high:
        print(
            f"warning: log-SNRs {interval.low:.2f} … {interval.high:.2f} leave the model's trained range "
            f"{low:.2f} … {high:.2f}, because information → beyond_trained_range is true",
            flush=True,
        )
    return interval


def study_density(pilot: Path | None, information: InformationSection) -> str | Placing:
    """The density of the draws: its name, or the one that a pilot fitted; pilot: its density.json.

    Raises InputError if the density is adaptive and there is no pilot.
    """
    if information.density != "adaptive":
        return information.density
    if pilot is None:
        raise InputError(
            "--pilot is missing; with information → density: adaptive, pass the density.json of pilot_density."
        )
    return read_density(pilot).draws
