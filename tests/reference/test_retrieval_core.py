"""Retrieval scores and decisions against recorded numbers of the released code, fed the same draws.

Its conditions are [false × 4, true, null], and its differences of predictions, in this order, 4 × false − true,
4 × false − null, true − null. The last five are its scores of the options, the true one last.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.options import EMPTY, OptionEstimate
from infodecomp.metrics.retrieval import decide
from infodecomp.models.latent_diffusion import LatentDiffusion
from tests.reference.recorded import read_recorded

CASE = "image_nll_fast_retrieval"
IMAGES = 3
FALSE = [f"false {number}" for number in range(4)]
OPTIONS = [*FALSE, "true"]
TRUTH = len(OPTIONS) - 1
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "core.npz")


@pytest.fixture(scope="module")
def runs(reference: Path, golden: dict[str, np.ndarray]) -> list[Estimate]:
    """One run of the estimator for each image, on the draws that the released code gave it."""
    model = LatentDiffusion.load(str(reference / "tiny_sd"))
    pairs = [("true", option) for option in FALSE] + [(EMPTY, option) for option in OPTIONS]
    estimates = []
    for image in range(IMAGES):
        states = [*golden["emb_false"][:, image], golden["emb_caption"][image], golden["emb_null"][image]]
        conditions = [Condition.of(torch.from_numpy(one)) for one in states]
        prompts = dict(zip([*OPTIONS, EMPTY], conditions, strict=True))
        latent = torch.from_numpy(golden["latents"][image])
        estimates.append(estimate(model, latent, prompts, pairs, draws_of(golden, image), batch_size=30))
    return estimates


def draws_of(golden: dict[str, np.ndarray], image: int) -> Draws:
    """The recorded draws of one image; rows are tiled [replicate, image]."""
    logsnr, weight = (golden[f"{CASE}/{name}"].reshape(-1, IMAGES)[:, image] for name in ("logsnr", "weight"))
    eps = golden[f"{CASE}/eps"].reshape(-1, IMAGES, 4, 16, 16)[:, image]
    return Draws.held(torch.from_numpy(logsnr).double(), torch.from_numpy(weight).double(), torch.from_numpy(eps))


def option_scores(runs: list[Estimate], score: str, options: list[str]) -> np.ndarray:
    """(images, options)."""
    return np.stack([OptionEstimate.of(run, options).scores[score].value for run in runs])


def close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


def test_all_differences_of_predictions(golden: dict[str, np.ndarray], runs: list[Estimate]) -> None:
    ours = np.array([[gap.total for gap in run.orthogonal.values()] for run in runs])
    close(ours, golden[f"{CASE}/out_mi"].T)


def test_option_scores(golden: dict[str, np.ndarray], runs: list[Estimate]) -> None:
    close(option_scores(runs, "i_o", OPTIONS), golden[f"{CASE}/out_mi"].T[:, len(FALSE) :])
    nll = golden[f"{CASE}/out_nll"].T
    close(-option_scores(runs, "neg_nll", OPTIONS), nll[:, :-1])
    close(option_scores(runs, "i_s", OPTIONS), nll[:, -1:] - nll[:, :-1])


@pytest.mark.parametrize("truth_last", [True, False])
def test_decisions(golden: dict[str, np.ndarray], runs: list[Estimate], truth_last: bool) -> None:
    """The released accuracy is the share of cases whose greatest score is the last; here the order may be any."""
    released = {
        "i_o": golden[f"{CASE}/out_mi"].T[:, len(FALSE) :].argmax(1) == TRUTH,
        "i_s": golden[f"{CASE}/out_nll"].T[:, :-1].argmin(1) == TRUTH,
    }
    options = OPTIONS if truth_last else OPTIONS[::-1]
    truth = np.full(IMAGES, options.index("true"))
    same_text = np.arange(len(options)) == truth[:, None]
    for score, right in released.items():
        decisions = decide(option_scores(runs, score, options), truth, same_text, "half")
        assert decisions.credit.tolist() == right.tolist()
        assert right.mean() == pytest.approx(1 / 3)
    # Each is right about one image of three, but not about the same one.
    assert released["i_o"].tolist() != released["i_s"].tolist()


def test_neg_nll_decides_as_i_s(runs: list[Estimate]) -> None:
    likelihood, information = (option_scores(runs, score, OPTIONS) for score in ("neg_nll", "i_s"))
    assert (likelihood.argsort(1) == information.argsort(1)).all()
