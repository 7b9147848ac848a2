"""Names of what is estimated of a description: prompts, pairs of prompts, and comparisons with the exact denoiser."""

from __future__ import annotations

from collections.abc import Sequence

# The prompts in which nothing and all of a description is known.
NOTHING, ALL = "nothing", "all"
# The pair of prompts of the whole description.
WHOLE = "whole"
# The two estimators of Eq. 6.
KINDS = ("standard", "orthogonal")
# What a trained decoder is compared in with the exact denoiser. delta_u, delta_c: ½ ∫ E‖ε̂ − ε̂*‖² dα without and with the
# description. null_exact: i^s with the exact prediction where nothing is known, I − Δ_c.
COMPARISONS = ("delta_u", "delta_c", "null_exact")


def prompt_names(parts: Sequence[str]) -> list[str]:
    """Names of the prompts, in the order of `descriptions.known_parts`.

    >>> prompt_names(["x", "y"])
    ['nothing', 'all', 'only x', 'only y', 'without x', 'without y']
    """
    return [NOTHING, ALL, *map(only, parts), *map(without, parts)]


def information_pairs(parts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Name → pair of prompts: the whole description, each part alone, each part given the others.

    >>> information_pairs(["x"])
    {'whole': ('nothing', 'all'), 'alone x': ('nothing', 'only x'), 'rest x': ('without x', 'all')}
    """
    return {
        WHOLE: (NOTHING, ALL),
        **{alone(part): (NOTHING, only(part)) for part in parts},
        **{rest(part): (without(part), ALL) for part in parts},
    }


def only(part: str) -> str:
    """The prompt in which one part is known."""
    return f"only {part}"


def without(part: str) -> str:
    """The prompt in which all but one part are known."""
    return f"without {part}"


def alone(part: str) -> str:
    """The pair of I(x; z_k)."""
    return f"alone {part}"


def rest(part: str) -> str:
    """The pair of I(x; z_k | z_rest)."""
    return f"rest {part}"
