"""The flow transformer: its folder reads captions as it was trained to, its errors are those of a flow, and runs go on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, StableDiffusion3Pipeline
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from infodecomp.config.scenes_model import FlowConsistencySection, FlowTrainingSection, ScenesModelSection
from infodecomp.estimator.channel import noised
from infodecomp.models.recorded_hashes import check_recorded_hashes, record_of
from infodecomp.scenes.captions import MAX_TOKENS
from infodecomp.scenes.evaluation import centre_of_information
from infodecomp.scenes.flow_model import (
    build_transformer,
    caption_states,
    flow_autoencoder,
    flow_times,
    learn_positions,
    projecting_tower,
    save_flow_pipeline,
)
from infodecomp.scenes.model import build_scheduler, build_tokenizer
from infodecomp.scenes.world import scene_rng
from infodecomp.stages import train_scenes_flow_consistency, train_scenes_transformer
from infodecomp.training import denoiser
from infodecomp.training.averages import averaged
from infodecomp.training.batches import noised_latents, token_ids
from infodecomp.training.consistency import TaughtBatches
from infodecomp.training.flow import STREAM, FlowRecipe, flow_loss, new_state, train_flow
from infodecomp.training.flow_consistency import (
    FlowConsistencyRecipe,
    flow_consistency_loss,
    frozen_copy,
    train_flow_consistency,
)
from infodecomp.training.flow_progress import BANDS, band_errors, flow_sheet, held_out_batch
from infodecomp.training.flow_state import FlowState, block_matrices, noised_paths, velocity_error
from infodecomp.training.scene_batches import BatchMaker
from infodecomp.training.state import load_checkpoint, save_checkpoint
from infodecomp.training.workers import ALONE
from tests.stage_settings import settings

SMALL = FlowTrainingSection(blocks=1, width=32, steps=4, batch=2, bind_from=1, bind_until=2)
RECIPE = FlowRecipe(seed=STREAM, **SMALL.model_dump())
CONSISTENT = FlowConsistencyRecipe(seed=STREAM, steps=4, batch=2, learning_rate=1e-3, ema=0.9, hide_padding=0.0)
CAPTIONS = ["a red dog left of a cat", ""]


@pytest.fixture(scope="module")
def shipped(repository: Path) -> Path:
    return repository / "data/models/scenes"


@pytest.fixture(scope="module")
def tower(shipped: Path) -> CLIPTextModelWithProjection:
    return projecting_tower(CLIPTextModel.from_pretrained(shipped / "text_encoder", dtype=torch.float32))


@pytest.fixture(scope="module")
def vae(shipped: Path) -> AutoencoderTiny:
    return flow_autoencoder(AutoencoderTiny.from_pretrained(shipped / "vae", torch_dtype=torch.float32))


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer()


@pytest.fixture(scope="module")
def batches(tokenizer: CLIPTokenizer) -> BatchMaker:
    return BatchMaker(RECIPE, tokenizer)


def moved(state: FlowState) -> FlowState:
    """The state with weights that are no longer those of a fresh network, whose output is zero."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in state.transformer.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return state


def test_the_pipeline_reads_captions_as_the_training_does(
    tower: CLIPTextModelWithProjection, vae: AutoencoderTiny, tokenizer: CLIPTokenizer, tmp_path: Path, shipped: Path
) -> None:
    """Through a saved folder: the states before the last norm, and the pooled vector, of the shipped tower, twice."""
    torch.manual_seed(0)
    network = build_transformer(4, 128)
    with torch.no_grad():
        network.pos_embed.pos_embed += 0.25
    save_flow_pipeline(tmp_path / "flow", tower=tower, transformer=network, vae=vae)
    size = sum(path.stat().st_size for path in (tmp_path / "flow").rglob("*") if path.is_file())
    assert size < 12e6
    pipeline = StableDiffusion3Pipeline.from_pretrained(
        tmp_path / "flow", text_encoder_3=None, tokenizer_3=None, torch_dtype=torch.float32
    )
    states, _, pooled, _ = pipeline.encode_prompt(
        CAPTIONS, CAPTIONS, CAPTIONS, max_sequence_length=0, do_classifier_free_guidance=False
    )
    ids = token_ids(tokenizer, CAPTIONS)
    trained = caption_states(tower, ids)
    assert states.shape == (2, MAX_TOKENS, 256)
    assert torch.allclose(states, trained[0], atol=1e-5) and torch.allclose(pooled, trained[1], atol=1e-5)
    original = CLIPTextModel.from_pretrained(shipped / "text_encoder", dtype=torch.float32).eval()
    told = original(input_ids=ids, output_hidden_states=True)
    assert torch.allclose(states[..., :128], told.hidden_states[-1], atol=1e-5)
    assert torch.allclose(pooled[:, 128:], told.pooler_output, atol=1e-5)
    positions = pipeline.transformer.pos_embed.pos_embed
    assert torch.allclose(positions, network.pos_embed.pos_embed, atol=2e-3) and not positions.requires_grad
    assert pipeline.vae.config.scaling_factor == 2.0 and pipeline.scheduler.config.shift == 3.0
    picture = pipeline("a dog", num_inference_steps=1, max_sequence_length=0, output_type="np").images
    assert picture.shape == (1, 64, 64, 3) and np.isfinite(picture).all()


def test_positions_are_trained_and_differ(tower: CLIPTextModelWithProjection) -> None:
    state = new_state(RECIPE, tower)
    assert "transformer.pos_embed.pos_embed" in state.parameters()
    places = state.transformer.pos_embed.pos_embed[0].detach()
    assert (torch.cdist(places, places) + 9 * torch.eye(64)).min() > 0.5
    assert not any(name.startswith("tower") for name in state.parameters())


def test_muon_trains_the_matrices_of_blocks_alone(tower: CLIPTextModelWithProjection) -> None:
    state = new_state(replace(RECIPE, blocks=2), tower)
    muon, adamw = ([p for group in o.param_groups for p in group["params"]] for o in state.optimizers)
    assert {id(p) for p in muon} == {id(p) for p in block_matrices(state.transformer)}
    assert len(muon) + len(adamw) == len(state.parameters()) == len({id(p) for p in [*muon, *adamw]})
    modulations = [block.norm1.linear.weight for block in state.transformer.transformer_blocks]
    assert {id(p) for p in modulations} <= {id(p) for p in adamw}


def test_a_path_is_the_channel_of_the_u_net_at_the_same_log_snr(
    batches: BatchMaker, vae: AutoencoderTiny, shipped: Path
) -> None:
    """z_t is x_α but for a factor, so that both models are asked about the same noised picture."""
    batch = batches.batch(0, 0, 1)
    paths, velocity, times = noised_paths(batch, vae)
    unit = AutoencoderTiny.from_pretrained(shipped / "vae", torch_dtype=torch.float32)
    noisy = noised_latents(batch, unit, build_scheduler().alphas_cumprod)
    for path, other in zip(paths, noisy, strict=True):
        assert torch.nn.functional.cosine_similarity(path.flatten(), other.flatten(), dim=0) > 1 - 1e-5
    left = (1 - times)[:, None, None, None]
    assert torch.allclose(paths + left * velocity, batch.eps, atol=1e-5)
    logsnr = torch.tensor([-1.0, 1.0, 4.0])
    assert centre_of_information(0.4) == 1.0
    centre = centre_of_information(vae.config.scaling_factor)
    assert centre == pytest.approx(-2 * math.log(3.0), abs=0.03)  # that of Stable Diffusion 3's shift
    assert float(flow_times(torch.tensor(1.0))) == pytest.approx(1 / (1 + math.exp(centre / 2)))
    t = flow_times(logsnr)
    assert torch.allclose(2 * torch.log((1 - t) / t), logsnr - 2 * math.log(5), atol=1e-5)
    x = torch.ones(1, 1, 1)
    x_alpha = noised(x, logsnr, torch.zeros(3, 1, 1, 1)).flatten()
    assert torch.allclose(5 * (1 - t) / t, x_alpha / torch.sigmoid(-logsnr).sqrt(), rtol=1e-4)


def test_errors_weigh_less_where_the_image_is_almost_gone() -> None:
    predicted, velocity = torch.zeros(3, 1, 2, 2), torch.full((3, 1, 2, 2), 2.0)
    assert velocity_error(predicted, velocity, torch.tensor([0.2, 0.9, 0.95])) == pytest.approx(4 * (1 + 1 + 0.25) / 3)


def test_errors_by_band_of_a_network_that_knows_nothing(
    tower: CLIPTextModelWithProjection, vae: AutoencoderTiny, tokenizer: CLIPTokenizer
) -> None:
    """A fresh network answers zero, so ε̂ = z_t and its error is (1 − t)²·‖ε − z‖²/d; words change nothing."""
    batch, state = held_out_batch(2, tokenizer), new_state(RECIPE, tower)
    errors = band_errors(state, vae, batch, tokenizer)
    paths, _, _ = noised_paths(batch, vae)
    expected = (paths - batch.eps).square().mean((1, 2, 3)).reshape(2, len(BANDS)).mean(0)
    assert errors.caption == errors.nothing == pytest.approx(expected.tolist(), rel=1e-4)
    assert errors.effect == (0.0,) * len(BANDS)
    logsnr = torch.logit(build_scheduler().alphas_cumprod.double())[batch.timesteps].reshape(2, -1)
    assert all(
        low - 0.02 <= value <= high + 0.02 for row in logsnr for value, (low, high) in zip(row, BANDS, strict=True)
    )
    assert json.loads(errors.line(7))["step"] == 7
    moved(state)
    for name, parameter in state.parameters().items():
        state.averages[name].copy_(parameter.detach())
    assert min(band_errors(state, vae, batch, tokenizer).effect) > 0


def test_the_averages_are_looked_through_and_put_back(tower: CLIPTextModelWithProjection) -> None:
    state = new_state(RECIPE, tower)
    before = {name: average.clone() for name, average in state.averages.items()}
    own = {name: p.detach().clone() for name, p in moved(state).parameters().items()}
    with averaged(state):
        assert all(torch.equal(p, before[name]) for name, p in state.parameters().items())
    assert all(torch.equal(p, own[name]) for name, p in state.parameters().items())


def test_its_scenes_are_of_their_own_stream(batches: BatchMaker, tokenizer: CLIPTokenizer) -> None:
    first = scene_rng(STREAM, "train", 0).random()
    assert first == scene_rng(batches.recipe.seed, "train", 0).random() != scene_rng(0, "train", 0).random()
    assert batches.batch(0, 0, 1).readable.all()  # nothing is hidden: captions are read with their padding
    other = BatchMaker(replace(RECIPE, seed=0), tokenizer)
    assert not torch.equal(batches.batch(0, 0, 1).pictures, other.batch(0, 0, 1).pictures)


def test_a_transformer_learns_a_batch(
    tower: CLIPTextModelWithProjection, vae: AutoencoderTiny, batches: BatchMaker
) -> None:
    recipe = replace(RECIPE, steps=60, matrix_learning_rate=0.01, learning_rate=0.01)
    state, batch = new_state(recipe, tower), batches.batch(0, 0, 1)
    losses: list[float] = []
    same = SimpleNamespace(batch=lambda step, rank, ranks: batch)
    train_flow(recipe, state, vae, same, worker=ALONE, report=lambda _, loss: losses.append(loss))  # type: ignore[arg-type]
    assert losses[-1] < 0.8 * losses[0] and losses[0] == pytest.approx(
        flow_loss(new_state(recipe, tower), vae, batch).item()
    )


def test_a_consistent_transformer_has_no_loss(
    tower: CLIPTextModelWithProjection, vae: AutoencoderTiny, tokenizer: CLIPTokenizer
) -> None:
    """Asked what its teacher is asked, it has none; asked less, the loss is the effect of what it is not told."""
    state = moved(new_state(RECIPE, tower))
    teacher = frozen_copy(state.transformer)
    batch = TaughtBatches(replace(CONSISTENT, batch=6), tokenizer).batch(0, 0, 1)
    assert flow_consistency_loss(state, teacher, vae, replace(batch, asked=batch.taught)) == 0
    assert flow_consistency_loss(state, teacher, vae, batch) > 1e-6


@pytest.mark.parametrize("consistency", [False, True])
def test_a_killed_run_goes_on_as_if_it_had_not(
    tower: CLIPTextModelWithProjection, vae: AutoencoderTiny, batches: BatchMaker, tmp_path: Path, consistency: bool
) -> None:
    class Killed(Exception):
        pass

    def kill(state: FlowState, loss: float) -> None:
        if state.step == 2:
            save_checkpoint(state, tmp_path)
            raise Killed

    def fresh() -> FlowState:
        return moved(new_state(RECIPE, tower)) if consistency else new_state(RECIPE, tower)

    def train(state: FlowState, report: object) -> None:
        if consistency:
            teacher = frozen_copy(fresh().transformer)
            drawn = TaughtBatches(CONSISTENT, batches.tokenizer)
            train_flow_consistency(CONSISTENT, state, teacher, vae, drawn, worker=ALONE, report=report)  # type: ignore[arg-type]
        else:
            train_flow(RECIPE, state, vae, batches, worker=ALONE, report=report)  # type: ignore[arg-type]

    losses: list[list[float]] = [[], []]
    keep = [partial(lambda kept, state, loss: kept.append(loss), kept) for kept in losses]
    straight, stopped, continued = fresh(), fresh(), fresh()
    train(straight, keep[0])
    with pytest.raises(Killed):
        train(stopped, kill)
    load_checkpoint(continued, tmp_path)
    train(continued, keep[1])
    assert len(losses[0]) == 4 and losses[1] == losses[0][2:]
    for name, parameter in straight.parameters().items():
        assert torch.equal(parameter, continued.parameters()[name]), name
        assert torch.equal(straight.averages[name], continued.averages[name]), name


def test_the_stages_write_a_folder_each(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = ScenesModelSection(flow=SMALL, flow_consistency=FlowConsistencySection(steps=2, batch=2))
    common = {"work_dir": tmp_path / "work", "processes": 1, "device": "cpu"}
    first, second = tmp_path / "flow", tmp_path / "consistent"
    asked = settings("train_scenes_transformer", scenes_model=recipe)
    train_scenes_transformer.run(SimpleNamespace(settings=asked, model=shipped, output_dir=first, **common))
    asked = settings("train_scenes_flow_consistency", scenes_model=recipe)
    train_scenes_flow_consistency.run(SimpleNamespace(settings=asked, model=first, output_dir=second, **common))
    check_recorded_hashes(second)
    assert "transformer/diffusion_pytorch_model.safetensors" in record_of(second).read_text()
    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith('{"step"')]) == 2
    for stage, steps in (("samples", 4), ("samples_consistency", 2)):
        assert (tmp_path / "work" / stage / f"{steps:06d}.png").is_file()
    pipelines = [
        StableDiffusion3Pipeline.from_pretrained(folder, text_encoder_3=None, tokenizer_3=None)
        for folder in (first, second)
    ]
    weights = [pipeline.transformer.state_dict() for pipeline in pipelines]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    learn_positions(pipelines[0].transformer)
    assert "pos_embed.pos_embed" in dict(pipelines[0].transformer.named_parameters())
    # Nothing is trained again where all steps are done.
    monkeypatch.setattr(denoiser, "save_checkpoint", lambda *_: pytest.fail("trained again"))
    train_scenes_flow_consistency.run(SimpleNamespace(settings=asked, model=first, output_dir=second, **common))
    check_recorded_hashes(second)


def test_a_sheet_shows_six_captions(
    tower: CLIPTextModelWithProjection, vae: AutoencoderTiny, tokenizer: CLIPTokenizer
) -> None:
    sheet = flow_sheet(new_state(RECIPE, tower), tokenizer, vae, steps=2)
    assert sheet.shape == (64, 384, 3) and sheet.dtype == np.uint8
    assert not np.array_equal(sheet[:, :64], sheet[:, 64:128])
