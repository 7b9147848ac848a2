"""What a Stable Diffusion offers as a `DiffusionModel`, beside the calls that `test_latent_diffusion` tests."""

from __future__ import annotations

import ast
from typing import Protocol

import numpy as np
import torch

from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import Tap, is_recorded, recorded_layers
from infodecomp.models.batch_size import BatchSize
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.protocol import DiffusionModel
from tests.conftest import ROOT
from tests.unit.small_model import small_model


def inputs(model: LatentDiffusion, rows: int = 3) -> tuple[torch.Tensor, torch.Tensor, Condition]:
    x = torch.randn(rows, *model.latent_shape, generator=torch.Generator().manual_seed(0))
    return x, torch.linspace(-2, 2, rows), model.encode_prompts(["a dog"])[0].expand(rows)


def test_a_stable_diffusion_follows_the_protocol() -> None:
    model: DiffusionModel = small_model()
    # The embedded tokenizer reads 96 tokens.
    assert model.token_limit == 96 and model.image_size == 16
    assert len(model.token_offsets("a dog " * 100)) == model.token_limit


def test_every_attribute_of_the_protocol_is_there() -> None:
    model = small_model()
    protocols = [
        kind for kind in DiffusionModel.__mro__ if getattr(kind, "_is_protocol", False) and kind is not Protocol
    ]
    names = {name for kind in protocols for name in (*vars(kind), *vars(kind).get("__annotations__", ()))}
    asked = {name for name in names if name == "__call__" or not name.startswith("_")}
    assert {"__call__", "logsnr_range", "encode_prompts", "batch_size", "recording"} <= asked
    assert [name for name in sorted(asked) if not hasattr(model, name)] == []


# Parts of a family's pipeline, and who may know them: the families, and what builds and trains one.
PARTS = {"unet", "tokenizer", "pipeline"}
KNOWING = ("models/", "scenes/", "training/", "stages/train_scenes_", "representation/")


def test_nothing_outside_the_families_names_their_parts() -> None:
    package = ROOT / "pipeline" / "infodecomp"
    found = []
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).as_posix()
        if module.startswith(KNOWING):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [getattr(node, part, None) for part in ("attr", "id", "arg", "name")]
            found += [f"{module}: {name}" for name in names if name in PARTS]
    assert found == []


def test_predictions_are_filled_up_and_the_copies_dropped() -> None:
    model = small_model()
    seen: list[int] = []
    model.denoiser.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    x, logsnr, condition = inputs(model)
    model.batch_size = BatchSize(4)
    found = model.predict(x, logsnr, condition)
    assert seen == [4] and found.shape == x.shape
    torch.testing.assert_close(found, model(x, logsnr, condition))


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
    x, logsnr, condition = inputs(model, 1)
    with model.recording() as recorder:
        recorder.expect([Tap(0, "dog", [2])])
        model(x, logsnr, condition)
    sums = recorder.pop("dog")
    assert sums.layers.keys() == recorded_layers(model.denoiser, is_recorded).keys() != set()


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
