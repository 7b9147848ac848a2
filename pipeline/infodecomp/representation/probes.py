"""Linear probes: how well a factor or an attribute is read out of a code by a linear model, on held-out images.

Probe z as the decoder sees it and its mean μ: a stochastic code may hold in μ what its noise drowns in z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from infodecomp.runs.errors import InputError

PENALTIES = tuple(np.logspace(-3, 3, 13))


@dataclass(frozen=True)
class Probe:
    """What a linear model reads of one factor on held-out images.

    accuracy: share of images with the right value. auroc: one value against the others, averaged over values. chance: the
    accuracy of the most frequent value. information: H(f) minus the cross-entropy, in nats: the usable information that
    this family of predictors finds (Xu et al., ICLR 2020); may be negative. entropy: H(f) in nats. right: bool (n,),
    image by image.
    """

    accuracy: float
    auroc: float
    chance: float
    information: float
    entropy: float
    right: np.ndarray

    @property
    def explicitness(self) -> float:
        """The share of the factor's entropy that is linearly readable, not below 0: InfoE of one factor."""
        return max(self.information / self.entropy, 0.0)


def classify(codes: np.ndarray, factor: np.ndarray, train: np.ndarray) -> Probe:
    """Logistic regression on standardised dimensions, fitted to the images of `train` and measured on the others.

    Args:
        codes: float (n, d).
        factor: integers or strings (n,).
        train: bool (n,).

    Raises InputError if the factor is constant in either part, or has a value that no training image has.

    >>> rng = np.random.default_rng(0)
    >>> factor = rng.integers(3, size=600)
    >>> probe = classify(np.eye(3)[factor] + 0.01 * rng.normal(size=(600, 3)), factor, np.arange(600) < 400)
    >>> probe.accuracy, probe.auroc
    (1.0, 1.0)
    """
    known, asked = factor[train], factor[~train]
    _refuse_unseen(known, asked)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(codes[train], known)
    chances, values = model.predict_proba(codes[~train]), model.classes_
    place = np.searchsorted(values, asked)
    right = values[chances.argmax(axis=1)] == asked
    shares = np.unique(asked, return_counts=True)[1] / len(asked)
    entropy = float(-(shares * np.log(shares)).sum())
    loss = -np.log(np.maximum(chances[np.arange(len(asked)), place], np.finfo(np.float64).tiny)).mean()
    return Probe(
        accuracy=float(right.mean()),
        auroc=_auroc(place, chances),
        chance=float((asked == values[np.bincount(np.searchsorted(values, known)).argmax()]).mean()),
        information=float(entropy - loss),
        entropy=entropy,
        right=right,
    )


def explained_variance(codes: np.ndarray, target: np.ndarray, train: np.ndarray) -> float:
    """R² of ridge regression on held-out images; the penalty is chosen by cross-validation within `train`.

    For factors whose values are ordered. At most 1; negative if worse than the mean of the held-out images.

    Args:
        codes: float (n, d). target: float (n,). train: bool (n,).

    >>> codes = np.random.default_rng(0).normal(size=(300, 2))
    >>> round(explained_variance(codes, codes @ [1.0, -2.0], np.arange(300) < 200), 4)
    1.0
    """
    model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(codes[train], target[train])
    return float(r2_score(target[~train], model.predict(codes[~train])))


def _auroc(place: np.ndarray, chances: np.ndarray) -> float:
    """One value against the others, averaged over the values that held-out images have."""
    shown = np.unique(place)
    return float(np.mean([roc_auc_score(place == value, chances[:, value]) for value in shown]))


def _refuse_unseen(known: np.ndarray, asked: np.ndarray) -> None:
    for part, values in (("training", known), ("held-out", asked)):
        if len(np.unique(values)) < 2:
            raise InputError(
                f"the attribute has {len(np.unique(values))} value(s) among the {part} images; a probe needs two or"
                " more: leave the attribute out or use more images."
            )
    unseen = sorted(set(asked.tolist()) - set(known.tolist()))
    if unseen:
        raise InputError(
            f"the value {unseen[0]!r} of the attribute occurs among the held-out images only; every value needs a"
            " training image: use more images or another split."
        )
