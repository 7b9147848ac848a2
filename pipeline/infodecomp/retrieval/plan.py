"""What to score of a retrieval set, with which draws."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from infodecomp.config import DiffitmSection
from infodecomp.config.designs import purpose_of, resolved
from infodecomp.config.settings import ScoreRetrieval, ScoreSecondModel
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
    timesteps: DiffitmSection
    estimator: ScoreRetrieval | None

    @classmethod
    def of(cls, settings: ScoreRetrieval, methods: Collection[str]) -> ScoringPlan:
        """The plan of the study's model."""
        scores = tuple(method for method in INFORMATION_SCORES if method in methods)
        drawn = resolved(settings, purpose_of(methods, settings.scoring.stopping)) if scores else None
        return cls(scores, _DIFFITM if _DIFFITM in methods else "", settings.diffitm, drawn)

    @classmethod
    def of_second_model(cls, settings: ScoreSecondModel, method: str) -> ScoringPlan:
        """The plan of a second model, which is scored by diffitm alone."""
        return cls((), method, settings.diffitm, None)

    @property
    def drawn(self) -> ScoreRetrieval:
        """How log-SNRs are drawn; ValueError if only diffitm is scored."""
        if self.estimator is None:
            raise ValueError("diffitm draws no log-SNRs")
        return self.estimator

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
        scoring = self.drawn.scoring
        return looks(scoring.steps) if scoring.stopping == "racing" else scoring.steps[-1:]

    def settings(self) -> dict[str, Any]:
        """The settings that determine a case's scores, for its key."""
        return {
            "scores": self.names,
            "timesteps": list(self.timesteps.timesteps) if self.diffitm else None,
            "estimator": None
            if self.estimator is None
            else self.estimator.model_dump(mode="json", exclude={"diffitm"}),
        }
