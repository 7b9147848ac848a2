"""Word maps against DAAM 0.2.0's, from recorded latents and noise, in both head modes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import AttentionSum, Tap, word_map
from infodecomp.models.latent_diffusion import LatentDiffusion
from tests.reference.recorded import read_recorded

TOLERANCE = 1e-5
SIZES = {"unet": {"sample_size": 64}, "vae": {"sample_size": 512}}
CASES = ["itd_single_dog", "itd_single_giraffes", "itd_single_table", "itd_onestep", "itd_repeat"]


@pytest.fixture(scope="module")
def golden(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "daam.npz")


@pytest.fixture(scope="module")
def all_heads(reference: Path) -> dict[str, np.ndarray]:
    return read_recorded(reference / "golden" / "daam_allheads.npz")


@pytest.fixture(scope="module")
def cases(reference: Path) -> dict[str, Any]:
    return json.loads((reference / "golden" / "daam.json").read_text())


@pytest.fixture(scope="module")
def model(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> LatentDiffusion:
    """The tiny model for pictures of 512 pixels, which DAAM needs."""
    folder = tmp_path_factory.mktemp("attention") / "tiny_sd64"
    shutil.copytree(reference / "tiny_sd", folder)
    for part in ("unet", "vae"):
        file = folder / part / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **SIZES[part]}))
    return LatentDiffusion.load(str(folder))


def record(golden: dict[str, np.ndarray], case: dict[str, Any], name: str, model: LatentDiffusion) -> AttentionSum:
    """Run the recorded evaluations while recording all tokens of the prompt."""
    logsnr = torch.from_numpy(golden[f"{name}/logsnr"])
    x = torch.from_numpy(golden["latents"][case["image"]])
    condition = Condition.of(torch.from_numpy(golden[f"{name}/emb"]))
    with model.recording() as recorder:
        for step, eps in enumerate(golden[f"{name}/eps"]):
            recorder.expect([Tap(0, name, range(case["n_tokens"]))])
            eps_hat = model(
                noised(x, logsnr[step : step + 1], torch.from_numpy(eps)), logsnr[step : step + 1], condition
            )
            expected = golden[f"{name}/eps_hat"][step][-1:]  # with guidance the conditional prediction stands last
            assert np.abs(eps_hat.numpy() - expected).max() <= TOLERANCE * np.abs(expected).max()
        return recorder.pop(name)


def agrees(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * np.abs(theirs).max()


@pytest.mark.parametrize("name", CASES)
def test_word_maps(
    golden: dict[str, np.ndarray],
    all_heads: dict[str, np.ndarray],
    cases: dict[str, Any],
    model: LatentDiffusion,
    name: str,
) -> None:
    case = cases[name]
    recorded = record(golden, case, name, model)
    for word, tokens in case["words"].items():
        if isinstance(tokens, str):  # a word that DAAM did not find
            continue
        ours = word_map(recorded, tokens, (64, 64), heads="second_half") * case["steps"]
        agrees(ours, golden[f"{name}/word_{word.replace(' ', '_')}"])
    whole = np.stack([word_map(recorded, [token], (64, 64), heads="second_half") for token in range(case["n_tokens"])])
    agrees(whole * case["steps"], golden[f"{name}/global"])
    if f"{name}/global_allheads" in all_heads:
        every = np.stack([word_map(recorded, [token], (64, 64)) for token in range(case["n_tokens"])])
        agrees(every * case["steps"], all_heads[f"{name}/global_allheads"])


def test_guided_run_keeps_the_conditional_half(
    golden: dict[str, np.ndarray], cases: dict[str, Any], model: LatentDiffusion
) -> None:
    case = cases["cfg_dog"]
    recorded = record(golden, case, "cfg_dog", model)
    ours = word_map(recorded, case["words"]["dog"], (64, 64)) * case["steps"]
    agrees(ours, golden["cfg_dog/word_dog"])


def test_recording_leaves_predictions_unchanged(golden: dict[str, np.ndarray], model: LatentDiffusion) -> None:
    x, logsnr = torch.from_numpy(golden["latents"][:2]), torch.tensor([0.5, -1.0])
    condition = Condition.of(torch.from_numpy(golden["itd_single_dog/emb"]).repeat(2, 1, 1))
    plain = model(x, logsnr, condition)
    with model.recording() as recorder:
        recorder.expect([Tap(1, "key", [2])])
        recorded = model(x, logsnr, condition)
    assert torch.equal(plain, recorded)
    assert torch.equal(plain, model(x, logsnr, condition))
