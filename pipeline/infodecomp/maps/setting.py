"""Which map: a method, an estimator and a number of draws or steps."""

from __future__ import annotations

from typing import NamedTuple

from infodecomp.methods import METHODS


class Setting(NamedTuple):
    """What sets one row of the table of localisation apart; `str` of it is the key of its map in a file of maps.

    >>> str(Setting("cmi", "orthogonal", 100))
    'cmi/orthogonal/100'
    """

    method: str
    estimator: str
    steps: int

    def __str__(self) -> str:
        return f"{self.method}/{self.estimator}/{self.steps}"

    @classmethod
    def parse(cls, key: str) -> Setting:
        """The setting of a key such as "cmi/orthogonal/100"."""
        method, estimator, steps = key.split("/")
        return cls(method, estimator, int(steps))

    @property
    def parts(self) -> list[Setting]:
        """The recorded maps that its map is made from: itself if its map is recorded."""
        made_from = METHODS[self.method].made_from or (f"{self.method}/{self.estimator}",)
        return [Setting.parse(f"{key}/{self.steps}") for key in made_from]

    @property
    def source(self) -> str:
        """What its map is recorded with: information, attention, gradients or pairs."""
        return METHODS[self.method].sources[0]
