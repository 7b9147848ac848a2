"""Run the estimator on points of one closed-form problem, with every design; a row says what a run found and missed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from infodecomp.config import InformationSection, ValidationSection, parse_section
from infodecomp.estimator.density import AdaptiveDensity, fit_density, integrand_squares, pilot_draws
from infodecomp.estimator.estimates import Estimate, MapEstimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.sampling import Interval, Placing, integration_interval, sample_draws
from infodecomp.metrics.validation import RUN_COLUMNS
from infodecomp.runs.errors import InputError
from infodecomp.runs.progress import Progress
from infodecomp.runs.provenance import write_provenance
from infodecomp.runs.seeds import generator
from infodecomp.runs.storage import write_table
from infodecomp.validation.points import PAIR, ClosedForm, Point, Truth
from infodecomp.validation.problems import PROBLEMS, problem

STAGE = "validate_estimator"

# Rows of x_α in one call of the exact denoiser.
_BATCH = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One problem; designs and numbers come from the configuration."""
    parser.add_argument("--problem", required=True, help="name of the problem")
    parser.add_argument("--section", required=True, help="the validation section of the configuration, JSON")
    parser.add_argument("--information", required=True, help="loc, scale and clip of the information section, JSON")
    parser.add_argument("--seed", type=int, required=True, help="of points and draws")
    parser.add_argument("--output", type=Path, required=True, help="Parquet table of the runs")


def run(args: argparse.Namespace) -> None:
    """Draw the points, run every design on each, write the rows."""
    torch.set_num_threads(1)  # the problems are small
    if args.problem not in PROBLEMS:
        raise InputError(f"--problem is {args.problem!r}; the problems are {', '.join(PROBLEMS)}.")
    section = parse_section(ValidationSection, args.section)
    information = parse_section(InformationSection, args.information)
    rows = pd.DataFrame(validate(args.problem, section, information, args.seed), columns=list(RUN_COLUMNS))
    write_table(args.output, rows, RUN_COLUMNS)
    write_provenance(
        args.output.with_suffix(".provenance.json"),
        stage=STAGE,
        section=section.model_dump(mode="json"),
        inputs=[],
        extra={"problem": args.problem, "seed": args.seed, "information": information.model_dump(mode="json")},
    )


def validate(
    name: str, section: ValidationSection, information: InformationSection, seed: int
) -> Iterator[dict[str, Any]]:
    """Rows of `RUN_COLUMNS` for one problem; a point and a run depend on their numbers alone."""
    closed_form = problem(name)
    interval = integration_interval(
        loc=information.loc,
        scale=information.scale,
        clip=information.clip,
        trained=closed_form.denoiser.logsnr_range,
        beyond_trained_range=False,
    )
    densities = _densities(name, closed_form, section, information, interval, seed)
    with Progress(f"{STAGE} {name}", section.points, "points") as progress:
        for number in range(section.points):
            point = closed_form.point(generator(seed, name, "point", number))
            truth = closed_form.truth(point, interval)
            known = {"problem": name, "dimension": point.x.numel(), "point": number, "log_ratio": point.log_ratio}
            for draw, setting, found in _runs(closed_form, point, densities, interval, section, (seed, name, number)):
                for row in _rows(found, truth, section.confidence):
                    yield {**known, **setting, "run": draw, **row}
            progress.advance()


def _runs(
    closed_form: ClosedForm,
    point: Point,
    densities: Mapping[str, str | Placing],
    interval: Interval,
    section: ValidationSection,
    key: tuple[int, str, int],
) -> Iterator[tuple[int, dict[str, Any], Estimate]]:
    """Every density's and design's estimates at each number of draws: number of the run, setting, estimate."""
    for (name, density), design, antithetic in product(densities.items(), section.designs, section.antithetic_eps):
        # Midpoints of more strata are other points: each number of draws is a run of its own.
        nested: list[Sequence[int]] = [[n] for n in section.steps] if design == "midpoint" else [section.steps]
        for steps, number in product(nested, range(section.runs)):
            draws = sample_draws(
                shape=closed_form.shape,
                steps=steps,
                density=density,
                design=design,
                antithetic_eps=antithetic,
                interval=interval,
                # The same places on the log-SNR axis and the same noise for all densities.
                rng=generator(*key, design, str(antithetic), steps[-1], number),
            )
            whole = estimate(closed_form.denoiser, point.x, point.prompts, [PAIR], draws, _BATCH)
            for count in steps:
                setting = {"density": name, "design": design, "antithetic": antithetic, "steps": count}
                yield number, setting, whole.at(count)


def _densities(
    name: str,
    closed_form: ClosedForm,
    section: ValidationSection,
    information: InformationSection,
    interval: Interval,
    seed: int,
) -> dict[str, str | Placing]:
    """The densities asked for; the adaptive one is fitted on points of its own."""
    found: dict[str, str | Placing] = {"logistic": "logistic"}
    if "adaptive" in section.densities:
        found["adaptive"] = pilot(name, closed_form, information, interval, seed).draws
    return {density: found[density] for density in section.densities}


def pilot(
    name: str, closed_form: ClosedForm, information: InformationSection, interval: Interval, seed: int
) -> AdaptiveDensity:
    """The density fitted on `pilot_images` points of a problem."""
    pilots = []
    for number in range(information.pilot_images):
        rng = generator(seed, name, "pilot", number)
        point = closed_form.point(rng)
        draws = pilot_draws(closed_form.shape, information.pilot_draws, interval, rng)
        found = estimate(closed_form.denoiser, point.x, point.prompts, [PAIR], draws, _BATCH)
        pilots.append(integrand_squares(found, {"information": PAIR}))
    return fit_density(pilots, interval)


def _rows(found: Estimate, truth: Truth, confidence: float) -> Iterator[dict[str, Any]]:
    """Both quantities, for the total and for the pixels together; pixels that y tells nothing about are 0 ± 0."""
    told = truth.orthogonal > 1e-9 * truth.orthogonal.max()
    for quantity, kind in (("i_s", "standard"), ("i_o", "orthogonal")):
        estimated: MapEstimate = getattr(found, kind)[PAIR]
        exact: np.ndarray = getattr(truth, kind)
        compared: dict[str, tuple[Any, Any, Any]] = {
            "total": (np.array(estimated.total), exact.sum(), estimated.total_interval(confidence)),
            "pixel": (estimated.map[told], exact[told], [end[told] for end in estimated.map_interval(confidence)]),
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
