"""What to score of a retrieval set, with which draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infodecomp.config import InformationSection, RetrievalSection, given
from infodecomp.estimator.options import INFORMATION_SCORES
from infodecomp.estimator.racing import looks

_DIFFITM = "diffitm"


@dataclass(frozen=True)
class ScoringPlan:
    """What to score and how: the methods, the estimator's draws, when to stop, the timesteps of diffitm.

    diffitm: the method that is scored by diffitm, "" if none is.
    """

    information_scores: tuple[str, ...]
    diffitm: str
    retrieval: RetrievalSection
    information: InformationSection

    @classmethod
    def of(cls, section: RetrievalSection, information: InformationSection, second_model: str) -> ScoringPlan:
        """The plan of the study's model, or of a second model, which is scored by diffitm alone."""
        if second_model:
            return cls((), second_model, section, information)
        scores = tuple(method for method in INFORMATION_SCORES if method in section.methods)
        return cls(scores, _DIFFITM if _DIFFITM in section.methods else "", section, information)

    @property
    def names(self) -> list[str]:
        """The names of a case's scores."""
        return [*self.information_scores, *([self.diffitm] if self.diffitm else [])]

    @property
    def refers(self) -> bool:
        """Whether a score refers to the empty prompt."""
        return bool({"i_o", "i_s"} & set(self.information_scores))

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of draws after which captions may leave; the last is the whole budget."""
        return looks(self.retrieval.steps) if self.retrieval.stopping == "racing" else self.retrieval.steps[-1:]

    def settings(self) -> dict[str, Any]:
        """The settings that determine a case's scores, for its key."""
        return {
            "scores": self.names,
            "steps": list(self.retrieval.steps),
            "error": self.retrieval.error if self.retrieval.stopping == "racing" else None,
            "timesteps": list(self.retrieval.diffitm_timesteps) if self.diffitm else None,
            "information": given(self.information) if self.information_scores else None,
        }
