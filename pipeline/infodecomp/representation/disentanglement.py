"""All scores of disentanglement of one code, with standard errors over images.

Codes and factors are those of a set of images of which some combinations of factors are held out: what is learnt is fitted
to the others and measured on these. Over seeds scores vary more than between methods (Locatello et al., ICML 2019), so a
table shows the spread over seeds beside these errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from infodecomp.representation.dci import Learner, dci
from infodecomp.representation.factor_information import by_bins, by_neighbours, entropies
from infodecomp.representation.factor_vae_score import factor_vae_score
from infodecomp.representation.information_scores import (
    compactness,
    modularity,
    mutual_information_gap,
    used_dimensions,
)
from infodecomp.representation.probes import classify
from infodecomp.representation.spread import Score, with_errors
from infodecomp.representation.tad import one_hot, total_auroc_difference
from infodecomp.runs.seeds import generator


@dataclass(frozen=True)
class Coded:
    """Images by their codes and factors.

    codes: float (n, d). factors: integers (n, J), none constant. held_out: bool (n,), some of each kind.
    """

    codes: np.ndarray
    factors: np.ndarray
    held_out: np.ndarray

    def at(self, rows: np.ndarray) -> Coded:
        """The images of these numbers."""
        return Coded(self.codes[rows], self.factors[rows], self.held_out[rows])


@dataclass(frozen=True)
class Scoring:
    """How codes are scored. learners: of DCI, each in columns of its name. repeats: random halves for the errors."""

    learners: tuple[Learner, ...]
    repeats: int
    seed: int


def disentanglement_scores(coded: Coded, scoring: Scoring) -> dict[str, Score]:
    """Name → score: dci_{d,c,i}_<learner>, info_{m,c,e}, mig, factor_vae, tad, tad_attributes, used_dimensions.

    Scores that are undefined for the code are NaN: modularity of a code that tells nothing.
    """
    rng = generator(scoring.seed, "disentanglement", "halves")
    return with_errors(lambda rows: _scores(coded.at(rows), scoring), len(coded.codes), scoring.repeats, rng)


def _scores(coded: Coded, scoring: Scoring) -> dict[str, float]:
    train, entropy = ~coded.held_out, entropies(coded.factors)
    used = used_dimensions(coded.codes)
    information = by_neighbours(coded.codes, coded.factors, scoring.seed)[used]
    tad = total_auroc_difference(coded.codes, one_hot(coded.factors), train)
    explicit = [classify(coded.codes, factor, train).explicitness for factor in coded.factors.T]
    rng = generator(scoring.seed, "disentanglement", "factor_vae")
    found = {
        "info_m": modularity(information, entropy),
        "info_c": compactness(information, entropy),
        "info_e": float(np.mean(explicit)),
        "mig": mutual_information_gap(by_bins(coded.codes, coded.factors), entropy),
        "factor_vae": factor_vae_score(coded.codes, coded.factors, rng),
        "tad": tad.total,
        "tad_attributes": float(tad.attributes),
        "used_dimensions": float(used.sum()),
    }
    for learner in scoring.learners:
        scores = dci(coded.codes, coded.factors, train, learner, scoring.seed)
        found[f"dci_d_{learner}"] = scores.disentanglement
        found[f"dci_c_{learner}"] = scores.completeness
        found[f"dci_i_{learner}"] = scores.informativeness
    return found
