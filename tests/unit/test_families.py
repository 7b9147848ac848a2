"""Every family as a denoiser: its channel, its text, its pictures, its attention, and that no row depends on another."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import EDMEulerScheduler, PixArtTransformer2DModel, SD3Transformer2DModel

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import MASK, STATES, Condition
from infodecomp.flows.ddim import Ddim
from infodecomp.flows.path import make_path
from infodecomp.models.attention import Tap, output_map, recorded_layers, word_map
from infodecomp.models.attention_calls import listening
from infodecomp.models.channels import Edm
from infodecomp.models.families import FAMILIES
from infodecomp.models.gradients import directional_derivative
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.pipelines import PIPELINES as KINDS
from infodecomp.models.tokenizers import Tokenizers
from infodecomp.runs.errors import InputError
from infodecomp.words.occurrences import find_word, word_token_positions
from tests.unit.tiny_pipelines import PIPELINES, SIZE, tiny_pipeline

CAPTION = "a red dog and a blue cat"
NEW = [name for name in PIPELINES if name != "stable_diffusion"]


@pytest.fixture(scope="module")
def models() -> dict[str, LatentDiffusion]:
    return {name: LatentDiffusion(tiny_pipeline(name)) for name in PIPELINES}


def inputs(model: LatentDiffusion, rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, *model.latent_shape, generator=torch.Generator().manual_seed(seed))
    return x, torch.linspace(-3, 3, rows, dtype=torch.float64)


def positions(model: LatentDiffusion, word: str) -> list[int]:
    found = word_token_positions(model.token_offsets(CAPTION), find_word(CAPTION, word))
    return [place for tokens in found for place in tokens]


def test_every_family_has_a_tiny_pipeline_and_a_kind() -> None:
    assert set(PIPELINES) == set(FAMILIES) == {kind.family for kind in KINDS.values()}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_row_depends_on_no_other_row_and_on_no_order(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    x, logsnr = inputs(model, 3)
    prompts = model.encode_prompts(["", "dog", CAPTION])
    together = model(x, logsnr, Condition.stack(prompts))
    assert together.isfinite().all() and together.dtype == torch.float32 and together.shape == x.shape
    alone = torch.cat([model(x[k : k + 1], logsnr[k : k + 1], prompts[k].expand(1)) for k in range(3)])
    torch.testing.assert_close(together, alone, rtol=0, atol=2e-6)
    order = [2, 0, 1]
    turned = model(x[order], logsnr[order], Condition.stack(prompts, order))
    torch.testing.assert_close(turned, together[order], rtol=0, atol=2e-6)
    assert all(one.equal(other) for one, other in zip(prompts, model.encode_prompts(["", "dog", CAPTION]), strict=True))


@pytest.mark.parametrize("name", PIPELINES)
def test_the_text_matters_and_so_does_its_absence(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    x, logsnr = inputs(model, 1)
    full, context, empty = (
        model(x, logsnr, prompt.expand(1)) for prompt in model.encode_prompts([CAPTION, "a red dog and a blue", ""])
    )
    assert not torch.equal(full, context) and not torch.equal(context, empty)


@pytest.mark.parametrize("name", PIPELINES)
def test_pictures_of_any_allowed_size(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    cell = model.family.pixels_per_cell
    height, width = 6 * model.family.patch * cell, 9 * model.family.patch * cell
    pixels = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(2)) * 2 - 1
    x = model.encode_pixels(pixels)
    assert x.shape == (model.latent_shape[0], height // cell, width // cell) and x.dtype == torch.float32
    assert model.decode(x[None]).shape == (1, 3, height, width)
    found = model(x[None], torch.zeros(1), model.encode_prompts([CAPTION])[0].expand(1))
    assert found.shape == (1, *x.shape) and found.isfinite().all()


@pytest.mark.parametrize("name", [name for name in PIPELINES if FAMILIES[name].text_keys != "alone"])
def test_a_size_between_patches_is_refused(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    with pytest.raises(InputError, match=r"the picture has 34 x 32 pixels; .* must be multiples of 4"):
        model(torch.zeros(1, 4, 17, 16), torch.zeros(1), model.encode_prompts([""])[0].expand(1))


@pytest.mark.parametrize("name", PIPELINES)
def test_a_model_at_another_size_than_it_was_trained_on(name: str) -> None:
    pipeline = tiny_pipeline(name)
    model = LatentDiffusion(pipeline, size=24)
    assert model.image_size == 24 and model.latent_shape[1:] == (12, 12)
    x = model.encode_pixels(torch.zeros(1, 3, 24, 24))
    assert model(x[None], torch.zeros(1), model.encode_prompts([""])[0].expand(1)).shape == (1, *model.latent_shape)
    with pytest.raises(InputError, match="the picture has 25 x 25 pixels"):
        LatentDiffusion(pipeline, size=25)


def test_positions_have_an_end() -> None:
    with pytest.raises(InputError, match=r"the picture has 100 x 100 pixels; .* must be multiples of 4 up to 96"):
        LatentDiffusion(tiny_pipeline("stable_diffusion_3"), size=100)


@pytest.mark.parametrize("name", PIPELINES)
def test_attention_is_that_of_the_words_own_tokens(models: dict[str, LatentDiffusion], name: str) -> None:
    """Predictions are the same bits while recording; probabilities at the image's positions are those of the caption."""
    model = models[name]
    x, logsnr = inputs(model, 2)
    prompt = model.encode_prompts([CAPTION])[0]
    plain = model(x, logsnr, prompt.expand(2))
    tokens = range(len(prompt.states))
    with model.recording() as recorder:
        recorder.expect([Tap(1, "row", tokens)])
        assert torch.equal(model(x, logsnr, prompt.expand(2)), plain)
        sums = recorder.pop("row")
    assert sums.layers
    for layer in sums.layers.values():
        total = layer.sum(1)
        assert layer.shape[1] == len(tokens) and float(layer.min()) >= 0 and float(total.max()) < 1 + 1e-5
        if model.family.text_keys == "alone":
            torch.testing.assert_close(total, torch.ones_like(total))
    heat = word_map(sums, positions(model, "dog"), model.latent_shape[1:])
    assert heat.shape == model.latent_shape[1:] and np.isfinite(heat).all() and heat.max() > 0


@pytest.mark.parametrize("name", NEW)
def test_a_token_of_the_states_is_the_recorded_key(models: dict[str, LatentDiffusion], name: str) -> None:
    """In the first recorded layer, moving one token moves the probabilities of that key most, through its key alone."""
    model = models[name]
    x, logsnr = inputs(model, 1)
    prompt = model.encode_prompts([CAPTION])[0]
    place = positions(model, "dog")[-1]
    moved = prompt.states.clone()
    moved[place] += 3 * torch.linspace(-1, 1, moved.shape[1])
    found = []
    for one in (prompt, prompt.replaced({STATES: moved})):
        with model.recording() as recorder:
            recorder.expect([Tap(0, "row", range(len(moved)))])
            model(x, logsnr, one.expand(1))
            found.append(next(iter(recorder.pop("row").layers.values())))
    ratio = (found[1] / found[0]).log()  # of softmax weights: one number a position for all unmoved keys
    there = prompt.tensors.get(MASK, torch.ones(len(moved)))
    others = [token for token in range(len(moved)) if token != place and there[token]]
    spread = (ratio[:, others] - ratio[:, others].mean(1, keepdim=True)).abs().amax()
    assert float(spread) < 1e-3 < float((ratio[:, place] - ratio[:, others].mean(1)).abs().amax())


@pytest.mark.parametrize("name", [name for name in PIPELINES if FAMILIES[name].text_keys != "alone"])
def test_results_of_attention_are_those_of_the_layers(models: dict[str, LatentDiffusion], name: str) -> None:
    """Dot products, over all heads, of what torch returned at the image's positions and at a token; shares add up to one."""
    model = models[name]
    x, logsnr = inputs(model, 2)
    prompt = model.encode_prompts([CAPTION])[0].expand(2)
    words = [positions(model, word) for word in ("red", "dog", "cat")]
    text = sorted({token for word in words for token in word})
    with model.recording() as recorder:
        recorder.expect([Tap(1, "row", text, what="outputs"), Tap(1, "plain", text)])
        model(x, logsnr, prompt)
        sums = recorder.pop("row")
        assert recorder.pop("plain").layers.keys() == sums.layers.keys()
    heard: dict[str, torch.Tensor] = {}
    layers = recorded_layers(model.denoiser, model.family.is_recorded)
    with listening(layers, lambda call: heard.__setitem__(call.layer, call.output[1])):
        model(x, logsnr, prompt)
    first = 0 if model.family.text_keys == "first" else 64
    image = slice(prompt.states.shape[1], None) if model.family.text_keys == "first" else slice(0, 64)
    for layer, output in heard.items():
        expected = torch.einsum("hpd,htd->tp", output[:, image], output[:, [first + token for token in text]])
        torch.testing.assert_close(sums.layers[layer][0].flatten(1), expected, rtol=0, atol=1e-5)
    indices = [[text.index(token) for token in word] for word in words]
    shares = [output_map(sums, indices, word, (16, 16)) for word in range(3)]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1, atol=1e-6)
    assert not np.allclose(shares[0], shares[1])


@pytest.mark.parametrize("name", PIPELINES)
def test_words_are_found_in_every_encoder(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    offsets = model.token_offsets(CAPTION)
    spans = [CAPTION[slice(*offsets[place])] for place in positions(model, "cat")]
    assert len(spans) >= len(model.family.readers)
    whole = [span.strip() for span in spans]
    assert "cat" in ("".join(whole[:3]), *whole) and set("".join(whole)) == set("cat")
    long = f"{CAPTION} " * 30
    assert len(model.token_offsets(long)) <= len(model.encode_prompts([long])[0].states)


@pytest.mark.parametrize("name", NEW)
def test_a_saved_pipeline_is_the_same_model(models: dict[str, LatentDiffusion], name: str, tmp_path: Path) -> None:
    tiny_pipeline(name).save_pretrained(tmp_path / "model")
    model = LatentDiffusion.load(str(tmp_path / "model"), size=SIZE)
    x, logsnr = inputs(model, 1)
    prompt = model.encode_prompts([CAPTION])[0]
    expected = models[name].encode_prompts([CAPTION])[0]
    for key, tensor in prompt.tensors.items():
        torch.testing.assert_close(tensor, expected.tensors[key], rtol=0, atol=1e-6)
    eps_hat = models[name](x, logsnr, expected.expand(1))
    torch.testing.assert_close(model(x, logsnr, prompt.expand(1)), eps_hat, rtol=0, atol=1e-5)
    limits = {reader.limit for reader in model.family.readers}
    assert limits == {len(offsets) for offsets in Tokenizers(tmp_path / "model").offsets(f"{CAPTION} " * 60)}


def test_a_pipeline_may_read_less_than_its_tokenizer_allows(tmp_path: Path) -> None:
    pipeline = tiny_pipeline("pixart")
    pipeline.tokenizer.model_max_length = 500
    pipeline.save_pretrained(tmp_path / "model")
    model, caption = LatentDiffusion.load(str(tmp_path / "model")), "dog " * 400
    assert model.token_limit == 300 == len(model.token_offsets(caption))
    assert Tokenizers(tmp_path / "model").offsets(caption) == [model.token_offsets(caption)]
    assert model.encode_prompts([caption])[0].states.shape == (300, 32)


@pytest.mark.parametrize("name", PIPELINES)
def test_gradients_by_the_text_agree_with_differences(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    x, logsnr = inputs(model, 1)
    z, other = (prompt.expand(1) for prompt in model.encode_prompts([CAPTION, "a red cat and a blue"]))
    direction = z.minus(other)
    found = directional_derivative(model.differentiable, x, logsnr, z, direction)

    def moved(by: float) -> torch.Tensor:
        changed = {key: z.tensors[key] + by * along for key, along in direction.tensors.items()}
        return model(x, logsnr, z.replaced(changed))

    expected = (moved(0.02) - moved(-0.02)) / 0.04
    assert float((found - expected).norm() / expected.norm()) < 0.05


@pytest.mark.parametrize("name", NEW)
def test_no_text_is_what_is_asked_for(models: dict[str, LatentDiffusion], name: str) -> None:
    trained, empty = (LatentDiffusion(tiny_pipeline(name), no_text=kind) for kind in ("trained", "empty"))  # type: ignore[arg-type]
    nothing = trained.encode_prompts([""])[0]
    zeros = name in ("stable_diffusion_xl", "stable_diffusion_3")
    assert all(tensor.any() != zeros for tensor in nothing.tensors.values())
    assert empty.encode_prompts([""])[0].states.any()
    default = {"trained": trained, "empty": empty}[FAMILIES[name].no_text]
    assert models[name].encode_prompts([""])[0].equal(default.encode_prompts([""])[0])


@pytest.mark.parametrize("name", PIPELINES)
def test_trained_noise_and_calibration(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    low, high = model.logsnr_range
    assert low < model.noise.loc < high and (model.calibration, model.distilled) == (
        ("guidance_distilled", "its denoiser reads a guidance scale") if name == "flux" else ("base", "")
    )
    flow = name in ("stable_diffusion_3", "sana", "flux", "qwen_image")
    assert model.noise.source == ("assumed" if flow else "schedule")
    assert bool((model.logsnr_table[:-1].diff() < 0).all())


def test_the_range_of_a_flow_is_that_of_its_shift(models: dict[str, LatentDiffusion]) -> None:
    """α ~ N(−2 ln 3, 2²), three standard deviations to both sides."""
    for name in ("stable_diffusion_3", "sana"):
        assert models[name].logsnr_range == pytest.approx((-8.197, 3.803), abs=1e-3)
    # FLUX: ln s is linear in the tokens of the image, 0.5 for 256 of them and 1.15 for 4096; here there are 64.
    shift = 0.5 + 0.65 * (64 - 256) / (4096 - 256)
    assert models["flux"].noise.loc == pytest.approx(-2 * shift)


@pytest.mark.parametrize("name", NEW)
def test_ddim_returns_the_image_of_a_denoiser_that_knows_the_noise(
    models: dict[str, LatentDiffusion], name: str
) -> None:
    model = models[name]
    x, _ = inputs(model, 2)
    eps, prompt = torch.randn_like(x), model.encode_prompts([CAPTION])[0].expand(2)
    path = Ddim(model, 6)
    path._predict = lambda *_: eps  # type: ignore[method-assign, assignment]
    logsnr = path.schedule.logsnr[path.timesteps[0]]
    assert all(a > b for a, b in pairwise(path.timesteps)) and len(path.timesteps) == 6
    start = noised(x, logsnr.repeat(2).float(), eps)
    signal = path.schedule.alpha_last**0.5
    expected = signal * x + (1 - path.schedule.alpha_last) ** 0.5 * eps
    torch.testing.assert_close(path.generate(start, prompt), expected, rtol=0, atol=2e-2)
    again = Ddim(model, 6)
    assert again.generate(again.reverse(x, prompt), prompt).isfinite().all()


@pytest.mark.parametrize("name", NEW)
def test_a_karras_path_there_and_back(models: dict[str, LatentDiffusion], name: str) -> None:
    model = models[name]
    x, _ = inputs(model, 1)
    prompt = model.encode_prompts([CAPTION])[0].expand(1)
    path = make_path("heun", model, 8)
    assert path.generate(path.reverse(x, prompt), prompt).isfinite().all()


def test_pixart_under_the_older_name_of_its_transformer(models: dict[str, LatentDiffusion], tmp_path: Path) -> None:
    tiny_pipeline("pixart").save_pretrained(tmp_path / "model")
    for file in ("model_index.json", "transformer/config.json"):
        path = tmp_path / "model" / file
        path.write_text(path.read_text().replace("PixArtTransformer2DModel", "Transformer2DModel"))
    model = LatentDiffusion.load(str(tmp_path / "model"))
    x, logsnr = inputs(model, 1)
    prompt = model.encode_prompts([CAPTION])[0].expand(1)
    found, expected = model(x, logsnr, prompt), models["pixart"](x, logsnr, prompt)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_pixart_may_read_the_size_of_the_picture() -> None:
    """As PixArt-α of 1024 pixels does."""
    pipeline = tiny_pipeline("pixart")
    wider = {"attention_head_dim": 24, "cross_attention_dim": 48}  # for three embeddings of sizes, side by side
    settings = {**pipeline.transformer.config, **wider, "use_additional_conditions": True}
    torch.manual_seed(1)
    pipeline.transformer = PixArtTransformer2DModel.from_config(settings)
    model = LatentDiffusion(pipeline)
    seen: list[dict[str, torch.Tensor]] = []
    model.denoiser.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["added_cond_kwargs"]), with_kwargs=True
    )
    prompt = model.encode_prompts([CAPTION])[0].expand(2)
    found = model(torch.ones(2, 4, 8, 12), torch.zeros(2), prompt)
    assert found.isfinite().all()
    assert seen[0]["resolution"].tolist() == [[16, 24]] * 2
    torch.testing.assert_close(seen[0]["aspect_ratio"], torch.full((2, 1), 16 / 24))


def test_a_preconditioned_stable_diffusion_xl(tmp_path: Path) -> None:
    """As Playground 2.5: the scheduler of EDM, and a mean and a deviation of each channel of the latents."""
    pipeline = tiny_pipeline("stable_diffusion_xl")
    plain = LatentDiffusion(pipeline).encode_pixels(torch.zeros(1, 3, 32, 32)) / 0.13025
    pipeline.scheduler = EDMEulerScheduler()
    mean, std = [0.1, -0.2, 0.3, 0.0], [2.0, 1.0, 0.5, 4.0]
    pipeline.vae.register_to_config(latents_mean=mean, latents_std=std, scaling_factor=0.5)
    pipeline.save_pretrained(tmp_path / "model")
    model = LatentDiffusion.load(str(tmp_path / "model"))
    assert isinstance(model.family.channel, Edm)
    assert (model.noise.loc, model.noise.scale, model.noise.source) == (2.4, 2.4, "assumed")
    # Of k = 80 and 0.002: α = −2 ln k.
    assert [float(model.logsnr_table[end]) for end in (-1, 0)] == pytest.approx([-8.764, 12.429], abs=1e-3)
    latent = model.encode_pixels(torch.zeros(1, 3, 32, 32))
    expected = (plain - torch.tensor(mean)[:, None, None]) * (0.5 / torch.tensor(std)[:, None, None])
    torch.testing.assert_close(latent, expected, rtol=0, atol=1e-5)
    x, logsnr = inputs(model, 2)
    seen: list[torch.Tensor] = []
    model.denoiser.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    assert model(x, logsnr, model.encode_prompts([CAPTION])[0].expand(2)).isfinite().all()
    torch.testing.assert_close(seen[0], (-logsnr / 8).float())
    assert len(model.ddim_schedule(5).timesteps) == 5


def test_stable_diffusion_3_without_t5(tmp_path: Path) -> None:
    pipeline = tiny_pipeline("stable_diffusion_3")
    pipeline.register_modules(text_encoder_3=None, tokenizer_3=None)
    pipeline.save_pretrained(tmp_path / "model")
    model = LatentDiffusion.load(str(tmp_path / "model"))
    states = model.encode_prompts([CAPTION])[0].states
    assert not states[16:].any() and states[:16].any()
    assert len(model.token_offsets(CAPTION)) <= 16


def test_stable_diffusion_3_trained_without_t5() -> None:
    """A transformer as wide as its two CLIPs reads their tokens alone."""
    pipeline = tiny_pipeline("stable_diffusion_3")
    pipeline.register_modules(text_encoder_3=None, tokenizer_3=None)
    clips = pipeline.text_encoder.config.hidden_size + pipeline.text_encoder_2.config.hidden_size
    assert pipeline.transformer.config.joint_attention_dim > clips
    settings = {**pipeline.transformer.config, "joint_attention_dim": clips}
    for transformer, tokens in ((pipeline.transformer, 16 + 256), (SD3Transformer2DModel.from_config(settings), 16)):
        pipeline.register_modules(transformer=transformer)
        states = LatentDiffusion(pipeline).encode_prompts([CAPTION])[0].states
        assert states.shape == (tokens, transformer.config.joint_attention_dim)
