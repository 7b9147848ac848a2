"""English plurals and articles."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import inflect


@cache
def plural(name: str) -> str:
    """English plural of a noun by the rules of `inflect`: person → people, mouse → mice, sheep → sheep.

    A name that already ends in a plural s loses it ("skis" → "ski"), which the COCO-IT rule relies on.
    """
    return str(_inflect().plural(name))


def article(noun: str) -> str:
    """The indefinite article of a noun: "a" or "an".

    >>> article("elephant")
    'an'
    """
    return str(_inflect().a(noun)).split()[0]


@cache
def _inflect() -> inflect.engine:
    import inflect  # takes half a second: only when a plural or an article is needed

    return inflect.engine()
