"""Run the estimator on points of a closed-form problem, with every density and design, and compare with the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from infodecomp.config import PilotSection, ValidationGridSection
from infodecomp.config.settings import ValidateEstimator
from infodecomp.estimator.adaptive_density import AdaptiveDensity, fit_density, integrand_squares, pilot_draws
from infodecomp.estimator.densities import Placing
from infodecomp.estimator.estimates import Estimate, MapEstimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval, interval_of
from infodecomp.estimator.sampling import draws_of
from infodecomp.runs.progress import Progress
from infodecomp.runs.seeds import generator
from infodecomp.validation.points import PAIR, ClosedForm, Point, Truth
from infodecomp.validation.problems import problem

# Rows of x_α in one call of the exact denoiser.
_BATCH = 512


@dataclass(frozen=True)
class _Setting:
    """Settings of a run; placing: the density as `sample_draws` takes it; steps: numbers of draws nested in the run."""

    density: str
    placing: str | Placing
    design: str
    antithetic_eps: bool
    steps: Sequence[int]

    def columns(self, count: int) -> dict[str, Any]:
        """The columns of `RUN_COLUMNS` that identify the setting and one of its numbers of draws."""
        return {
            "density": self.density,
            "design": self.design,
            "antithetic": self.antithetic_eps,
            "steps": count,
        }


def problem_runs(name: str, settings: ValidateEstimator, seed: int) -> Iterator[dict[str, Any]]:
    """Rows of `RUN_COLUMNS` for one problem.

    A point depends only on its number, and a run only on its point, number and setting, not on how many others there are.
    """
    closed_form, section = problem(name), settings.grid
    interval = interval_of(settings.range, closed_form.denoiser.logsnr_range)
    designs = list(_settings(section, _densities(name, closed_form, settings, interval, seed)))
    with Progress(f"validate_estimator {name}", section.points, "points") as progress:
        for number in range(section.points):
            point = closed_form.point(generator(seed, name, "point", number))
            truth = closed_form.truth(point, interval)
            known = {"problem": name, "dimension": point.x.numel(), "point": number, "log_ratio": point.log_ratio}
            for setting, run in product(designs, range(section.runs)):
                whole = _run(closed_form, point, setting, interval, (seed, name, number), run)
                for count in setting.steps:
                    for row in _rows(whole.at(count), truth, settings.confidence):
                        yield {**known, **setting.columns(count), "run": run, **row}
            progress.advance()


def pilot(name: str, closed_form: ClosedForm, section: PilotSection, interval: Interval, seed: int) -> AdaptiveDensity:
    """The density fitted to `images` points of a problem."""
    pilots = []
    for number in range(section.images):
        rng = generator(seed, name, "pilot", number)
        point = closed_form.point(rng)
        draws = pilot_draws(closed_form.shape, section.draws, interval, rng)
        found = estimate(closed_form.denoiser, point.x, point.prompts, [PAIR], draws, _BATCH)
        pilots.append(integrand_squares(found, {"information": PAIR}))
    return fit_density(pilots, interval)


def _densities(
    name: str,
    closed_form: ClosedForm,
    settings: ValidateEstimator,
    interval: Interval,
    seed: int,
) -> dict[str, str | Placing]:
    """The configured densities by name; the adaptive one is fitted to separate points."""
    found: dict[str, str | Placing] = {"logistic": "logistic"}
    if "adaptive" in settings.grid.densities:
        found["adaptive"] = pilot(name, closed_form, settings.pilot, interval, seed).draws
    return {density: found[density] for density in settings.grid.densities}


def _settings(section: ValidationGridSection, densities: Mapping[str, str | Placing]) -> Iterator[_Setting]:
    for (density, placing), design, antithetic in product(densities.items(), section.designs, section.antithetic_eps):
        # Midpoints do not nest: each number of draws is a separate run.
        nested: list[Sequence[int]] = [[n] for n in section.steps] if design == "midpoint" else [section.steps]
        yield from (_Setting(density, placing, design, antithetic, steps) for steps in nested)


def _run(
    closed_form: ClosedForm, point: Point, setting: _Setting, interval: Interval, key: tuple[int, str, int], run: int
) -> Estimate:
    """One run of the estimator at a point."""
    draws = draws_of(
        setting,
        steps=setting.steps,
        shape=closed_form.shape,
        interval=interval,
        density=setting.placing,
        # The same places on the log-SNR axis and the same noise for all densities.
        rng=generator(*key, setting.design, str(setting.antithetic_eps), setting.steps[-1], run),
    )
    return estimate(closed_form.denoiser, point.x, point.prompts, [PAIR], draws, _BATCH)


def _rows(found: Estimate, truth: Truth, confidence: float) -> Iterator[dict[str, Any]]:
    """Both quantities, for the total and for pixels, except those about which y carries no information (0 ± 0)."""
    informed = truth.orthogonal > 1e-9 * truth.orthogonal.max()
    for quantity, kind in (("i_s", "standard"), ("i_o", "orthogonal")):
        estimated: MapEstimate = getattr(found, kind)[PAIR]
        exact: np.ndarray = getattr(truth, kind)
        ends = [end[informed] for end in estimated.map_interval(confidence)]
        compared: dict[str, tuple[Any, Any, Any]] = {
            "total": (np.array(estimated.total), exact.sum(), estimated.total_interval(confidence)),
            "pixel": (estimated.map[informed], exact[informed], ends),
        }
        for level, (value, true, (low, high)) in compared.items():
            yield {
                "quantity": quantity,
                "level": level,
                "squared_truth": float(np.mean(np.square(true))),
                "deviation": float(np.mean(value - true)),
                "squared_error": float(np.mean((value - true) ** 2)),
                "covered": float(np.mean((low <= true) & (true <= high))),
                "evaluations": found.evaluations,
            }
