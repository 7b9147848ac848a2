"""Partial information against distributions that are known, and against the package dit as an independent judge."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.prompt_pairs import PromptPair
from infodecomp.metrics.partial_information import (
    ATOMS,
    Atoms,
    Information,
    Redundancy,
    decompose,
    decompose_replicates,
)
from infodecomp.validation.denoisers import GaussianMixture
from tests.truth.problems import draw

Outcome = tuple[int, int, int]  # first word, second word, image
Distribution = Mapping[Outcome, float]
REPLICATES = 8

XOR = {(a, b, a ^ b): 0.25 for a, b in itertools.product((0, 1), repeat=2)}
COPY = {(0, 0, 0): 0.6, (1, 1, 1): 0.4}
BOTH_NEEDED = {(a, b, 2 * a + b): (0.3, 0.2, 0.35, 0.15)[2 * a + b] for a, b in itertools.product((0, 1), repeat=2)}
NOISY_AND = {(a, b, x): 0.25 * (0.85 if x == (a & b) else 0.15) for a, b, x in itertools.product((0, 1), repeat=3)}


def random_distribution(seed: int, shape: Outcome = (2, 3, 3)) -> Distribution:
    weights = np.random.default_rng(seed).dirichlet(np.full(math.prod(shape), 0.7)).reshape(shape)
    return {(a, b, x): float(weights[a, b, x]) for a, b, x in np.ndindex(*shape)}


def pairwise_distribution(seed: int) -> Distribution:
    """One that its marginals of two variables determine: ln p is a sum of functions of two."""
    rng = np.random.default_rng(seed)
    first, second, third = (rng.normal(size=(2, 2)) for _ in range(3))
    logs = {(a, b, x): first[a, b] + second[a, x] + third[b, x] for a, b, x in itertools.product((0, 1), repeat=3)}
    total = sum(map(math.exp, logs.values()))
    return {outcome: math.exp(value) / total for outcome, value in logs.items()}


def probability(p: Distribution, **known: int) -> float:
    """Of what is known of first, second and image."""
    names = {"first": 0, "second": 1, "image": 2}
    return sum(value for outcome, value in p.items() if all(outcome[names[name]] == k for name, k in known.items()))


def pointwise(p: Distribution, outcome: Outcome) -> tuple[Information, tuple[float, float]]:
    """i(x; ·) of an outcome, ln p(x|·)/p(x), and the surprisals of its words."""
    first, second, image = outcome

    def information(**words: int) -> np.ndarray:
        return np.array(
            math.log(probability(p, image=image, **words) / probability(p, **words) / probability(p, image=image))
        )

    surprisal = -math.log(probability(p, first=first)), -math.log(probability(p, second=second))
    return Information(
        information(first=first), information(second=second), information(first=first, second=second)
    ), surprisal


def means(p: Distribution, measure: Redundancy) -> Atoms:
    """Atoms in the mean over outcomes."""
    found = [(value, decompose(pointwise(p, k)[0], measure, pointwise(p, k)[1])) for k, value in p.items() if value > 0]
    return Atoms(*(np.array(sum(weight * getattr(atoms, name) for weight, atoms in found)) for name in ATOMS))


def judged(p: Distribution, measure: str, **how: Any) -> Any:
    """The decomposition of dit, in bits."""
    dit = pytest.importorskip("dit")
    kept = {outcome: value for outcome, value in p.items() if value > 0}
    return getattr(dit.pid, measure)(dit.Distribution(list(kept), list(kept.values())), ((0,), (1,)), (2,), **how)


NODES = {
    "redundancy": ((0,), (1,)),
    "unique_first": ((0,),),
    "unique_second": ((1,),),
    "synergy": ((0, 1),),
}


@pytest.mark.parametrize("p", [XOR, COPY, BOTH_NEEDED, NOISY_AND, *map(random_distribution, range(4))])
def test_every_outcome_is_taken_apart_as_dit_does_it(p: Distribution) -> None:
    """Finn and Lizier's pointwise decomposition, outcome by outcome."""
    judge = judged(p, "PID_PM", pointwise=True)
    for name, node in NODES.items():
        of_judge = judge.get_pw_pi(node)
        assert of_judge.keys() == {outcome for outcome, value in p.items() if value > 0}
        for outcome, bits in of_judge.items():
            information, surprisal = pointwise(p, outcome)
            atoms = decompose(information, "ppid", surprisal)
            assert float(getattr(atoms, name)) == pytest.approx(bits * math.log(2), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_common_change_is_that_of_dit(seed: int) -> None:
    """Ince's measure is defined on the distribution that the marginals of two variables determine: here that is p itself."""
    p = pairwise_distribution(seed)
    judge, found = judged(p, "PID_CCS"), means(p, "ccs")
    for name, node in NODES.items():
        assert float(getattr(found, name)) == pytest.approx(judge.get_pi(node) * math.log(2), abs=2e-4)


@pytest.mark.parametrize("p", [COPY, *map(random_distribution, range(4))])
def test_the_minimum_is_never_above_the_minimum_of_mutual_information(p: Distribution) -> None:
    """E min(i₁, i₂) ≤ min(I₁, I₂), with equality where the words are copies of each other."""
    judge, found = judged(p, "PID_MMI"), means(p, "min")
    bound = judge.get_pi(NODES["redundancy"]) * math.log(2)
    assert float(found.redundancy) <= bound + 1e-9
    if p is COPY:
        assert float(found.redundancy) == pytest.approx(bound, abs=1e-9)


def estimated(
    denoiser: GaussianMixture,
    x: torch.Tensor,
    prompts: Mapping[str, Condition],
    pairs: Mapping[str, PromptPair],
    seed: int,
) -> Information:
    """i^s of every replicate, (R,) each."""
    totals: dict[str, list[float]] = {name: [] for name in pairs}
    for number in range(REPLICATES):
        draws = draw(tuple(x.shape), 1500, 100 * seed + number, antithetic_eps=True)
        found = estimate(denoiser, x, prompts, list(pairs.values()), draws, batch_size=1 << 15).standard
        for name, pair in pairs.items():
            totals[name].append(found[pair].total)
    return Information(*(np.array(totals[name]) for name in ("first", "second", "both")))


@pytest.mark.parametrize("p", [XOR, COPY, NOISY_AND], ids=["xor", "copy", "noisy_and"])
def test_estimates_of_far_apart_clusters_are_the_discrete_decomposition(p: Distribution) -> None:
    """A cluster for each image, and prompts that say which outcomes are possible: what dit says of them must come out."""
    outcomes = list(p)
    weights = torch.tensor([p[outcome] for outcome in outcomes], dtype=torch.float64)
    centres = torch.tensor([[4.0 * image - 2.0] for _, _, image in outcomes], dtype=torch.float64)
    denoiser = GaussianMixture(centres, torch.full_like(centres, 0.09))
    judge = judged(p, "PID_PM", pointwise=True)

    def prompt(place: int, word: int) -> Condition:
        return denoiser.prompt(*(k for k, o in enumerate(outcomes) if o[place] == word), weights=weights)

    for number, outcome in enumerate(outcomes):
        first, second, image = outcome
        same = [k for k, o in enumerate(outcomes) if o[:2] == outcome[:2]]
        prompts = {
            "": denoiser.prompt(weights=weights),
            "first": prompt(0, first),
            "second": prompt(1, second),
            "both": denoiser.prompt(*same, weights=weights),
        }
        x = torch.tensor([[[4.0 * image - 2.1]]], dtype=torch.float64)
        pairs: dict[str, PromptPair] = {name: ("", name) for name in ("first", "second", "both")}
        replicates = estimated(denoiser, x, prompts, pairs, number)
        surprisal = pointwise(p, outcome)[1]
        value, error = decompose_replicates(replicates, lambda one, s=surprisal: decompose(one, "ppid", s))
        for name, node in NODES.items():
            exact = judge.get_pw_pi(node)[outcome] * math.log(2)
            assert abs(float(getattr(value, name)) - exact) < 5 * float(getattr(error, name)) + 2e-3, (outcome, name)
        assert max(float(getattr(error, name)) for name in ATOMS) < 0.2


@pytest.mark.parametrize("measure", ["ppid", "min", "ccs"])
def test_atoms_of_a_mixture_lie_within_their_standard_errors(measure: Redundancy) -> None:
    """Eight components, named by three words of which the third is the rest of the caption: exact log likelihood ratios."""
    rng = np.random.default_rng(5)
    names = list(itertools.product((0, 1), repeat=3))
    weights = torch.from_numpy(rng.dirichlet(np.full(8, 4.0)))
    denoiser = GaussianMixture(torch.from_numpy(rng.normal(size=(8, 2))), torch.full((8, 2), 0.4, dtype=torch.float64))

    def saying(**known: int) -> Condition:
        places = {"first": 0, "second": 1, "rest": 2}
        chosen = [k for k, name in enumerate(names) if all(name[places[n]] == word for n, word in known.items())]
        return denoiser.prompt(*(chosen if known else ()), weights=weights)

    surprisal, deviations = (0.4, 1.1), []
    for number in range(5):
        component = int(rng.choice(8, p=weights.numpy()))
        first, second, rest = names[component]
        x = (denoiser.means[component] + torch.from_numpy(rng.normal(size=2)) * 0.4**0.5).view(1, 1, 2)
        for given in ({}, {"rest": rest}):
            prompts = {
                "": saying(**given),
                "first": saying(first=first, **given),
                "second": saying(second=second, **given),
                "both": saying(first=first, second=second, **given),
            }
            density = {name: float(denoiser.log_density(x[None], one[None])) for name, one in prompts.items()}
            exact = Information(*(np.array(density[name] - density[""]) for name in ("first", "second", "both")))
            pairs: dict[str, PromptPair] = {name: ("", name) for name in ("first", "second", "both")}
            replicates = estimated(denoiser, x, prompts, pairs, 50 + number)
            truth = decompose(exact, measure, surprisal)
            value, error = decompose_replicates(replicates, lambda one: decompose(one, measure, surprisal))
            for name in ATOMS:
                off, unsure = float(getattr(value, name) - getattr(truth, name)), float(getattr(error, name))
                if unsure < 1e-12:  # what a measure says is nothing, whatever the draws
                    assert off == pytest.approx(0.0, abs=1e-12)
                else:
                    deviations.append(off / unsure)
                    if abs(deviations[-1]) > 4:
                        print(
                            number,
                            given,
                            name,
                            off,
                            unsure,
                            [r.round(5) for r in vars(replicates).values()],
                            exact,
                            truth,
                        )
    # Student's t with seven degrees of freedom, four of an image and condition not independent.
    assert np.abs(deviations).max() < 6
    assert np.mean(np.square(deviations)) < 3
