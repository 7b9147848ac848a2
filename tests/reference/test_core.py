"""The estimator against recorded numbers of the released code, fed the same draws through the public functions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.channel import nearest_timestep
from infodecomp.estimator.condition import Condition
from infodecomp.estimator.densities import logistic_draws, uniform_draws
from infodecomp.estimator.draws import Draws
from infodecomp.estimator.estimates import Estimate
from infodecomp.estimator.evaluation import estimate
from infodecomp.estimator.interval import Interval
from infodecomp.models.latent_diffusion import LatentDiffusion
from tests.reference.recorded import read_recorded

TOLERANCE = 1e-5
PAIRS = [("context", "caption"), ("null", "caption"), ("null", "context")]


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "core.npz")


@pytest.fixture(scope="module")
def model(reference: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(reference / "tiny_sd"))


def close(ours: object, theirs: np.ndarray) -> None:
    theirs = np.asarray(theirs, dtype=np.float64)
    assert np.shape(ours) == theirs.shape
    assert np.abs(np.asarray(ours) - theirs).max() <= TOLERANCE * max(1.0, np.abs(theirs).max())


def draws_of_image(golden: dict[str, np.ndarray], case: str, image: int, images: int = 3) -> Draws:
    """The recorded draws that image number `image` of a batch got; rows are tiled [replicate, image]."""
    eps = golden[f"{case}/eps"].reshape(-1, images, 4, 16, 16)[:, image]
    logsnr, weight = golden[f"{case}/logsnr"], golden[f"{case}/weight"]
    if logsnr.ndim == 2:  # one log-SNR a row
        logsnr, weight = (a.reshape(-1, images)[:, image] for a in (logsnr, weight))
    repeats = len(eps) // len(logsnr)
    return Draws.held(
        torch.from_numpy(np.repeat(logsnr, repeats)).double(),
        torch.from_numpy(np.repeat(weight, repeats)).double(),
        torch.from_numpy(eps),
    )


def run(golden: dict[str, np.ndarray], model: LatentDiffusion, image: int, draws: Draws) -> Estimate:
    prompts = {
        name: Condition.of(torch.from_numpy(golden[f"emb_{name}"][image])) for name in ("caption", "context", "null")
    }
    return estimate(model, torch.from_numpy(golden["latents"][image]), prompts, PAIRS, draws, batch_size=30)


def released_nll(ours: np.ndarray, draws: Draws, *, dimensions: int) -> np.ndarray:
    """The released NLL subtracts σ(α) and adds ½ ln 2πe once, whatever the number of summed dimensions."""
    surplus = dimensions - 1
    gaussian = 0.5 * float((draws.weight * torch.sigmoid(draws.logsnr)).mean())
    return ours + surplus * (gaussian - 0.5 * math.log(2 * math.pi * math.e))


@pytest.mark.parametrize("case", ["logistic_clip4", "logistic_clip3", "uniform", "onestep", "z10", "fast"])
def test_pixel_maps(golden: dict[str, np.ndarray], model: LatentDiffusion, case: str) -> None:
    name = f"pixel_nll_{case}"
    for image in range(3):
        draws = draws_of_image(golden, name, image)
        result = run(golden, model, image, draws)
        maps = np.stack([result.orthogonal[pair].map for pair in PAIRS])
        close(maps, golden[f"{name}/out_pixel_mi"][:, image])
        nll = np.stack([released_nll(result.nll[p].map, draws, dimensions=4) for p in ("caption", "context", "null")])
        close(nll, golden[f"{name}/out_pixel_nll"][:, image])


@pytest.mark.parametrize("case", ["logistic_clip4", "logistic_clip3", "z10", "fast"])
def test_image_totals(golden: dict[str, np.ndarray], model: LatentDiffusion, case: str) -> None:
    name = f"image_nll_{case}"
    for image in range(3):
        draws = draws_of_image(golden, name, image)
        result = run(golden, model, image, draws)
        close([result.orthogonal[pair].total for pair in PAIRS], golden[f"{name}/out_mi"][:, image])
        # The released fast routine, alone, uses the dimension of the latent.
        dimensions = 1 if case == "fast" else 4 * 16 * 16
        nll = [
            released_nll(np.array(result.nll[p].total), draws, dimensions=dimensions)
            for p in ("caption", "context", "null")
        ]
        close(nll, golden[f"{name}/out_nll"][:, image])


@pytest.mark.parametrize("level", ["pixel", "image"])
def test_errors_on_a_grid(golden: dict[str, np.ndarray], model: LatentDiffusion, level: str) -> None:
    name = f"{level}_mmse"
    eps = golden[f"{name}/eps"].reshape(5, 10, 3, 4, 16, 16)
    for image in range(3):
        for position, logsnr in enumerate(golden["mmse_logsnrs"]):
            # With weight 2 the estimator's ½·mean is the mean squared error itself.
            draws = Draws.held(
                torch.full((10,), float(logsnr)).double(),
                torch.full((10,), 2.0).double(),
                torch.from_numpy(eps[position, :, image]),
            )
            result = run(golden, model, image, draws)
            gaussian = 4 * float(torch.sigmoid(draws.logsnr[0]))
            constant = 2 * math.log(2 * math.pi * math.e)
            errors = [result.nll[p].map + gaussian - constant for p in ("caption", "context", "null")]
            gaps = [result.orthogonal[pair].map for pair in PAIRS]
            if level == "image":
                errors, gaps = [m.sum() for m in errors], [m.sum() for m in gaps]
            close(errors, golden[f"{name}/out_mmse"][position, :, image])
            close(gaps, golden[f"{name}/out_mmse_diff"][position, :, image])


@pytest.mark.parametrize(
    ("case", "pair"),
    [
        ("llr_null_obj_dim123", ("null", "obj")),
        ("llr_ctx_cap_dim1", ("context", "caption")),
        ("llr_ctx_cap_dim1_clip4", ("context", "caption")),
    ],
)
def test_log_likelihood_ratio(
    golden: dict[str, np.ndarray], model: LatentDiffusion, case: str, pair: tuple[str, str]
) -> None:
    eps = golden[f"{case}/eps"].reshape(6, -1, 4, 16, 16)
    repeats = eps.shape[1]
    draws = Draws.held(
        torch.from_numpy(np.repeat(golden[f"{case}/logsnr"], repeats)).double(),
        torch.from_numpy(np.repeat(golden[f"{case}/weight"], repeats)).double(),
        torch.from_numpy(eps.reshape(-1, 4, 16, 16)),
    )
    prompts = {name: Condition.of(torch.from_numpy(golden[f"emb_{name}"][0])) for name in pair}
    result = estimate(model, torch.from_numpy(golden["latents"][0]), prompts, [pair], draws, 64)
    close(result.standard[pair].total, golden[f"{case}/out_ll_ratio"])
    close(result.orthogonal[pair].total, golden[f"{case}/out_ll_ratio_app"])
    if golden[f"{case}/out_ll_ratio_pixel"].ndim == 2:
        close(result.standard[pair].map, golden[f"{case}/out_ll_ratio_pixel"])
        close(result.orthogonal[pair].map, golden[f"{case}/out_ll_ratio_pixel_app"])


@pytest.mark.parametrize("clip", [3.0, 4.0, 6.0])
@pytest.mark.parametrize(("loc", "scale"), [(1.0, 2.0), (0.0, 2.0), (1.7, 1.1)])
def test_draws_of_both_densities(golden: dict[str, np.ndarray], loc: float, scale: float, clip: float) -> None:
    interval = Interval(loc - clip * scale, loc + clip * scale, loc, scale)
    name = f"loc{loc}_scale{scale}_clip{clip}"
    logsnr, weight = logistic_draws(golden[f"int_logistic/{name}/u"], interval)
    close(logsnr, golden[f"int_logistic/{name}/logsnr"])
    close(weight, golden[f"int_logistic/{name}/weight"])
    logsnr, weight = uniform_draws(golden[f"int_uniform/{name}/u"], interval)
    close(logsnr, golden[f"int_uniform/{name}/logsnr"])
    # The released weight is the reciprocal of the right one.
    close(1 / weight, golden[f"int_uniform/{name}/weight"])


def test_nearest_timesteps(golden: dict[str, np.ndarray], model: LatentDiffusion) -> None:
    table = torch.from_numpy(golden["logsnr2t/table"])
    found = nearest_timestep(torch.from_numpy(golden["logsnr2t/query"]), table)
    assert np.array_equal(found.numpy(), golden["logsnr2t/t"])
    close(model.logsnr_table.numpy(), golden["logsnr2t/table"])


def test_settings_are_known(reference: Path) -> None:
    settings = json.loads((reference / "golden" / "core.json").read_text())
    assert settings["hparams"] == {"logsnr_loc": 1.0, "logsnr_scale": 2.0, "clip": 3.0}
