"""What an explanation measures, from the few settings that a user gives."""

from __future__ import annotations

from collections.abc import Sequence

from infodecomp.config import AttentionSection, InformationSection
from infodecomp.config.designs import resolved
from infodecomp.config.information import BudgetSection
from infodecomp.config.settings import RecordGradients
from infodecomp.explaining.estimation import Measured
from infodecomp.runs.errors import InputError

METHODS = ("cmi", "mi", "attention_information")
EVERY_METHOD = ("cmi", "mi", "attention", "attention_output", "attention_information", "gradient")

# Steps of the walk that records attention, and draws of a gradient map.
ATTENTION_STEPS, GRADIENT_DRAWS = 50, 24
# No look at the errors before this many draws: they are uncertain themselves.
_FIRST_LOOK = 24
_FEWEST, _MOST = 2, 100_000


def measured(
    methods: Sequence[str], draws: int, target_error: float | None, information: InformationSection | None = None
) -> Measured:
    """The settings of a run; raises InputError for values that are not allowed.

    >>> measured(["cmi"], 200, 0.02).section.budget.steps
    (50, 100, 200)
    """
    if isinstance(methods, str) or not methods:
        raise InputError(f"methods is {methods!r}; expected a list of some of {', '.join(EVERY_METHOD)}.")
    unknown = [name for name in methods if name not in EVERY_METHOD]
    if unknown:
        raise InputError(f"methods has {unknown[0]!r}; allowed are {', '.join(EVERY_METHOD)}.")
    section = resolved(information or _section(draws, target_error), "maps")
    return Measured(
        tuple(dict.fromkeys(methods)),
        section,
        AttentionSection(steps=(ATTENTION_STEPS,)),
        RecordGradients(range=section.range, draws=section.draws, prompts=section.prompts, steps=(GRADIENT_DRAWS,)),
    )


def _section(draws: int, target_error: float | None) -> InformationSection:
    if not isinstance(draws, int) or isinstance(draws, bool) or not _FEWEST <= draws <= _MOST or draws % 2:
        raise InputError(
            f"draws is {draws!r}; allowed are even numbers from {_FEWEST}, because draws come in pairs of ±ε."
        )
    if target_error is None:
        return InformationSection(budget=BudgetSection(steps=(draws,)))
    if not isinstance(target_error, float) or not 0 < target_error < 1:
        raise InputError(f"target_error is {target_error!r}; allowed are numbers between 0 and 1, such as 0.02.")
    return InformationSection(
        budget=BudgetSection(steps=_looks(draws), stopping="target_error", target_error=target_error)
    )


def _looks(draws: int) -> tuple[int, ...]:
    """Numbers of draws, each half of the next, as long as they are even and enough to know an error."""
    looks = [draws]
    while looks[0] % 4 == 0 and looks[0] // 2 >= _FIRST_LOOK:
        looks.insert(0, looks[0] // 2)
    return tuple(looks)
