"""DDIM inversion and generation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler

from infodecomp.estimator.condition import Condition
from infodecomp.flows.ddim import Ddim, ddim_move
from infodecomp.models.latent_diffusion import LatentDiffusion
from tests.unit.field_model import SCHEDULE, FieldModel, field_model, gaussian, prompt


def test_a_move_there_and_back_is_the_identity() -> None:
    x, eps = gaussian((2, 4, 3, 5)), gaussian((2, 4, 3, 5), 1)
    low, high = torch.tensor(0.02, dtype=torch.float64), torch.tensor(0.97, dtype=torch.float64)
    assert torch.allclose(ddim_move(ddim_move(x, eps, high, low), eps, low, high), x, atol=1e-12)
    assert torch.allclose(ddim_move(x, eps, high, high), x)


def test_a_move_with_the_true_noise_keeps_the_image() -> None:
    """√ā x + √(1 − ā) ε moves to the same mixture at the other ā."""
    x, eps = gaussian((1, 4, 3, 5)), gaussian((1, 4, 3, 5), 1)
    low, high = torch.tensor(0.1, dtype=torch.float64), torch.tensor(0.8, dtype=torch.float64)
    mixed = [alpha.sqrt() * x + (1 - alpha).sqrt() * eps for alpha in (low, high)]
    assert torch.allclose(ddim_move(mixed[0], eps, low, high), mixed[1], atol=1e-12)


@pytest.mark.parametrize(("steps", "tolerance"), [(50, 0.06), (200, 0.015)])
def test_inversion_then_generation_returns_to_the_image(steps: int, tolerance: float) -> None:
    x = 0.3 + 0.6**0.5 * gaussian((2, 1, 4, 3))
    path = Ddim(field_model(), steps)  # type: ignore[arg-type]
    noise = path.reverse(x, prompt())
    assert (noise - x).abs().max() > 0.2
    back = path.generate(noise, prompt())
    assert (back - x).abs().max() < tolerance


def test_the_path_of_a_gaussian_ends_where_theory_says() -> None:
    """The flow maps x to √(s v + 1 − s)·(x − m)/√v + √s m at ā = s, up to the error of 500 steps."""
    mean, variance = 0.3, 0.6
    x = mean + variance**0.5 * gaussian((2, 1, 4, 3))
    model = field_model()
    noise = Ddim(model, 500).reverse(x, prompt(mean, variance))  # type: ignore[arg-type]
    alphas = model.pipeline.scheduler.alphas_cumprod.double()
    start, end = alphas[0], alphas[-1]
    score = (x - start.sqrt() * mean) / (start * variance + 1 - start).sqrt()
    expected = end.sqrt() * mean + (end * variance + 1 - end).sqrt() * score
    assert (noise - expected).abs().max() < 0.01


@pytest.mark.parametrize("steps", [1, 7, 50])
@pytest.mark.parametrize(
    "settings", [{}, {"set_alpha_to_one": True}, {"set_alpha_to_one": True, "steps_offset": 0}], ids=str
)
def test_generation_takes_diffusers_steps(steps: int, settings: dict[str, object]) -> None:
    model = field_model(**settings)
    scheduler = model.pipeline.scheduler
    path = Ddim(model, steps)  # type: ignore[arg-type]
    scheduler.set_timesteps(steps)
    assert path.timesteps == scheduler.timesteps.tolist()
    theirs = gaussian((2, 1, 4, 3), 5)
    ours = path.generate(theirs, prompt())
    for timestep in scheduler.timesteps:
        eps_hat = model(theirs, model.logsnr_table[timestep].repeat(2), prompt())
        theirs = scheduler.step(eps_hat, int(timestep), theirs, eta=0.0).prev_sample
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_generation_of_a_real_network_takes_diffusers_steps(reference: Path) -> None:
    model = LatentDiffusion.load(str(reference / "tiny_sd"))
    condition = Condition.stack(model.encode_prompts(["a dog"]))
    x = gaussian((1, 4, 16, 16)).float()
    ours = Ddim(model, 4).generate(x, condition)
    scheduler = DDIMScheduler.from_config(model.pipeline.scheduler.config)
    scheduler.set_timesteps(4)
    with torch.no_grad():
        for timestep in scheduler.timesteps:
            eps_hat = model.denoiser(x, timestep, encoder_hidden_states=condition.states).sample
            x = scheduler.step(eps_hat, int(timestep), x).prev_sample
    assert torch.allclose(ours, x, atol=1e-4)


def test_another_scheduler_of_the_pipeline_gives_the_same_path() -> None:
    """Stable Diffusion is published with a PNDM scheduler; its schedule counts, not its rule."""
    published = PNDMScheduler(skip_prk_steps=True, **SCHEDULE)
    x = gaussian((2, 1, 4, 3), 6)
    ours = Ddim(FieldModel(published), 10).generate(x, prompt())  # type: ignore[arg-type]
    assert torch.allclose(ours, Ddim(field_model(), 10).generate(x, prompt()), atol=1e-9)  # type: ignore[arg-type]


def test_each_way_takes_one_evaluation_a_step() -> None:
    model = field_model()
    path = Ddim(model, 20)  # type: ignore[arg-type]
    x = gaussian((2, 1, 4, 3))
    told: list[int] = []
    path.reverse(x, prompt())
    upward = list(model.calls)
    path.generate(x, prompt(), before_call=lambda: told.append(len(model.calls)))
    assert len(upward) == 20 and upward == sorted(upward, reverse=True)  # towards noise
    assert model.calls[20:] == upward[::-1]  # the same noise levels on the way back
    assert told == list(range(20, 40))


def test_rows_do_not_touch_each_other() -> None:
    path = Ddim(field_model(), 10)  # type: ignore[arg-type]
    x = gaussian((2, 1, 4, 3))
    conditions = Condition.cat([prompt(0.3, 0.6, 1), prompt(-1.0, 0.2, 1)])
    together = path.reverse(x, conditions)
    for row in range(2):
        assert torch.allclose(path.reverse(x[row : row + 1], conditions[row : row + 1])[0], together[row], atol=1e-12)
