"""How many draws a design saves: errors of totals over many seeds, with the configured design and with independent draws.

The ratio of mean squared errors is the factor of independent draws needed for the same error. Each such draw costs the
released procedure three evaluations, in a separate run for each number of draws; it records attention in further runs, which
are charged with no more draws than ours. We use one run for all numbers of draws and for attention, in which the words of an
image share the evaluations of its caption, plus a case's share of the pilot that fitted the density.

Errors are measured on images of drawn scenes against one long run, and on a problem of the size of Stable Diffusion's
latents whose information is known exactly (`disc_64` of the validation study).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from infodecomp.config import BudgetSection, DrawsSection, InformationSection
from infodecomp.estimator.densities import Placing
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.evaluation import Problem, estimate, estimate_many
from infodecomp.estimator.interval import Interval, interval_of
from infodecomp.estimator.sampling import draws_of
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.seeds import generator
from infodecomp.validation.estimator_runs import pilot
from infodecomp.validation.points import PAIR
from infodecomp.validation.problems import problem
from measuring import Row
from released_procedure import Word

BATCH_SIZE = 64
CMI = ("context", "full")
ESTIMATORS = ("standard", "orthogonal")
RELEASED_PROMPTS = 3
CLOSED_FORM = "disc_64"
# Number of cases that share the pilot of the closed-form problem: as many as the embedded study has.
CASES = 100


@dataclass(frozen=True)
class Way:
    """How totals are estimated: the section, with a density by name or fitted by a pilot."""

    section: InformationSection
    density: str | Placing


@dataclass(frozen=True)
class Fitted:
    """The density that a pilot fitted to a dataset, and its cost in evaluations per case of the dataset.

    prompts: evaluations per draw of a case, those that the cases of an image share divided among them.
    """

    density: Placing
    evaluations: float
    prompts: float


def ways(section: InformationSection, fitted: Fitted) -> dict[str, Way]:
    """The configured draws, the same from the logistic density, and independent draws from it as in the released code."""
    density = fitted.density if section.draws.density == "adaptive" else section.draws.density
    independent = section.model_copy(update={"draws": DrawsSection(design="iid", antithetic_eps=False)})
    return {
        "configured": Way(section, density),
        "logistic": Way(section, "logistic"),
        "independent": Way(independent, "logistic"),
    }


def cmi_problems(model: LatentDiffusion, words: Sequence[Word], way: Way, purpose: str) -> Iterator[Problem]:
    """CMI of every case, with draws seeded by case and purpose."""
    interval = interval_of(way.section.range, model.logsnr_range)
    for number, word in enumerate(words):
        conditions = model.encode_prompts([word.prompts[name] for name in CMI])
        draws = _draws(tuple(word.latent.shape), way, interval, purpose, number)
        yield Problem(word.latent, dict(zip(CMI, conditions, strict=True)), [CMI], draws)


def _draws(shape: tuple[int, ...], way: Way, interval: Interval, *purpose: str | int) -> Draws:
    channels, height, width = shape
    return draws_of(
        way.section.draws,
        steps=way.section.budget.steps,
        shape=(channels, height, width),
        interval=interval,
        density=way.density,
        rng=generator(0, *purpose),
    )


def scene_errors(
    model: LatentDiffusion, words: Sequence[Word], section: InformationSection, fitted: Fitted, seeds: int, long: int
) -> tuple[list[Row], list[Row]]:
    """Errors of totals of CMI, and the evaluations they imply (see `compared`).

    long: draws of the run taken as the truth; a multiple of the largest number of draws. Its own error adds to all errors,
    which biases the ratio slightly towards 1.
    """
    compare = ways(section, fitted)
    lasting = section.model_copy(update={"budget": BudgetSection(steps=(long,))})
    truth = totals(model, words, Way(lasting, compare["configured"].density), 1, "truth")
    errors = {name: (totals(model, words, way, seeds, name) - truth) ** 2 for name, way in compare.items()}
    return compared(errors, np.abs(truth).mean((1, 2, 3)), section.budget.steps, fitted)


def totals(model: LatentDiffusion, words: Sequence[Word], way: Way, seeds: int, purpose: str) -> np.ndarray:
    """Totals of CMI (2 estimators, images, numbers of draws, seeds)."""
    copies = [word for word in words for _ in range(seeds)]
    estimates = estimate_many(model, cmi_problems(model, copies, way, purpose), BATCH_SIZE)
    steps = way.section.budget.steps
    values = [
        [[getattr(found.at(n), name)[CMI].total for n in steps] for name in ESTIMATORS] for found in estimates
    ]  # (images · seeds, 2, steps)
    return np.array(values).reshape(len(words), seeds, 2, len(steps)).transpose(2, 0, 3, 1)


def closed_form_errors(section: InformationSection, points: int, seeds: int) -> tuple[list[Row], list[Row]]:
    """The same for points of the problem `disc_64`, whose true totals are known."""
    closed_form = problem(CLOSED_FORM)
    interval = interval_of(section.range, closed_form.denoiser.logsnr_range)
    density = pilot(CLOSED_FORM, closed_form, section.pilot, interval, 0).draws
    fitted = Fitted(density, len(PAIR) * section.pilot.images * section.pilot.draws / CASES, len(PAIR))
    drawn = [closed_form.point(generator(0, CLOSED_FORM, number)) for number in range(points)]
    exact = [closed_form.truth(point, interval) for point in drawn]
    truth = np.array([[getattr(one, name).sum() for one in exact] for name in ESTIMATORS])[..., None, None]
    errors = {}
    for name, way in ways(section, fitted).items():
        values = np.empty((2, points, len(section.budget.steps), seeds))
        for number, point in enumerate(drawn):
            for seed in range(seeds):
                draws = _draws(closed_form.shape, way, interval, name, number, seed)
                found = estimate(closed_form.denoiser, point.x, point.prompts, [PAIR], draws, BATCH_SIZE)
                for which, estimator in enumerate(ESTIMATORS):
                    values[which, number, :, seed] = [
                        getattr(found.at(n), estimator)[PAIR].total for n in section.budget.steps
                    ]
        errors[name] = (values - truth) ** 2
    return compared(errors, np.abs(truth).mean((1, 2, 3)), section.budget.steps, fitted)


def compared(
    errors: Mapping[str, np.ndarray], size: np.ndarray, steps: Sequence[int], fitted: Fitted
) -> tuple[list[Row], list[Row]]:
    """Errors by estimator and number of draws, and the released procedure's evaluations relative to ours, by estimator.

    errors: squared errors by way, (2 estimators, images, numbers of draws, seeds); size: mean true totals, (2,).
    """
    rows: list[Row] = []
    saved: list[Row] = []
    for which, estimator in enumerate(ESTIMATORS):
        configured, logistic = [], []
        for number, count in enumerate(steps):
            of_way = {name: values[which, :, number] for name, values in errors.items()}
            ratio, spread = error_ratio(of_way["independent"], of_way["configured"])
            configured.append(ratio)
            logistic.append(error_ratio(of_way["independent"], of_way["logistic"])[0])
            rows.append(
                {
                    "total": estimator,
                    "draws": count,
                    **{f"{name}, %": 100 * float(np.sqrt(v.mean())) / size[which] for name, v in of_way.items()},
                    "independent draws needed, times": ratio,
                    "give or take a factor": spread,
                    "for the logistic": logistic[-1],
                }
            )
        saved.append(
            {
                "total": estimator,
                "configured": evaluations_at_equal_error(steps, configured, fitted.prompts, fitted.evaluations),
                "logistic": evaluations_at_equal_error(steps, logistic, fitted.prompts, 0),
                "configured, one case an image": evaluations_at_equal_error(
                    steps, configured, len(CMI), fitted.evaluations
                ),
            }
        )
    return rows, saved


def error_ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """Ratio of mean squared errors, geometric mean over images, and its multiplicative standard error.

    above, below: squared errors (images, seeds).
    """
    logs = np.log(above.mean(1)) - np.log(below.mean(1))
    spread = logs.std(ddof=1) / np.sqrt(len(logs)) if len(logs) > 1 else float("nan")
    return float(np.exp(logs.mean())), float(np.exp(spread))


def evaluations_at_equal_error(steps: Sequence[int], ratios: Sequence[float], prompts: float, of_pilot: float) -> float:
    """Evaluations of the released procedure relative to ours, for CMI and attention at all numbers of draws.

    For CMI it needs `ratio` times our draws at each number of draws, in a separate run; for attention, recorded in another
    run, it uses as many draws as ours. prompts, of_pilot: our evaluations per case, for a draw and for the density.
    """
    information = RELEASED_PROMPTS * sum(count * ratio for count, ratio in zip(steps, ratios, strict=True))
    return (information + sum(steps)) / (prompts * max(steps) + of_pilot)
