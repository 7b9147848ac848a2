"""DCI: disentanglement, completeness and informativeness by the importance of dimensions for predicting factors.

The three numbers depend on the learner that predicts (Eastwood and Williams, ICLR 2018), so each is named with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

# random_forest: 100 trees, which may split at any dimension: where only some are offered, as is usual for forests, those
# that tell nothing get splits too, and a perfect code scores below 1. gradient_boosting: 100 rounds of
# depth 3, the usual choice of published tables, slow with many values a factor. linear: logistic regression with an ℓ1
# penalty, whose coefficients' sizes are the importances.
Learner = Literal["random_forest", "gradient_boosting", "linear"]


@dataclass(frozen=True)
class Dci:
    """Disentanglement and completeness, 0 … 1, and informativeness: accuracy on held-out images, by factor (J,)."""

    disentanglement: float
    completeness: float
    accuracy: np.ndarray

    @property
    def informativeness(self) -> float:
        """Mean accuracy over factors."""
        return float(self.accuracy.mean())


def dci(codes: np.ndarray, factors: np.ndarray, train: np.ndarray, learner: Learner, seed: int) -> Dci:
    """Predict every factor from the code, and see which dimensions serve for which.

        D = Σ_k ρ_k (1 + Σ_j P_kj log_J P_kj),   P_kj = R_kj/Σ_j R_kj,   ρ_k = Σ_j R_kj/Σ R
        C = Σ_j γ_j (1 + Σ_k Q_kj log_d Q_kj),   Q_kj = R_kj/Σ_k R_kj,   γ_j = Σ_k R_kj/Σ R

    R_kj: importance of dimension k for factor j (`importances`).

    Args:
        codes: float (n, d), d ≥ 2.
        factors: integers (n, J), J ≥ 2.
        train: bool (n,), the images that the learner is fitted to; it is measured on the others.
        learner: the predictor.
        seed: of the learner.

    >>> factors = np.array([[a, b] for a in range(2) for b in range(3)] * 20)
    >>> found = dci(factors.astype(float), factors, np.arange(120) < 90, "random_forest", 0)
    >>> round(found.disentanglement, 3), round(found.completeness, 3), found.informativeness
    (1.0, 1.0, 1.0)
    """
    importance, accuracy = importances(codes, factors, train, learner, seed)
    return Dci(disentanglement(importance), disentanglement(importance.T), accuracy)


def disentanglement(importance: np.ndarray) -> float:
    """D of a table of importances (d, J); of its transpose: C. NaN if all are zero.

    >>> disentanglement(np.array([[1.0, 0.0], [0.5, 0.5]]))
    0.5
    """
    rows = importance.sum(axis=1)
    if not rows.sum():
        return float("nan")
    shares = importance[rows > 0] / rows[rows > 0, None]
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    pure = 1 + (shares * logs).sum(axis=1) / np.log(importance.shape[1])
    return float((rows[rows > 0] / rows.sum()) @ pure)


def importances(
    codes: np.ndarray, factors: np.ndarray, train: np.ndarray, learner: Learner, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Importance of each dimension for each factor, float64 (d, J), and held-out accuracy by factor, (J,).

    Trees: the decrease of impurity that splits at the dimension bring, summing to 1 for each factor. linear: the mean over
    values of |coefficient|, of standardised dimensions, scaled so. Arguments as for `dci`.
    """
    importance, accuracy = np.zeros((codes.shape[1], factors.shape[1])), np.zeros(factors.shape[1])
    for j, column in enumerate(factors.T):
        model = _learner(learner, seed).fit(codes[train], column[train])
        found = np.abs(model[-1].coef_).mean(axis=0) if learner == "linear" else model[-1].feature_importances_
        importance[:, j] = found / max(found.sum(), np.finfo(np.float64).tiny)
        accuracy[j] = model.score(codes[~train], column[~train])
    return importance, accuracy


def _learner(name: Learner, seed: int):  # type: ignore[no-untyped-def]
    if name == "random_forest":
        return make_pipeline(RandomForestClassifier(100, max_features=None, random_state=seed))
    if name == "gradient_boosting":
        return make_pipeline(GradientBoostingClassifier(random_state=seed))
    penalised = LogisticRegression(l1_ratio=1.0, solver="saga", max_iter=500, random_state=seed)
    return make_pipeline(StandardScaler(), penalised)
