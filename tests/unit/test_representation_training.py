"""Training of representation models: draws, losses, phases that stop and go on, what is written, what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from infodecomp.config import Config
from infodecomp.config.representation_model import (
    RepresentationModel,
    RepresentationModelSection,
    RepresentationTrainingSection,
)
from infodecomp.config.settings import TrainRepresentation, settings_of
from infodecomp.estimator.channel import noised
from infodecomp.representation.codes import code_condition
from infodecomp.representation.finite_world import FiniteWorld
from infodecomp.representation.likelihoods import CodeLikelihood
from infodecomp.runs.errors import InputError
from infodecomp.stages import train_representation
from infodecomp.training import code_decoder, code_phases
from infodecomp.training.code_distances import NOTHING, Distances
from infodecomp.training.code_draws import CodeDraws, MaskShares, NoiseLevels
from infodecomp.training.code_images import TrainingImages
from infodecomp.training.code_knowledge import KnownCode, KnownFactors, KnownNothing, judged_conditions
from infodecomp.training.code_loss import ExactTarget, exact_loss
from infodecomp.training.code_samples import sampled, sheet
from infodecomp.training.representation import Training, check_recipe
from infodecomp.training.workers import ALONE

LEVELS = NoiseLevels(-7.0, 1.0, (-4.0, -2.0))
SMALL = {"exact_steps": 4, "joint_steps": 4, "batch": 3, "checkpoint_every": 2, "judge_every": 4}


@pytest.fixture(scope="module")
def world() -> FiniteWorld:
    """Twelve images of 16×16 with two factors."""
    images = torch.rand(12, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return FiniteWorld(images, torch.tensor([[k // 4, k % 4] for k in range(12)]))


def small_images(world: FiniteWorld) -> TrainingImages:
    return TrainingImages(
        "small", lambda numbers: world.images[numbers], (1, 16, 16), np.arange(9), np.arange(9, 12), world, ("a", "b")
    )


def recipe(training: dict[str, Any] | None = None, **model: Any) -> TrainRepresentation:
    section = RepresentationModelSection(
        models={"small": RepresentationModel(**{"dimensions": 4, **model})},
        training=RepresentationTrainingSection(**{**SMALL, **(training or {})}),
    )
    settings = settings_of("train_representation", Config(representation_model=section), "small")
    assert isinstance(settings, TrainRepresentation)
    return settings


def trained(world: FiniteWorld, settings: TrainRepresentation, folder: Path) -> dict[str, torch.nn.Module]:
    return Training(settings, small_images(world), folder, ALONE).networks()


def test_noise_levels_cover_the_interval_with_their_density() -> None:
    drawn = torch.from_numpy(LEVELS.draw(np.random.default_rng(0), 30_000))
    assert float(drawn.min()) >= -7 and float(drawn.max()) <= 1
    weights = 1 / LEVELS.density(drawn)
    assert float(weights.mean()) == pytest.approx(8, rel=0.02)  # ∫ dα
    assert float((weights * drawn.exp()).mean()) == pytest.approx(math.e - math.exp(-7), rel=0.02)
    alone = NoiseLevels(-7.0, 1.0, ()).draw(np.random.default_rng(0), 8)
    assert [math.floor(level) for level in alone] == list(range(-7, 1))  # one a stratum


def test_masks_have_the_shares_that_are_set() -> None:
    masks = MaskShares(none=0.4, all=0.2, one=0.15, rest=0.15).draw(np.random.default_rng(0), 20_000, 5)
    counts = np.bincount(masks.sum(1).astype(int), minlength=6) / len(masks)
    assert counts[0] == pytest.approx(0.4, abs=0.02) and counts[5] == pytest.approx(0.2, abs=0.02)
    assert counts[1] == pytest.approx(0.15 + 0.1 / 4, abs=0.02) and counts[4] == pytest.approx(counts[1], abs=0.02)
    assert np.ptp(masks.mean(0)) < 0.02  # parts are equally likely
    assert set(np.unique(masks)) == {0.0, 1.0}


def test_workers_share_the_draws_of_a_step() -> None:
    draws = CodeDraws(0, "test", range(100), (1, 2, 2), 3, 6, LEVELS, MaskShares(0.3, 0.3, 0.2, 0.1))
    whole, halves = draws.step(5, 0, 1), [draws.step(5, rank, 2) for rank in range(2)]
    assert len(whole.numbers) == 6 and whole.masks.shape == (2, 6, 3) and draws.images_a_step == 12
    for rank, half in enumerate(halves):
        for name in ("numbers", "logsnr", "eps", "code_noise"):
            assert torch.equal(getattr(half, name), getattr(whole, name)[rank::2]), name
        assert torch.equal(half.masks, whole.masks[:, rank::2])
    assert not torch.equal(draws.step(6, 0, 1).eps, whole.eps)


class Bayes(torch.nn.Module):
    """The exact decoder, with an error added to every value."""

    def __init__(self, target: ExactTarget, error: float = 0.0) -> None:
        super().__init__()
        self.target, self.error = target, error

    def forward(self, x_alpha: torch.Tensor, logsnr: torch.Tensor, states: Any, mask: Any) -> torch.Tensor:
        known = code_condition(states, mask)
        with torch.autocast("cpu", enabled=False):
            return self.target.means(x_alpha, logsnr, [known])[0] + self.error


@pytest.fixture(scope="module")
def code_target(world: FiniteWorld) -> tuple[KnownCode, ExactTarget]:
    means = torch.randn(12, 3, generator=torch.Generator().manual_seed(1))
    knowledge = KnownCode(means, torch.full_like(means, 0.3))
    return knowledge, ExactTarget(world, knowledge.likelihood)


def test_the_loss_of_bayes_is_nil_and_grows_by_the_distance(code_target: tuple[KnownCode, ExactTarget]) -> None:
    knowledge, target = code_target
    draws = CodeDraws(0, "test", range(12), (1, 16, 16), 3, 300, LEVELS, MaskShares(0.3, 0.3, 0.2, 0.1)).step(0, 0, 1)
    conditions = [knowledge.known(draws.numbers, draws.code_noise, mask) for mask in draws.masks]
    assert float(exact_loss(Bayes(target), target, conditions, draws, LEVELS)) == pytest.approx(0, abs=1e-6)
    off = float(exact_loss(Bayes(target, 0.1), target, conditions, draws, LEVELS))
    assert off == pytest.approx((math.e - math.exp(-7)) / 2 * 256 * 0.01, rel=0.05)  # ½ ∫ e^α ‖0.1‖² dα


def test_distances_are_the_errors_that_were_made(code_target: tuple[KnownCode, ExactTarget]) -> None:
    knowledge, target = code_target
    numbers = np.arange(12)
    conditions = judged_conditions(knowledge, torch.from_numpy(numbers), torch.zeros(12, 3), ("z0",))
    assert list(conditions) == [NOTHING, "all", "z0"]
    distances = Distances.draw(target, conditions, numbers, LEVELS, seed=0, draws=40)
    exact, found = distances.exact(), distances.of(Bayes(target, 0.1))
    for name in conditions:
        assert found[f"delta_{name}"] == pytest.approx((math.e - math.exp(-7)) / 2 * 256 * 0.01, rel=0.05)
    same = distances.of(Bayes(target))
    assert all(same[f"delta_{name}"] == pytest.approx(0, abs=1e-6) for name in conditions)
    assert same["standard_all"] == pytest.approx(exact["standard_all"], abs=1e-4)
    # A code of three dimensions with little noise tells which of the twelve images it is.
    whole = CodeLikelihood(knowledge.means, knowledge.deviations)(conditions["all"]).softmax(1).max(1).values.mean()
    assert float(whole) > 0.8 and exact["orthogonal_all"] == pytest.approx(math.log(12), rel=0.25)


def test_samples_of_bayes_are_the_images_that_are_known(code_target: tuple[KnownCode, ExactTarget]) -> None:
    knowledge, target = code_target
    numbers = torch.arange(12)
    known = knowledge.known(numbers, torch.zeros(12, 3), torch.ones(12, 3))
    made = sampled(Bayes(target), known, (1, 16, 16), (-7.0, 3.0), seed=0)
    nearest = torch.cdist(made.flatten(1), target.world.images.flatten(1)).argmin(1)
    assert (nearest == numbers).float().mean() > 0.8
    assert torch.equal(made, sampled(Bayes(target), known, (1, 16, 16), (-7.0, 3.0), seed=0))
    picture = sheet([target.world.images, made])
    assert picture.shape == (32, 192, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture[:16, :16, 0], picture[:16, :16, 2])  # grey


def test_means_are_those_of_the_images_that_agree_with_known_factors(world: FiniteWorld) -> None:
    knowledge = KnownFactors(world.attributes)
    assert (knowledge.states, knowledge.parts) == (7, 2)
    numbers = torch.tensor([5])
    known = knowledge.known(numbers, torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    noise = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    x_alpha = noised(world.images[numbers], torch.tensor([-9.0]), noise)
    means = ExactTarget(world, knowledge.likelihood).means(x_alpha, torch.tensor([-20.0]), [known])[0]
    assert torch.allclose(means[0], world.images[4:8].mean(0), atol=0.02)  # those of the same first factor
    everything = KnownNothing().known(numbers, torch.zeros(1, 0), torch.zeros(1, 0))
    blind = ExactTarget(world, KnownNothing().likelihood).means(x_alpha, torch.tensor([-20.0]), [everything])[0]
    assert torch.allclose(blind[0], world.images.mean(0), atol=0.02)


@pytest.mark.parametrize("model", [{"knows": "factors"}, {"mmd": 0.1}, {"code_noise": "learnt", "kl": 1.0, "mmd": 0.0}])
def test_stopping_and_going_on_is_as_if_it_had_not_stopped(
    model: dict[str, Any], world: FiniteWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = trained(world, recipe(**model), tmp_path / "straight")

    class Killed(Exception):
        pass

    save: Callable[..., None] = code_phases.save_checkpoint

    def save_and_die(state: Any, folder: Path) -> None:
        save(state, folder)
        raise Killed

    monkeypatch.setattr(code_phases, "save_checkpoint", save_and_die)
    phases = 1 if model.get("knows") == "factors" else 2
    for _ in range(2 * phases):
        with pytest.raises(Killed):
            trained(world, recipe(**model), tmp_path / "killed")
    monkeypatch.undo()
    resumed = trained(world, recipe(**model), tmp_path / "killed")
    assert set(straight) == set(resumed) == ({"decoder"} if phases == 1 else {"decoder", "encoder"})
    for name, network in straight.items():
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, resumed[name].state_dict()[key]), key
    tables = [pd.read_csv(tmp_path / run / "exact" / "progress.csv") for run in ("straight", "killed")]
    pd.testing.assert_frame_equal(*tables)
    assert [path.name for path in (tmp_path / "killed" / "exact" / "samples").iterdir()] == ["000004.png"]
    assert tables[0]["step"].tolist() == [4] and {"delta_nothing", "delta_all"} <= set(tables[0])


def test_it_learns(world: FiniteWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty steps bring a decoder of factors nearer to Bayes, judged on what it was trained on."""
    monkeypatch.setattr(code_phases, "WARM_UP", 2)
    settings = recipe({"exact_steps": 20, "judge_every": 5, "checkpoint_every": 20, "ema": 0.0}, knows="factors")
    images = replace(small_images(world), held=np.arange(9))
    Training(settings, images, tmp_path, ALONE).networks()
    rows = pd.read_csv(tmp_path / "exact" / "progress.csv")
    assert rows["delta_all"].iloc[-1] < 0.9 * rows["delta_all"].iloc[0]
    assert rows["images"].tolist() == [6 * step for step in range(5, 21, 5)]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(
    world: FiniteWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = code_phases.save_checkpoint

    def save_and_spoil(state: Any, folder: Path) -> None:
        original(state, folder)
        with torch.no_grad():
            state.networks["decoder"].mean.fill_(math.nan)

    monkeypatch.setattr(code_phases, "save_checkpoint", save_and_spoil)
    with pytest.raises(InputError, match=r"NaN or infinite at step 2; the last good state stays in .*checkpoint.safe"):
        trained(world, recipe(knows="factors"), tmp_path)
    monkeypatch.undo()
    assert len(trained(world, recipe(knows="factors"), tmp_path)) == 1  # goes on from step 2


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"prior": "mixture", "dimensions": 3}, "dimensions is 3.*even"),
        ({"prior": "roll"}, "dimensions is 4.*plane"),
        ({"kl": 0.5}, "kl is 0.5, but code_noise is 0.1"),
    ],
)
def test_contradictions_are_refused_before_training(model: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_recipe(recipe(**model))


def test_images_that_cannot_be_enumerated_have_no_exact_target(world: FiniteWorld, tmp_path: Path) -> None:
    real = replace(small_images(world), world=None, name="ffhq")
    with pytest.raises(InputError, match=r"knows 'factors'.*'ffhq' cannot be enumerated"):
        Training(recipe(knows="factors"), real, tmp_path, ALONE).networks()
    assert set(Training(recipe(), real, tmp_path, ALONE).networks()) == {"decoder", "encoder"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["joint"]


def test_the_stage_trains_on_the_embedded_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_decoder, "JUDGED", 2)
    few = RepresentationTrainingSection(
        joint_steps=1, exact_steps=1, batch=2, judge_every=9, checkpoint_every=1, range=(-2.0, 1.0), focus=()
    )
    section = RepresentationModelSection(training=few)
    settings = settings_of("train_representation", Config(representation_model=section), "vanilla")
    arguments = SimpleNamespace(
        settings=settings.model_dump_json(),
        images=None,
        work_dir=tmp_path / "work",
        output_dir=tmp_path / "model",
        processes=1,
        device="cpu",
    )
    train_representation.run(arguments)
    assert json.loads((tmp_path / "model" / "model.json").read_text())["knows"] == "nothing"
    assert "decoder/diffusion_pytorch_model.safetensors" in (tmp_path / "model.sha256").read_text()
    assert "1/1 steps" in capsys.readouterr().err
