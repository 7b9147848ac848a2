"""Numbers of draws that conflict with how the draws are made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from typing import Any

from infodecomp.config.designs import purpose_of, resolved
from infodecomp.config.information import DrawsSection, InformationSection
from infodecomp.config.problems import Problem
from infodecomp.config.representation import RepresentationSection
from infodecomp.config.section import Design
from infodecomp.config.study import Config
from infodecomp.config.validation import ValidationSection

# A standard error needs three draws, or three pairs of them.
_FEWEST = 3


def draw_problems(config: Config) -> Iterator[Problem]:
    """Every such problem, of maps, gradients, datasets, retrieval, edits, pairs, validation and codes."""
    maps = resolved(config.information, "maps").draws
    yield from _number_lists(config)
    yield from _nested_steps(config.information.budget.steps, ("information", "budget", "steps"), maps)
    yield from _nested_steps(config.gradients.steps, ("gradients", "steps"), maps)
    yield from _own_draws(config)
    yield from _continuing(config.information)
    yield from _retrieval_steps(config)
    yield from _editing_information(config)
    yield from _diffitm_timesteps(config)
    yield from _pair_draws(config)
    yield from _judging_draws(config)
    yield from _validation(config.validation)
    yield from _representation(config.representation)


def _number_lists(config: Config) -> Iterator[Problem]:
    start: Any = config
    for path in (
        ("information", "budget", "steps"),
        ("attention", "steps"),
        ("gradients", "steps"),
        ("retrieval", "scoring", "steps"),
        ("retrieval", "diffitm", "timesteps"),
        ("editing", "information", "steps"),
        ("validation", "grid", "steps"),
    ):
        numbers = reduce(getattr, path, start)
        if numbers and not _increasing(numbers):
            yield Problem(path, f"is {list(numbers)}; allowed are increasing numbers", path, sorted(set(numbers)))


def _nested_steps(steps: tuple[int, ...], path: tuple[str, ...], draws: DrawsSection) -> Iterator[Problem]:
    """Numbers of draws of one run, each of which must be a valid sample."""
    if not _increasing(steps):
        return
    if draws.antithetic_eps and any(n % 2 for n in steps):
        matter = f"is {list(steps)}; allowed are even numbers, because `antithetic_eps` draws in pairs"
        even = sorted({n + n % 2 for n in steps})
        unnested = draws.design == "stratified" and any(b % a for a, b in pairwise(even))
        yield Problem(path, matter, path, _doubled(even[0], len(even)) if unnested else even)
    fewest = _fewest_draws(draws)
    if steps[-1] < fewest:
        pairs = ", which `antithetic_eps` draws in pairs" if draws.antithetic_eps else ""
        matter = f"is {list(steps)}; allowed is {fewest} or more at its end, because errors need three draws{pairs}"
        yield Problem(path, matter, path, [fewest])
    if len(steps) > 1 and (draws.design == "midpoint" or draws.density == "grid"):
        reason = "`design` is midpoint" if draws.design == "midpoint" else "`density` is grid"
        matter = f"is {list(steps)}; allowed is one number, because {reason} and its points are not nested"
        yield Problem(path, matter, path, [steps[-1]])
    elif draws.design == "stratified" and any(b % a for a, b in pairwise(steps)):
        matter = (
            f"is {list(steps)}; allowed are numbers each of which is a multiple of the one before, because `design` is "
            "stratified and smaller samples are part of larger ones"
        )
        yield Problem(path, matter, path, _doubled(steps[0], len(steps)))


def _own_draws(config: Config) -> Iterator[Problem]:
    """The draws of one dataset suffice for a standard error."""
    sampled = resolved(config.information, "maps").draws
    fewest = _fewest_draws(sampled)
    for name, dataset in config.datasets.items():
        path, draws = ("datasets", name, "draws"), dataset.draws
        if draws is not None and draws < fewest:
            matter = (
                f"is {draws}; allowed is {fewest} or more, because a standard error needs three draws or pairs of them"
            )
            yield Problem(path, matter, path, fewest)
        elif draws is not None and sampled.antithetic_eps and draws % 2:
            matter = f"is {draws}; allowed are even numbers, because `antithetic_eps` draws in pairs"
            yield Problem(path, matter, path, draws + 1)


def _continuing(information: InformationSection) -> Iterator[Problem]:
    """Continuing from fewer draws, and stopping at fewer, both need nested draws."""
    design, budget = resolved(information, "maps").draws, information.budget
    fixed = "`density` is grid" if design.density == "grid" else f"`design` is {design.design}"
    if budget.extendable and (design.density == "grid" or design.design == "midpoint"):
        matter = f"is true; allowed is false, because {fixed} and its points are not nested"
        yield Problem(("information", "budget", "extendable"), matter, ("information", "budget", "extendable"), False)
    if budget.stopping == "none":
        return
    path, steps, fewest = ("information", "budget", "steps"), budget.steps, _fewest_draws(design)
    if budget.extendable:
        matter = "is target_error; allowed is none, because `extendable` keeps no errors of cells, which stopping reads"
        yield Problem(("information", "budget", "stopping"), matter, ("information", "budget", "stopping"), "none")
    if len(steps) == 1:
        matter = f"is {list(steps)}; allowed are two numbers or more, because `stopping` may stop at any but the last"
        yield Problem(path, matter, path, [steps[0], 2 * steps[0]])
    elif _increasing(steps) and steps[0] < fewest <= steps[-1]:
        matter = (
            f"is {list(steps)}; allowed is {fewest} or more at its start, because `stopping` needs a standard error"
        )
        yield Problem(path, matter, path, [fewest, 2 * fewest])


def _doubled(first: int, count: int) -> list[int]:
    return [first * 2**k for k in range(count)]


def _retrieval_steps(config: Config) -> Iterator[Problem]:
    """A race needs a standard error at each number of draws; without one, only strata are nested."""
    scoring = config.retrieval.scoring
    draws = resolved(config.information, purpose_of(config.retrieval.methods, scoring.stopping)).draws
    steps, fewest, path = scoring.steps, _fewest_draws(draws), ("retrieval", "scoring", "steps")
    racing = scoring.stopping == "racing"
    nested = racing or (draws.design == "stratified" and draws.density != "grid")
    yield from _nested_steps(steps if nested else steps[-1:], path, draws)
    if not racing:
        return
    if len(steps) == 1:
        matter = f"is {list(steps)}; allowed are two numbers or more, because a race may end at any but the last"
        yield Problem(path, matter, path, [steps[0], 2 * steps[0]])
    elif steps[0] < fewest <= steps[-1]:
        matter = f"is {list(steps)}; allowed is {fewest} or more at its start, because a race needs a standard error"
        yield Problem(path, matter, path, [fewest, 2 * fewest])


def _editing_information(config: Config) -> Iterator[Problem]:
    """Overrides for edits; without any, the draws are those of `information`, which are checked there."""
    for key in ("loc", "scale", "clip"):
        value, where = getattr(config.editing.information.range, key), ("editing", "information", "range", key)
        if value is not None and config.information.draws.density == "adaptive":
            matter = (
                f"is {value:g}; allowed is null, because `density` adaptive is fitted to the range of `information`"
            )
            yield Problem(where, matter, where, None)
    steps, path = config.editing.information.steps, ("editing", "information", "steps")
    if steps is not None:
        yield from _nested_steps(steps, path, resolved(config.information, "maps").draws)


def _pair_draws(config: Config) -> Iterator[Problem]:
    """Each replicate is a valid sample."""
    path, steps = ("pairs", "sampling", "steps"), config.pairs.sampling.steps
    if resolved(config.information, "maps").draws.antithetic_eps and steps % 2:
        matter = f"is {steps}; allowed is an even number, because `antithetic_eps` draws in pairs"
        yield Problem(path, matter, path, steps + 1)


def _diffitm_timesteps(config: Config) -> Iterator[Problem]:
    """The error of a score comes from its values at several timesteps."""
    path, timesteps = ("retrieval", "diffitm", "timesteps"), config.retrieval.diffitm.timesteps
    if _increasing(timesteps) and len(timesteps) < _FEWEST:
        matter = f"is {list(timesteps)}; allowed are {_FEWEST} numbers or more, because errors need three draws"
        yield Problem(path, matter, path, [10, 310, 610])


def _judging_draws(config: Config) -> Iterator[Problem]:
    """The information of a picture with pixels removed needs a standard error; a repeated map does not."""
    draws = resolved(config.information, "maps").draws
    fewest = {"draws": _fewest_draws(draws), "repeated_draws": 1}
    for key, least in fewest.items():
        count, path = getattr(config.faithfulness.judging, key), ("faithfulness", "judging", key)
        if count is not None and draws.antithetic_eps and count % 2:
            matter = f"is {count}; allowed are even numbers, because `antithetic_eps` draws in pairs"
            yield Problem(path, matter, path, max(count + 1, least))
        elif count is not None and count < least:
            matter = (
                f"is {count}; allowed is {least} or more, because a standard error needs three draws or pairs of them"
            )
            yield Problem(path, matter, path, least)


def _validation(validation: ValidationSection) -> Iterator[Problem]:
    """All designs run at the same numbers of draws, each with a standard error; midpoints run one by one."""
    path, steps = ("validation", "grid", "steps"), validation.grid.steps
    strictest: Design = "stratified" if "stratified" in validation.grid.designs else "iid"
    draws = DrawsSection(design=strictest, antithetic_eps=True in validation.grid.antithetic_eps)
    yield from _nested_steps(steps, path, draws)
    fewest = _fewest_draws(draws)
    if steps[0] < fewest <= steps[-1]:
        matter = f"is {list(steps)}; allowed is {fewest} or more at its start, because every number needs an interval"
        yield Problem(path, matter, path, [fewest, 2 * fewest])


def _representation(section: RepresentationSection) -> Iterator[Problem]:
    """Draws are pairs ±ε, and a range has two ends."""
    path, draws = ("representation", "estimation", "draws"), section.estimation.draws
    if draws % 2:
        matter = f"is {draws}; allowed are even numbers, because noise is drawn in pairs"
        yield Problem(path, matter, path, draws + 1)
    interval, path = section.estimation.interval, ("representation", "estimation", "interval")
    if interval != "exact" and not interval[0] < interval[1]:
        matter = f"is {list(interval)}; allowed are a lower log-SNR and a higher one"
        yield Problem(path, matter, path, "exact")


def _fewest_draws(draws: DrawsSection) -> int:
    return 2 * _FEWEST if draws.antithetic_eps else _FEWEST


def _increasing(numbers: tuple[int, ...]) -> bool:
    return all(earlier < later for earlier, later in pairwise(numbers))
