"""When i^o tells captions apart and when it does not: the closed-form example of docs/retrieval.md, with its table.

Pictures are numbers: N(m, 1) or N(−m, 1), each as often. A caption is how much weight it gives either kind, and `empty`
gives both the same. Averages are over pictures that the true caption describes, taken by quadrature, not drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.densities import grid_draws
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import MapEstimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.validation.denoisers import GaussianMixture
from tests.truth.problems import WIDE, draw

PAIRS = [("empty", "true"), ("empty", "wrong")]
STEP = 0.04
PICTURES = STEP * (np.arange(-200, 200) + 0.5)


@dataclass(frozen=True)
class Example:
    """One row of the table: pictures at ±m, and the weights (right, left) that the two captions give."""

    m: float
    true: tuple[float, float]
    wrong: tuple[float, float]

    @property
    def denoiser(self) -> GaussianMixture:
        return GaussianMixture(torch.tensor([[self.m], [-self.m]]).double(), torch.ones(2, 1).double())

    @property
    def prompts(self) -> dict[str, Condition]:
        weights = {"empty": (0.5, 0.5), "true": self.true, "wrong": self.wrong}
        return {name: Condition.of(torch.tensor(values, dtype=torch.float64).log()) for name, values in weights.items()}

    @cached_property
    def density(self) -> np.ndarray:
        """Weight of each picture under the true caption; they add to one."""
        x = torch.from_numpy(PICTURES).view(-1, 1, 1, 1)
        return STEP * self.denoiser.log_density(x, self.prompts["true"].expand(len(x))).exp().numpy()

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """i^s and i^o of the true and the wrong caption for each picture: (pictures, 2)."""
        runs = [
            estimate(self.denoiser, torch.full((1, 1, 1), x).double(), self.prompts, PAIRS, quadrature(), 1 << 14)
            for x in PICTURES
        ]
        return {
            "i_s": np.array([totals(run.standard) for run in runs]),
            "i_o": np.array([totals(run.orthogonal) for run in runs]),
        }

    def mean(self, score: str) -> np.ndarray:
        """Of the true and the wrong caption, nats."""
        return self.density @ self.scores[score]

    def right(self, score: str) -> float:
        """Share of pictures whose true caption scores higher."""
        true, wrong = self.scores[score].T
        return float(self.density @ (true > wrong))


def totals(estimates: dict[tuple[str, str], MapEstimate]) -> list[float]:
    return [estimates[pair].total for pair in PAIRS]


def quadrature() -> Draws:
    """Log-SNRs by the trapezoidal rule and noise by Gauss and Hermite's, as weighted draws."""
    logsnr, weight = grid_draws(161, Interval(-20.0, 24.0, 1.0, 2.0))
    nodes, shares = np.polynomial.hermite_e.hermegauss(24)
    shares = shares / shares.mean()
    return Draws.held(
        torch.from_numpy(np.repeat(logsnr, len(nodes))),
        torch.from_numpy(np.outer(weight, shares).ravel()),
        torch.from_numpy(np.tile(nodes, len(logsnr))).float().view(-1, 1, 1, 1),
    )


CONTRADICTION_FAINT = Example(0.5, (1.0, 0.0), (0.0, 1.0))
CONTRADICTION_PLAIN = Example(1.5, (1.0, 0.0), (0.0, 1.0))
WRONG_IS_VAGUE = Example(1.5, (1.0, 0.0), (0.4, 0.6))
TRUE_IS_VAGUE = Example(1.5, (0.8, 0.2), (0.0, 1.0))
EXAMPLES = [CONTRADICTION_FAINT, CONTRADICTION_PLAIN, WRONG_IS_VAGUE, TRUE_IS_VAGUE]


def test_the_printed_table_is_what_comes_out(repository: Path) -> None:
    printed = table_rows((repository / "docs" / "retrieval.md").read_text(encoding="utf-8"))
    assert len(printed) == len(EXAMPLES)
    for (m, true, wrong, *cells), example in zip(printed, EXAMPLES, strict=True):
        assert (float(m), weights(true), weights(wrong)) == (example.m, example.true, example.wrong)
        found = [*example.mean("i_s"), *example.mean("i_o"), 100 * example.right("i_s"), 100 * example.right("i_o")]
        for cell, value in zip(cells, found, strict=True):
            decimals = len(cell.partition(".")[2])
            assert abs(float(cell) - value) <= 0.51 * 10**-decimals, (example, cell, value)


def table_rows(text: str) -> list[list[str]]:
    """Cells of the rows that begin with a number for m and two captions such as 100 : 0."""
    rows = re.findall(r"^\| (\d\.\d) \| (\d+ : \d+) \| (\d+ : \d+) \| (.*) \|$", text.replace("−", "-"), re.MULTILINE)
    return [[m, true, wrong, *(cell.rstrip(" %") for cell in rest.split(" | "))] for m, true, wrong, rest in rows]


def weights(cell: str) -> tuple[float, float]:
    right, left = (int(part) / 100 for part in cell.split(" : "))
    return right, left


@pytest.mark.parametrize("example", EXAMPLES)
def test_i_s_is_exact_and_on_average_on_the_side_of_the_true_caption(example: Example) -> None:
    x = torch.from_numpy(PICTURES).view(-1, 1, 1, 1)
    logs = {name: example.denoiser.log_density(x, prompt.expand(len(x))) for name, prompt in example.prompts.items()}
    exact = torch.stack([logs["true"] - logs["empty"], logs["wrong"] - logs["empty"]], 1).numpy()
    assert example.scores["i_s"] == pytest.approx(exact, abs=1e-5)
    true, wrong = example.mean("i_s")
    assert true > 0 > wrong


@pytest.mark.parametrize("example", EXAMPLES)
def test_i_o_of_the_true_caption_is_i_s_on_average(example: Example) -> None:
    assert example.mean("i_o")[0] == pytest.approx(example.mean("i_s")[0], abs=1e-5)


@pytest.mark.parametrize("example", [CONTRADICTION_FAINT, CONTRADICTION_PLAIN])
def test_between_two_contradicting_captions_i_o_takes_the_less_likely_one(example: Example) -> None:
    """For each picture, not only on average: the prompt that moves the prediction more is the one that fits less."""
    by_i_s, by_i_o = (np.subtract(*example.scores[score].T) > 0 for score in ("i_s", "i_o"))
    assert (by_i_s != by_i_o).all()


@pytest.mark.parametrize(("example", "wrong_one"), [(WRONG_IS_VAGUE, False), (TRUE_IS_VAGUE, True)])
def test_i_o_takes_the_more_definite_caption_whatever_the_picture(example: Example, wrong_one: bool) -> None:
    true, wrong = example.scores["i_o"].T
    assert ((wrong > true) == wrong_one).all()


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_wrong_caption_far_from_the_true_one_moves_the_prediction_more(example: Example) -> None:
    """√i^o is a distance, so that √i^o(wrong) ≥ √D − √i^o(true) on average, D = i^s(true) − i^s(wrong)."""
    (true, wrong), distance = example.mean("i_o"), -float(np.diff(example.mean("i_s"))[0])
    assert wrong >= (np.sqrt(distance) - np.sqrt(true)) ** 2
    # D > 4·i^o(true) makes the wrong caption's greater; among these examples it is so in all but one.
    assert (distance > 4 * true) == (wrong > true) == (example is not WRONG_IS_VAGUE)


def test_what_captions_share_cancels() -> None:
    """A plane whose first coordinate all options tell: only the second decides, as if the first were not there."""
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64)
    plane = GaussianMixture(signs * torch.tensor([2.0, 1.5]), torch.ones(4, 2).double())
    uniform = torch.full((4,), 0.25)
    prompts = {
        "empty": plane.prompt(weights=uniform),
        "true": plane.prompt(0, weights=uniform),
        "wrong": plane.prompt(1, weights=uniform),
    }
    draws = draw((1, 1, 2), 200, 0, interval=WIDE)
    along = Draws.held(draws.logsnr, draws.weight, draws.eps[:][..., 1:], stratified=True)
    for point in ([2.3, 0.4], [0.1, 2.0], [1.5, -0.3]):
        x = torch.tensor(point, dtype=torch.float64).view(1, 1, 2)
        both = totals(estimate(plane, x, prompts, PAIRS, draws).orthogonal)
        alone = totals(
            estimate(CONTRADICTION_PLAIN.denoiser, x[..., 1:], CONTRADICTION_PLAIN.prompts, PAIRS, along).orthogonal
        )
        assert both[0] > alone[0] and both[1] > alone[1]
        assert both[0] - both[1] == pytest.approx(alone[0] - alone[1], abs=1e-4)
