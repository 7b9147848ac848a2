"""Images are those that the pipelines of diffusers make of the same noise."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline

from infodecomp.estimator.condition import Condition
from infodecomp.flows.ddim import Ddim
from infodecomp.flows.generation import Sampler, Start
from infodecomp.models.latent_diffusion import LatentDiffusion
from tests.unit.small_model import small_model

PROMPT, STEPS = "a yellow bus", 5


@pytest.fixture(scope="module")
def model() -> LatentDiffusion:
    return small_model()


def sampler_of(model: LatentDiffusion, guidance: float, strength: float = 1.0) -> Sampler:
    return Sampler(Ddim(model, STEPS), model.encode_prompts([""])[0], guidance, strength)


def noise_of(generator: torch.Generator) -> torch.Tensor:
    return torch.randn((1, 4, 8, 8), generator=generator)


def final(sampler: Sampler, model: LatentDiffusion, start: Start) -> torch.Tensor:
    return list(sampler.trajectory(model, start))[-1]


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_text_to_image(model: LatentDiffusion, guidance: float) -> None:
    noise = noise_of(torch.Generator().manual_seed(0))
    start = Start(noise, Condition.stack(model.encode_prompts([PROMPT])))
    expected = model.pipeline(
        PROMPT, num_inference_steps=STEPS, guidance_scale=guidance, latents=noise, output_type="latent"
    ).images
    torch.testing.assert_close(final(sampler_of(model, guidance), model, start), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_image_to_image(model: LatentDiffusion, strength: float) -> None:
    pixels = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    pipeline = StableDiffusionImg2ImgPipeline(**model.pipeline.components, requires_safety_checker=False)
    expected = pipeline(
        PROMPT,
        image=pixels,
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(2),
        output_type="latent",
    ).images
    start = Start(
        noise_of(torch.Generator().manual_seed(2)),
        Condition.stack(model.encode_prompts([PROMPT])),
        model.encode_pixels(2 * pixels - 1)[None],
    )
    found = list(sampler_of(model, 3.0, strength).trajectory(model, start))
    assert len(found) == 1 + int(STEPS * strength)
    torch.testing.assert_close(found[-1], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_inpainting(model: LatentDiffusion, strength: float) -> None:
    pixels = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    pipeline = StableDiffusionInpaintPipeline(**model.pipeline.components, requires_safety_checker=False)
    expected = pipeline(
        PROMPT,
        image=pixels,
        mask_image=mask,
        height=16,
        width=16,
        strength=strength,
        num_inference_steps=STEPS,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(2),
        output_type="latent",
    ).images
    image = model.encode_pixels(2 * pixels - 1)[None]
    repaint = mask[..., ::2, ::2]
    start = Start(
        noise_of(torch.Generator().manual_seed(2)), Condition.stack(model.encode_prompts([PROMPT])), image, repaint
    )
    found = final(sampler_of(model, 3.0, strength), model, start)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(found[..., 4:], image[..., 4:], rtol=0, atol=0)
