"""Taking pixels away, against a field whose information sits in known pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.sampling import sample_draws
from infodecomp.faithfulness.curves import (
    Judged,
    curve_evaluations,
    expected_filling,
    information_curves,
    noise_filling,
)
from infodecomp.metrics.faithfulness import AREAS, area, highest, pixel_order
from infodecomp.validation.denoisers import GaussianField
from tests.truth.problems import WIDE, FieldProblem, disc_field

SIDE = 8
FRACTIONS = (0.1, 0.25, 0.5)
SHARES = np.array([0.0, *FRACTIONS, 1.0])


@pytest.fixture(scope="module")
def field() -> FieldProblem:
    return disc_field(SIDE)


def judged(field: FieldProblem, draws: int, seed: int = 0) -> Judged:
    """The exact map of the field, and the same values at other pixels."""
    rng = np.random.default_rng(seed)
    truth = field.information
    shuffled = rng.permutation(truth.ravel()).reshape(truth.shape)
    filling = noise_filling(torch.randn(field.x.shape, generator=_torch(seed)), rng)
    return Judged(
        x=field.x,
        filling=filling.to(field.x),
        context=field.marginal,
        full=field.conditional,
        draws=sample_draws(
            shape=(4, SIDE, SIDE),
            steps=(draws,),
            density="logistic",
            design="stratified",
            antithetic_eps=True,
            interval=WIDE,
            rng=rng.spawn(1)[0],
        ),
        orders={name: pixel_order(heat, rng) for name, heat in (("truth", truth), ("shuffled", shuffled))},
    )


def _torch(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ratio(field: FieldProblem, image: torch.Tensor) -> float:
    """log p(image | condition) − log p(image), exact."""
    known = GaussianField.log_density(image, field.conditional) - GaussianField.log_density(image, field.marginal)
    return float(known.sum())


def expected_square(field: FieldProblem, image: torch.Tensor) -> float:
    """½ ∫ E ‖ε̂(x_α | marginal) − ε̂(x_α | conditional)‖² dα, exact up to the rule of the integral."""
    alphas = np.linspace(WIDE.low, WIDE.high, 2001)
    signal, noise = (np.sqrt(1 / (1 + np.exp(sign * alphas)))[:, None] for sign in (-1, 1))
    x = image.numpy().ravel()
    shifts, shares = [], []
    for prompt in (field.marginal, field.conditional):
        mean, variance = prompt.states.numpy().reshape(2, -1)
        spread = signal**2 * variance + noise**2
        shifts.append(noise * signal * (x - mean) / spread)
        shares.append(noise**2 / spread)
    squares = (shifts[0] - shifts[1]) ** 2 + (shares[0] - shares[1]) ** 2
    return float(np.trapezoid(0.5 * squares.sum(1), alphas))


def exact(field: FieldProblem, case: Judged, kind: str, name: str) -> np.ndarray:
    images = case.images(FRACTIONS)
    ends = ("whole", "filling") if kind == "deletion" else ("filling", "whole")
    inner = [f"{kind}/{name}/{fraction}" for fraction in FRACTIONS]
    return np.array([ratio(field, images[key]) for key in (ends[0], *inner, ends[1])])


def test_curves_are_the_exact_ratios(field: FieldProblem) -> None:
    """Within a twentieth of the range of the ratio, at 400 draws."""
    case = judged(field, 400)
    allowed = 0.05 * np.ptp(exact(field, case, "deletion", "truth"))
    for name, found in next(information_curves(GaussianField(), [case], FRACTIONS, 64)).items():
        kind, quantity, order = name.split("/")
        if quantity == "i_s":
            assert np.abs(found - exact(field, case, kind, order)).max() < allowed, name


def test_the_other_curves_are_the_expected_squares(field: FieldProblem) -> None:
    """i^o of an image, from a quadrature over α of the closed form of both predictions."""
    case = judged(field, 400)
    curves = next(information_curves(GaussianField(), [case], FRACTIONS, 64))
    for image, found in (("whole", curves["deletion/i_o/truth"][0]), ("filling", curves["deletion/i_o/truth"][-1])):
        expected = expected_square(field, case.images(FRACTIONS)[image])
        assert found == pytest.approx(expected, rel=0.05)


def test_the_true_map_wins_over_the_same_values_elsewhere(field: FieldProblem) -> None:
    """Already with the few draws of the embedded study."""
    cases = [judged(field, 4, seed) for seed in range(4)]
    for curves in information_curves(GaussianField(), cases, FRACTIONS, 64):
        for measure in AREAS:
            curve, _, quantity = measure.partition("_")
            truth, shuffled = (
                area(SHARES, curves[f"{curve}/{quantity}/{name}"], measure) for name in ("truth", "shuffled")
            )
            assert truth > shuffled, measure


def test_ends_are_those_of_all_maps(field: FieldProblem) -> None:
    curves = next(information_curves(GaussianField(), [judged(field, 4)], FRACTIONS, 64))
    assert len({curve[0] for name, curve in curves.items() if name.startswith("deletion/i_s")}) == 1
    for quantity in ("i_o", "i_s"):
        assert curves[f"deletion/{quantity}/truth"][0] == curves[f"insertion/{quantity}/shuffled"][-1]
        assert curves[f"deletion/{quantity}/truth"][-1] == curves[f"insertion/{quantity}/shuffled"][0]


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_change_nothing(field: FieldProblem, batch_size: int) -> None:
    cases = [judged(field, 4, seed) for seed in range(3)]
    expected = list(information_curves(GaussianField(), cases, FRACTIONS, 64))
    found = list(information_curves(GaussianField(), cases, FRACTIONS, batch_size))
    for one, other in zip(found, expected, strict=True):
        for name, curve in other.items():
            np.testing.assert_allclose(one[name], curve, rtol=1e-10)


def test_evaluations_are_counted(field: FieldProblem) -> None:
    rows = 0

    def counted(x: torch.Tensor, logsnr: torch.Tensor, condition: Condition) -> torch.Tensor:
        nonlocal rows
        rows += len(x)
        return GaussianField()(x, logsnr, condition)

    list(information_curves(counted, [judged(field, 4)], FRACTIONS, 64))
    assert rows == curve_evaluations(2, FRACTIONS, 4)


def test_taken_pixels_hold_the_filling_and_the_rest_the_image(field: FieldProblem) -> None:
    case = judged(field, 4)
    images = case.images(FRACTIONS)
    gone = torch.from_numpy(highest(case.orders["truth"], 0.25, (SIDE, SIDE)))
    assert int(gone.sum()) == SIDE * SIDE // 4
    assert torch.equal(images["deletion/truth/0.25"][:, gone], case.filling[:, gone])
    assert torch.equal(images["deletion/truth/0.25"][:, ~gone], case.x[:, ~gone])
    assert torch.equal(images["insertion/truth/0.25"][:, gone], case.x[:, gone])
    assert torch.equal(images["insertion/truth/0.25"][:, ~gone], case.filling[:, ~gone])


def test_what_is_expected_of_an_image_that_is_hardly_seen(field: FieldProblem) -> None:
    """Of Gaussian pixels the expectation is m + v√s/(sv + 1 − s)·(x_α − √s·m), and with no signal the mean."""
    mean = torch.full_like(field.x, 0.7)
    prompt = Condition.of(torch.stack([mean, torch.full_like(field.x, 2.0)]))
    alpha, rng = -1.0, np.random.default_rng(5)
    found = expected_filling(GaussianField(), field.x, prompt, alpha, np.random.default_rng(5))
    s = 1 / (1 + np.exp(-alpha))
    eps = torch.from_numpy(rng.standard_normal(field.x.shape, dtype=np.float32)).to(field.x)
    seen = s**0.5 * field.x + (1 - s) ** 0.5 * eps
    expected = mean + 2 * s**0.5 / (2 * s + 1 - s) * (seen - s**0.5 * mean)
    torch.testing.assert_close(found, expected)
    blind = expected_filling(GaussianField(), field.x, prompt, -30.0, rng)
    torch.testing.assert_close(blind, mean, atol=1e-4, rtol=0)


def test_noise_has_the_size_of_each_channel(field: FieldProblem) -> None:
    x = torch.randn(3, 64, 64, generator=_torch(1)) * torch.tensor([1.0, 5.0, 0.1])[:, None, None] + 2
    noise = noise_filling(x, np.random.default_rng(0))
    torch.testing.assert_close(noise.mean((1, 2)), x.mean((1, 2)), atol=0.3, rtol=0)
    torch.testing.assert_close(noise.std((1, 2)), x.std((1, 2)), atol=0, rtol=0.05)
