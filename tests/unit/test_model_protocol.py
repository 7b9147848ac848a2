"""What a Stable Diffusion offers as a `DiffusionModel`, beside the calls that `test_latent_diffusion` tests."""

from __future__ import annotations

import numpy as np
import torch

from infodecomp.models.attention import Tap, recording
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.protocol import DiffusionModel
from infodecomp.models.stable_diffusion import LatentDiffusion
from tests.unit.small_model import small_model


def inputs(model: LatentDiffusion, rows: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    return x, torch.linspace(-2, 2, rows), model.encode_prompts(["a dog"]).expand(rows, -1, -1)


def test_a_stable_diffusion_follows_the_protocol() -> None:
    model: DiffusionModel = small_model()
    # The embedded tokenizer reads 96 tokens.
    assert model.token_limit == 96 and model.image_size == 16
    assert len(model.token_offsets("a dog " * 100)) == model.token_limit


def test_predictions_are_filled_up_and_the_copies_dropped() -> None:
    model = small_model()
    seen: list[int] = []
    model.unet.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    x, logsnr, embedding = inputs(model)
    model.batch_size = BatchSize(4)
    found = model.predict(x, logsnr, embedding)
    assert seen == [4] and found.shape == x.shape
    torch.testing.assert_close(found, model(x, logsnr, embedding))


def test_rows_of_any_call_are_filled_up_and_divided() -> None:
    calls: list[int] = []

    def double(rows: torch.Tensor) -> torch.Tensor:
        calls.append(len(rows))
        return 2 * rows

    rows = torch.arange(5.0)[:, None]
    assert torch.equal(BatchSize(4).run_filled(double, rows), 2 * rows) and calls == [4, 1]
    calls.clear()
    assert torch.equal(BatchSize(8).run_filled(double, rows), 2 * rows) and calls == [8]


def test_the_model_records_its_own_attention() -> None:
    model = small_model()
    x, logsnr, embedding = inputs(model, 1)
    sums = []
    for recorder_of in (model.recording(), recording(model.unet, model.latent_shape[1:])):
        with recorder_of as recorder:
            recorder.expect([Tap(0, "dog", [2])])
            model(x, logsnr, embedding)
        sums.append(recorder.pop("dog"))
    assert sums[0].layers.keys() == sums[1].layers.keys() != set()
    assert all(torch.equal(sums[0].layers[name], sums[1].layers[name]) for name in sums[0].layers)


def test_shuffled_weights_predict_something_else_and_come_back() -> None:
    model = small_model()
    before = model(*inputs(model))
    with model.shuffled(np.random.default_rng(0)):
        assert not torch.allclose(model(*inputs(model)), before)
    assert torch.equal(model(*inputs(model)), before)


def test_the_ddim_schedule_is_that_of_the_scheduler() -> None:
    model = small_model()
    schedule = model.ddim_schedule(5)
    alphas = model.pipeline.scheduler.alphas_cumprod
    assert list(schedule.timesteps) == [801, 601, 401, 201, 1]
    assert all(schedule.alpha[t] == alphas[t] for t in schedule.timesteps)
    assert [float(schedule.alpha_next[t]) for t in (801, 1)] == [float(alphas[601]), float(alphas[0])]
    assert schedule.alpha_last == float(alphas[0])
    timesteps = torch.tensor(schedule.timesteps)
    torch.testing.assert_close(model.logsnr_at(timesteps), torch.logit(alphas.double()[timesteps]))
    assert all(schedule.logsnr[int(t)] == model.logsnr_at(t) for t in timesteps)
