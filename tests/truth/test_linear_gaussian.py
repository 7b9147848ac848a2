"""The estimator on the linear-Gaussian code: every quantity of a code has a closed form there.

Estimates are means over images with draws of their own, so that their standard errors are those of independent values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pytest
import torch
from scipy import integrate

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.denoiser import Predict
from infodecomp.estimator.evaluation import Problem, estimate_many
from infodecomp.estimator.interval import Interval
from infodecomp.estimator.uncertainty import mean_of_independent
from infodecomp.representation.linear_gaussian import LinearGaussian
from tests.truth.problems import draw

PIXELS, DIMENSIONS = 6, 3
RANGE = Interval(low=-8.0, high=8.0, loc=0.0, scale=2.0)
NOTHING, CODE = "nothing", "code"
IMAGES, REPEATS, DRAWS = 3000, 50, 4
KINDS = ("standard", "orthogonal")


def _model() -> LinearGaussian:
    rng = np.random.default_rng(6)
    root = rng.normal(size=(PIXELS, PIXELS)) * np.array([0.3, 0.25, 0.8, 1.2, 0.3, 0.5])[:, None]
    return LinearGaussian(
        root @ root.T + 0.05 * np.eye(PIXELS),
        rng.normal(size=(DIMENSIONS, PIXELS)) * 0.6,
        np.array([0.3, 0.15, 0.6]),
    )


MODEL = _model()
ALL = MODEL.dimensions
ALONE = [(k,) for k in ALL]
REST = [tuple(other for other in ALL if other != k) for k in ALL]


def condition(z: np.ndarray, known: Sequence[int]) -> Condition:
    mask = torch.zeros(DIMENSIONS, dtype=torch.float64)
    mask[list(known)] = 1
    return Condition({"states": torch.from_numpy(z) * mask, "mask": mask})


def prompts_of(z: np.ndarray) -> dict[str, Condition]:
    named: dict[str, Sequence[int]] = {NOTHING: (), CODE: ALL}
    named |= {f"only {k}": ALONE[k] for k in ALL} | {f"without {k}": REST[k] for k in ALL}
    return {name: condition(z, known) for name, known in named.items()}


PAIRS = [
    (NOTHING, CODE),
    *((NOTHING, f"only {k}") for k in ALL),
    *((f"without {k}", CODE) for k in ALL),
]
TRUE = {
    (NOTHING, CODE): MODEL.within(ALL, RANGE),
    **{(NOTHING, f"only {k}"): MODEL.within(ALONE[k], RANGE) for k in ALL},
    **{(f"without {k}", CODE): MODEL.within(ALL, RANGE, REST[k]) for k in ALL},
}


def maps_of(
    denoiser: Predict, images: int, pairs: Sequence[tuple[str, str]], seed: int = 0
) -> dict[tuple[str, str, str], np.ndarray]:
    """(kind, reference, conditioned) → maps (n, d), each from four draws of its own."""
    x, z = MODEL.sample(np.random.default_rng(seed), images)
    problems = (
        Problem(
            torch.from_numpy(x[k]).view(1, 1, -1),
            prompts_of(z[k]),
            pairs,
            draw((1, 1, PIXELS), DRAWS, 1000 * seed + k, interval=RANGE),
        )
        for k in range(images)
    )
    found: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for estimate in estimate_many(denoiser, problems, 2048):
        weight = estimate.draws.weight[:, None].numpy()
        for kind in KINDS:
            for pair in pairs:
                cells = estimate.integrand(pair, kind).flatten(1).numpy()
                found.setdefault((kind, *pair), []).append((weight * cells).mean(0))
    return {name: np.stack(maps) for name, maps in found.items()}


@pytest.fixture(scope="module")
def maps() -> dict[tuple[str, str, str], np.ndarray]:
    return maps_of(MODEL, IMAGES, PAIRS)


def assert_within(values: np.ndarray, true: float | np.ndarray, errors: float = 3.0) -> None:
    """The mean over images is within some standard errors of the truth."""
    error = values.std(0, ddof=1) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(0) - true) < errors * error), (values.mean(0), error, true)


def test_two_formulas_of_the_information() -> None:
    for known in ([0], [1, 2], ALL):
        rows, noise = MODEL.encoder[list(known)], MODEL.noise[list(known)]
        told = np.eye(len(known)) + (rows @ MODEL.covariance @ rows.T) / noise[:, None]
        assert MODEL.information(known) == pytest.approx(np.linalg.slogdet(told)[1] / 2, abs=1e-9)


def test_the_range_cuts_off_what_the_channel_says_at_its_ends() -> None:
    ends = [MODEL.noised_information(ALL, logsnr) for logsnr in (RANGE.low, RANGE.high)]
    assert MODEL.within(ALL, RANGE) == pytest.approx(ends[1] - ends[0], abs=1e-9)
    assert MODEL.noised_information(ALL, 30.0) == pytest.approx(MODEL.information(ALL), abs=1e-9)


def test_information_is_the_integral_of_the_squared_errors() -> None:
    """I-MMSE: ½ ∫ [E‖ε − ε̂‖² − E‖ε − ε̂_z‖²] dα is the difference of the channel's information."""

    def gain(logsnr: float) -> float:
        return (MODEL.squared_error((), logsnr) - MODEL.squared_error(ALL, logsnr)) / 2

    found, _ = integrate.quad(gain, RANGE.low, RANGE.high, epsabs=1e-11, epsrel=1e-11)
    assert found == pytest.approx(MODEL.within(ALL, RANGE), abs=1e-9)


@pytest.mark.parametrize("known", [(), (1,), ALL])
def test_the_decoder_has_the_squared_error_of_a_posterior_mean(known: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    x, z = MODEL.sample(rng, 20_000)
    logsnr = torch.full((len(x),), 0.7, dtype=torch.float64)
    eps = torch.from_numpy(rng.standard_normal((len(x), 1, 1, PIXELS)))
    x_alpha = noised(torch.from_numpy(x)[:, None, None], logsnr, eps)
    away = eps - MODEL(x_alpha, logsnr, Condition.stack([condition(one, known) for one in z]))
    assert_within(away.square().sum((1, 2, 3)).numpy(), MODEL.squared_error(known, 0.7))


def test_cells_sum_to_the_information() -> None:
    assert MODEL.cells(ALL).sum() == pytest.approx(MODEL.information(ALL), abs=1e-9)
    for k in ALL:
        found = MODEL.cells(ALL, given=REST[k])
        assert found.sum() == pytest.approx(MODEL.information(ALL, REST[k]), abs=1e-9)
        assert MODEL.cells(ALL, Interval(-40.0, 40.0, 0.0, 1.0), REST[k]) == pytest.approx(found, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pair", PAIRS, ids=" → ".join)
def test_estimates_of_the_total(
    maps: Mapping[tuple[str, str, str], np.ndarray], pair: tuple[str, str], kind: str
) -> None:
    assert_within(maps[(kind, *pair)].sum(1), TRUE[pair])


@pytest.mark.parametrize("kind", KINDS)
def test_estimates_of_every_cell(maps: Mapping[tuple[str, str, str], np.ndarray], kind: str) -> None:
    assert_within(maps[kind, NOTHING, CODE], MODEL.cells(ALL, RANGE))


def test_intervals_cover_the_truth(maps: Mapping[tuple[str, str, str], np.ndarray]) -> None:
    """95 % intervals from sixty images each, for every pair and kind: at least 93 % hold the closed form."""
    covered = []
    for (kind, *pair), values in maps.items():
        runs = torch.from_numpy(values.sum(1).reshape(REPEATS, -1).T.copy())
        low, high = mean_of_independent(runs).interval(0.95)
        true = TRUE[pair[0], pair[1]]
        covered.append((low <= true) & (true <= high))
        assert np.mean(covered[-1]) >= 0.86, (kind, pair)
    assert np.mean(covered) >= 0.93


def test_rate_is_information_and_mismatch() -> None:
    assert MODEL.rate == pytest.approx(MODEL.information(ALL) + MODEL.aggregate_divergence, abs=1e-9)
    assert MODEL.aggregate_divergence > 0.1
    # Against the closed form of KL between normals, averaged over images by its own moments.
    x, _ = MODEL.sample(np.random.default_rng(2), 40_000)
    mean = x @ MODEL.encoder.T
    divergence = ((mean**2).sum(1) + (MODEL.noise - 1 - np.log(MODEL.noise)).sum()) / 2
    assert_within(divergence, MODEL.rate)


def test_dimensions_bracket_the_total() -> None:
    """Σ_k I(x; z_k) − I(x; z) = TC and I(x; z) − Σ_k I(x; z_k | z_rest) = DTC."""
    whole = MODEL.information(ALL)
    alone = sum(MODEL.information(one) for one in ALONE)
    given_rest = sum(MODEL.information(ALL, rest) for rest in REST)
    assert alone - whole == pytest.approx(MODEL.total_correlation, abs=1e-9)
    assert whole - given_rest == pytest.approx(MODEL.dual_total_correlation, abs=1e-9)
    assert min(MODEL.total_correlation, MODEL.dual_total_correlation) > 0.01


def test_estimates_of_the_correlations(maps: Mapping[tuple[str, str, str], np.ndarray]) -> None:
    """Image by image, so that the noise which the terms share cancels."""
    total = {name: values.sum(1) for name, values in maps.items()}
    for kind in KINDS:
        whole = total[kind, NOTHING, CODE]
        alone = sum(total[kind, NOTHING, f"only {k}"] for k in ALL)
        given_rest = sum(total[kind, f"without {k}", CODE] for k in ALL)
        assert_within(alone - whole, sum(TRUE[NOTHING, f"only {k}"] for k in ALL) - TRUE[NOTHING, CODE])
        assert_within(whole - given_rest, TRUE[NOTHING, CODE] - sum(TRUE[f"without {k}", CODE] for k in ALL))


def test_mmd_of_samples() -> None:
    rng, scale = np.random.default_rng(3), float(DIMENSIONS**2)
    _, z = MODEL.sample(rng, 200_000)

    def similarity(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(-((one - other) ** 2).sum(1) / scale))

    (z, other), (prior, another) = np.split(z, 2), np.split(rng.standard_normal(z.shape), 2)
    crossed = similarity(z, another) + similarity(prior, other)
    assert_within(similarity(z, other) + similarity(prior, another) - crossed, MODEL.mmd(scale))
    assert MODEL.mmd(scale) > 0.02
    already_normal = LinearGaussian(np.eye(2), np.eye(2) * 0.6, np.full(2, 1 - 0.36))
    assert already_normal.mmd(4.0) == pytest.approx(0, abs=1e-12)


def _perturbed(
    x_alpha: torch.Tensor, logsnr: torch.Tensor, given: Condition, amounts: tuple[float, float]
) -> torch.Tensor:
    """The exact decoder with an error that depends on x_α, larger with or without a code."""
    known = given.tensors["mask"].sum(1) > 0
    amount = torch.where(known, amounts[1], amounts[0]).double()[:, None, None, None]
    return MODEL(x_alpha, logsnr, given) + amount * torch.tanh(x_alpha.flip(3) - 0.3)


def test_errors_of_the_two_sides() -> None:
    """i^s of an inexact decoder is I − Δ_c + Δ_u, Δ = ½ ∫ E‖ε̂ − ε̂*‖² dα: a bad null inflates, a bad decoder deflates."""
    pair, both = (NOTHING, CODE), [(NOTHING, CODE)]
    amounts = (0.18, 0.08)
    x, _ = MODEL.sample(np.random.default_rng(7), 1500)
    found = maps_of(partial(_perturbed, amounts=amounts), 1500, both, seed=7)
    distance = []
    for k, image in enumerate(x):
        draws = draw((1, 1, PIXELS), DRAWS, 7000 + k, interval=RANGE)
        x_alpha = noised(torch.from_numpy(image).view(1, 1, -1), draws.logsnr, draws.eps[torch.arange(DRAWS)].double())
        error = torch.tanh(x_alpha.flip(3) - 0.3).square().sum((1, 2, 3)) / 2
        distance.append(float((draws.weight * error).mean()))
    gap = (amounts[0] ** 2 - amounts[1] ** 2) * np.array(distance)
    assert gap.mean() > 0.2
    assert_within(found[("standard", *pair)].sum(1) - gap, TRUE[pair])
    assert found[("standard", *pair)].sum(1).mean() > TRUE[pair] + 3 * gap.std() / np.sqrt(len(gap))


def test_another_code_in_place_of_no_code_is_not_conditioning() -> None:
    """z_0 of another image in place of "unknown" asks another question: many times the conditional information."""
    x, z = MODEL.sample(np.random.default_rng(9), 600)
    pair = ("exchanged", CODE)
    problems = []
    for k, image in enumerate(x):
        exchanged = z[k].copy()
        exchanged[0] = z[k - 1, 0]
        prompts = {"exchanged": condition(exchanged, ALL), CODE: condition(z[k], ALL)}
        draws = draw((1, 1, PIXELS), DRAWS, 9000 + k, interval=RANGE)
        problems.append(Problem(torch.from_numpy(image).view(1, 1, -1), prompts, [pair], draws))
    totals = [
        (one.draws.weight * one.integrand(pair, "orthogonal").sum((1, 2))).mean()
        for one in estimate_many(MODEL, problems, 2048)
    ]
    assert np.mean(totals) > 3 * MODEL.information(ALL, REST[0])
