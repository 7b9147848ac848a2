"""Configurations of model folders as they occur: read as what they mean, or refused in a sentence before weights."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.flows.ddim import Ddim
from infodecomp.models import latent_diffusion
from infodecomp.models.folders import is_on_hub, model_folder
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.models.single_file import VERSION_1
from infodecomp.models.tokenizers import Tokenizers
from infodecomp.runs.errors import InputError
from tests.unit.small_model import small_pipeline

UNET, SCHEDULER, TOKENIZER = "unet/config.json", "scheduler/scheduler_config.json", "tokenizer/tokenizer_config.json"
ZERO_SNR = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "prediction_type": "v_prediction"}
LEFT_OUT = object()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    small_pipeline().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change(file: Path, **values: object) -> None:
    content = {**json.loads(file.read_text()), **values}
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not LEFT_OUT}))


def use_scheduler(folder: Path, name: str, **settings: object) -> None:
    change(folder / "model_index.json", scheduler=["diffusers", name])
    (folder / SCHEDULER).write_text(json.dumps({"_class_name": name, **settings}))


def test_a_square_pair_is_a_side(folder: Path) -> None:
    change(folder / UNET, sample_size=[8, 8])
    model = LatentDiffusion.load(str(folder))
    assert (model.latent_shape, model.image_size) == ((4, 8, 8), 16)


@pytest.mark.parametrize("size", [None, LEFT_OUT, [8, 12], 0, "8", True, []])
def test_a_size_that_is_no_side_is_refused(folder: Path, size: object) -> None:
    change(folder / UNET, sample_size=size)
    with pytest.raises(
        InputError, match=r"unet/config.json → sample_size is .*; expected the side of the square latents"
    ):
        LatentDiffusion.load(str(folder))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"in_channels": 9},
            "in_channels is 9, but the latents of the autoencoder have 4 channels: it also reads a mask",
        ),
        ({"out_channels": 8}, "out_channels is 8, but the latents .* have 4 channels"),
        (
            {"cross_attention_dim": 768},
            r"cross_attention_dim is 768, but text_encoder/config.json → hidden_size is 128",
        ),
        ({"class_embed_type": "timestep"}, "class_embed_type is 'timestep': it reads more than a text"),
        ({"num_class_embeds": 1000}, "num_class_embeds is 1000: it reads more"),
        ({"addition_embed_type": "text_time"}, "addition_embed_type is 'text_time'"),
        ({"encoder_hid_dim_type": "image_proj"}, "encoder_hid_dim_type is 'image_proj'"),
    ],
)
def test_a_denoiser_that_reads_something_else_is_refused_before_its_weights(
    folder: Path, values: Mapping[str, object], message: str
) -> None:
    change(folder / UNET, **values)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=rf"^{folder}/unet/config.json → {message}"):
        LatentDiffusion.load(str(folder))


@pytest.mark.parametrize("scale", [None, 0, "0.18215"])
def test_latents_have_a_scale(folder: Path, scale: object) -> None:
    change(folder / "vae/config.json", scaling_factor=scale)
    with pytest.raises(InputError, match=r"vae/config.json → scaling_factor is .*; expected a number above 0"):
        LatentDiffusion.load(str(folder))


def test_all_problems_are_said_at_once(folder: Path) -> None:
    change(folder / UNET, in_channels=9, sample_size=None)
    change(folder / SCHEDULER, prediction_type="sample")
    with pytest.raises(InputError, match=r"prediction_type is 'sample'.* in_channels is 9.* sample_size is null"):
        LatentDiffusion.load(str(folder))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda folder: use_scheduler(folder, "FlowMatchEulerDiscreteScheduler", shift=3.0), "as flow matching does"),
        (lambda folder: change(folder / SCHEDULER, prediction_type="flow_prediction"), "as flow matching does"),
        (
            lambda folder: use_scheduler(folder, "DPMSolverMultistepScheduler", use_flow_sigmas=True),
            "DPMSolverMultistepScheduler that mixes image and noise as flow matching does",
        ),
        (lambda folder: use_scheduler(folder, "EDMEulerScheduler"), "EDMEulerScheduler, which has no betas"),
        (
            lambda folder: use_scheduler(folder, "OwnScheduler"),
            "OwnScheduler, which this version of diffusers does not",
        ),
        (lambda folder: change(folder / SCHEDULER, beta_schedule="own"), "no DDIMScheduler can be made from these"),
        (lambda folder: change(folder / SCHEDULER, trained_betas=[0.1, -0.5]), "its betas are not a schedule"),
        (lambda folder: (folder / SCHEDULER).write_text("{"), "this is not valid JSON"),
        (lambda folder: (folder / SCHEDULER).write_text("[]"), "expected a JSON object, found a list"),
    ],
)
def test_a_schedule_of_another_kind_is_refused(folder: Path, edit: Callable[[Path], object], message: str) -> None:
    edit(folder)
    with pytest.raises(InputError, match=message) as raised:
        LatentDiffusion.load(str(folder))
    assert "scheduler" in str(raised.value)


def test_a_pipeline_that_is_loaded_already_is_checked_too() -> None:
    pipeline = small_pipeline()
    pipeline.unet.register_to_config(sample_size=None)
    with pytest.raises(InputError, match="sample_size is null"):
        LatentDiffusion(pipeline)


@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "EulerDiscreteScheduler"])
def test_a_schedule_that_ends_without_an_image(folder: Path, scheduler: str) -> None:
    """Its last timestep belongs to no finite log-SNR; DDIM begins at the one before it, and returns the image."""
    use_scheduler(folder, scheduler, beta_schedule="scaled_linear", **ZERO_SNR)
    model = LatentDiffusion.load(str(folder))
    assert model.logsnr_table[999] == -torch.inf
    assert model.logsnr_range == (float(model.logsnr_table[998]), float(model.logsnr_table[0]))
    assert torch.isfinite(torch.tensor(model.logsnr_range)).all()
    schedule = model.ddim_schedule(5)
    assert list(schedule.timesteps) == [998, 799, 599, 399, 199]
    assert [float(alpha) for alpha in schedule.alpha_next.values()][:-1] == [
        float(schedule.alpha[t]) for t in schedule.timesteps[1:]
    ]
    generator = torch.Generator().manual_seed(0)
    x, eps = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 4, 8, 8, generator=generator)
    path = Ddim(model, 5)
    path._predict = lambda *_: eps  # type: ignore[method-assign, assignment]  # a denoiser that knows the noise
    start = noised(x, model.logsnr_table[[998, 998]].float(), eps)
    expected = schedule.alpha_last**0.5 * x + (1 - schedule.alpha_last) ** 0.5 * eps
    # The first step divides by √ᾱ, 4e-4, what single precision has rounded.
    torch.testing.assert_close(path.generate(start, Condition.of(torch.zeros(2, 1, 1))), expected, rtol=0, atol=5e-3)
    prompt = Condition.stack(model.encode_prompts(["a dog", ""]))
    assert Ddim(model, 5).generate(Ddim(model, 5).reverse(x, prompt), prompt).isfinite().all()


def test_a_velocity_without_an_image_is_turned_into_noise(folder: Path) -> None:
    """At the end of such a schedule x_α is the noise, whatever the velocity."""
    use_scheduler(folder, "DDIMScheduler", **ZERO_SNR)
    model = LatentDiffusion.load(str(folder))
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    prompt = Condition.stack(model.encode_prompts(["a dog"]))
    assert torch.equal(model.eps_hat(x, torch.tensor([-torch.inf]), prompt), x)


@pytest.mark.parametrize("stated", [LEFT_OUT, 10**30, 500, None])
def test_a_tokenizer_reads_no_more_than_its_encoder_has_positions_for(folder: Path, stated: object) -> None:
    change(folder / TOKENIZER, model_max_length=stated)
    model = LatentDiffusion.load(str(folder))
    assert model.token_limit == 96
    assert model.encode_prompts(["a red dog"])[0].states.shape == (96, 128)
    caption = "a red dog " * 50
    assert len(model.token_offsets(caption)) == 96
    assert Tokenizers(folder).offsets(caption) == [model.token_offsets(caption)]


def test_a_tokenizer_without_settings_is_read(folder: Path) -> None:
    offsets = LatentDiffusion.load(str(folder)).token_offsets("a red dog")
    (folder / TOKENIZER).unlink()
    assert LatentDiffusion.load(str(folder)).token_offsets("a red dog") == offsets
    assert Tokenizers(folder).offsets("a red dog") == [offsets]


def test_a_tokenizer_that_reads_less_than_its_encoder_has_positions_for(folder: Path) -> None:
    change(folder / TOKENIZER, model_max_length=20)
    assert LatentDiffusion.load(str(folder)).token_limit == 20
    assert len(Tokenizers(folder).offsets("a red dog " * 50)[0]) == 20


def test_a_limit_that_nothing_states_is_asked_for(folder: Path) -> None:
    change(folder / TOKENIZER, model_max_length=LEFT_OUT)
    (folder / "text_encoder/config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(InputError, match=r"no readable `model_max_length`.*has no `max_position_embeddings` either"):
        Tokenizers(folder)


def test_a_model_in_one_file_is_refused_with_the_command(tmp_path: Path) -> None:
    file = tmp_path / "my model.safetensors"
    file.write_bytes(b"")
    for load in (LatentDiffusion.load, lambda name: model_folder("model → id", name, None)):
        with pytest.raises(InputError, match="is a single file; expected the folder of a diffusers pipeline") as raised:
            load(str(file))
        command = shlex.split(str(raised.value).partition("`")[2].partition("`")[0])
        compile(command[2], "command", "exec")
        assert command[:2] == ["python", "-c"] and command[3:] == [str(file), str(tmp_path / "my model"), VERSION_1]
    with pytest.raises(
        InputError, match=r"it lacks model_index.json; if my model.safetensors is the whole model, convert"
    ):
        LatentDiffusion.load(str(tmp_path))


@pytest.mark.parametrize("name", ["old.ckpt", "old.pt"])
def test_a_pickled_model_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"opening a pickle can run any code; .* take the .safetensors file"):
        model_folder("model → id", str(tmp_path / name), None)


def test_a_missing_file_is_no_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_on_hub("models/style.safetensors") and is_on_hub("owner/style")
    monkeypatch.setattr(latent_diffusion.DiffusionPipeline, "download", lambda *_, **__: pytest.fail("downloads"))
    with pytest.raises(InputError, match=r"'models/style.safetensors' is a file that does not exist"):
        LatentDiffusion.load("models/style.safetensors")
