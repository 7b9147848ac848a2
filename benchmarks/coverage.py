"""Coverage of the estimator's intervals, over enough runs to know it to half a percentage point.

    python benchmarks/coverage.py [--problems plane fine] [--densities logistic adaptive] [--designs stratified iid]
                                  [--steps 50 100 200] [--points 60] [--runs 20] [--seed 0] [--json FILE]

The validation study runs the estimator as any study does, so a few hundred runs per setting take an hour; here all runs of a
point are one batch, which takes seconds per problem. Points, truth and pilot come from `infodecomp.validation`, log-SNRs and
intervals from `infodecomp.estimator`. Coverage is a mean over points, with the standard error of this mean. Exits with 1 if
a coverage is outside 93 … 97 % by more than two standard errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product

import numpy as np
import torch

from infodecomp.config import InformationSection, ValidationGridSection
from infodecomp.estimator.channel import signal_and_noise
from infodecomp.estimator.densities import Placing, logistic_draws
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.information import orthogonal, standard
from infodecomp.estimator.interval import Interval, interval_of
from infodecomp.estimator.sampling import unit_points
from infodecomp.estimator.uncertainty import mean_over_draws
from infodecomp.runs.seeds import generator
from infodecomp.validation.estimator_runs import pilot
from infodecomp.validation.points import LABEL, REFERENCE, ClosedForm, Point, Truth
from infodecomp.validation.problems import PROBLEMS, problem
from measuring import Row, Target, argument_parser, report

LOW, HIGH, CONFIDENCE = 93.0, 97.0, 0.95
CELLS = tuple(product(("standard", "orthogonal"), ("total", "pixel")))


def integrands(closed_form: ClosedForm, point: Point, logsnr: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """Integrands of i^s and i^o at every pixel, float64 (2, B, h · w). logsnr: (B,); eps: (B, C, h, w)."""
    signal, noise = (amplitude[:, None, None, None] for amplitude in signal_and_noise(logsnr))
    x_alpha = (signal * point.x + noise * eps).to(point.x.dtype)
    known, unknown = (
        closed_form.denoiser(x_alpha, logsnr, point.prompts[name].expand(len(logsnr))) for name in (LABEL, REFERENCE)
    )
    both = standard((eps - unknown) ** 2, (eps - known) ** 2), orthogonal((unknown - known) ** 2)
    return torch.stack(both).double().sum(2).flatten(2)


def drawn(
    closed_form: ClosedForm,
    point: Point,
    placing: Placing,
    interval: Interval,
    design: str,
    pairs: bool,
    steps: int,
    runs: int,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, Draws]:
    """Weighted integrands sorted by log-SNR, (N, 2, runs, h · w), ± pairs averaged; and draws of that design."""
    count = steps // 2 if pairs else steps
    u = np.sort(np.stack([unit_points(design, [count], rng) for _ in range(runs)]), axis=1)
    logsnr, weight = (torch.from_numpy(part).flatten() for part in placing(u, interval))
    eps = torch.from_numpy(rng.standard_normal((len(logsnr), *closed_form.shape)))
    values = integrands(closed_form, point, logsnr, eps)
    if pairs:
        values = (values + integrands(closed_form, point, logsnr, -eps)) / 2
    ordered = (values * weight[:, None]).unflatten(1, (runs, count)).permute(2, 0, 1, 3)
    draws = Draws.held(
        logsnr=torch.arange(count).double(),
        weight=torch.ones(count).double(),
        eps=torch.zeros(count, 1, 1, 1),
        stratified=design != "iid",
        sobol=design == "sobol",
    )
    return ordered, draws


def covered(values: torch.Tensor, draws: Draws, truth: Truth) -> list[float]:
    """Fraction of runs (and of pixels that y informs about) whose interval covers, in the order of `CELLS`."""
    informed = (truth.orthogonal > 1e-9 * truth.orthogonal.max()).ravel()
    shares = []
    for kind, level in CELLS:
        exact = getattr(truth, kind).ravel()
        found = values[:, 0 if kind == "standard" else 1]
        found, exact = (found.sum(-1), exact.sum()) if level == "total" else (found[..., informed], exact[informed])
        low, high = mean_over_draws(found.contiguous(), draws).interval(CONFIDENCE)
        shares.append(float(np.mean((low <= exact) & (exact <= high))))
    return shares


def coverage(
    name: str, section: ValidationGridSection, information: InformationSection, seed: int
) -> Iterator[dict[str, str | int | list[float]]]:
    """Coverage of each setting of a problem, one value per point for each of `CELLS`."""
    closed_form = problem(name)
    interval = interval_of(information.range, closed_form.denoiser.logsnr_range)
    points = [closed_form.point(generator(seed, name, "coverage", number)) for number in range(section.points)]
    truths = [closed_form.truth(point, interval) for point in points]
    placings: dict[str, Placing] = {"logistic": logistic_draws}
    if "adaptive" in section.densities:
        placings["adaptive"] = pilot(name, closed_form, information.pilot, interval, seed).draws
    for density, design, pairs, steps in product(
        section.densities, section.designs, section.antithetic_eps, section.steps
    ):
        shares = []
        for number, (point, truth) in enumerate(zip(points, truths, strict=True)):
            rng = generator(seed, name, density, design, str(pairs), steps, number)
            runs = drawn(closed_form, point, placings[density], interval, design, pairs, steps, section.runs, rng)
            shares.append(covered(*runs, truth))
        setting = {"problem": name, "density": density, "design": design, "noise": "±ε" if pairs else "ε"}
        yield {**setting, "draws": steps, "shares": np.array(shares).T.tolist()}


def main() -> int:
    """Measure, print, compare with the band."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--problems", nargs="+", choices=list(PROBLEMS), default=["plane", "fine", "normal_1"])
    parser.add_argument("--densities", nargs="+", default=["logistic"])
    parser.add_argument("--designs", nargs="+", default=["stratified"])
    parser.add_argument("--steps", nargs="+", type=int, default=[50, 100, 200])
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    section = ValidationGridSection(
        densities=tuple(options.densities),
        designs=tuple(options.designs),
        steps=tuple(options.steps),
        antithetic_eps=(False, True),
        points=options.points,
        runs=options.runs,
    )
    rows: list[Row] = []
    targets: list[Target] = []
    for name in options.problems:
        for setting in coverage(name, section, InformationSection(), options.seed):
            shares = 100 * np.array(setting.pop("shares"))  # (cells, points)
            means, errors = shares.mean(1), shares.std(1, ddof=1) / np.sqrt(shares.shape[1])
            cells = [" ".join(cell) for cell in CELLS]
            rows.append({**setting, **{c: f"{m:.1f} ± {e:.1f}" for c, m, e in zip(cells, means, errors, strict=True)}})
            where = ", ".join(map(str, setting.values()))
            for cell, mean, error in zip(cells, means, errors, strict=True):
                targets += [
                    Target(f"{where}, {cell}, %", mean, LOW - 2 * error, at_least=True),
                    Target(f"{where}, {cell}, %", mean, HIGH + 2 * error),
                ]
    missed = [target for target in targets if not target.met]
    summary = Target("cells outside the band", float(len(missed)), 0)
    return report("coverage", {"coverage of 95 % intervals, %": rows}, [*missed, summary], options.json)


if __name__ == "__main__":
    sys.exit(main())
