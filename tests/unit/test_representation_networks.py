"""Networks of the representation chain: shapes, what reaches the prediction, files, priors and regularisers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infodecomp.estimator.channel import noised
from infodecomp.estimator.condition import Condition
from infodecomp.representation.codes import code_condition
from infodecomp.representation.decoders import DECODERS, CodeDenoiser, load_decoder
from infodecomp.representation.encoder import Encoder, codes
from infodecomp.representation.patch_transformer import PatchTransformer
from infodecomp.representation.priors import check_prior, draw_prior
from infodecomp.representation.regularisers import divergence_penalty, mmd, normal_kl
from infodecomp.runs.errors import InputError
from infodecomp.training.code_optimizers import optimizers


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("condition", DECODERS)
def test_a_decoder_reads_its_condition_and_comes_back_from_its_folder(
    condition: str, images: torch.Tensor, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    decoder = DECODERS[condition](4, 4)
    with torch.no_grad():  # away from the start, where some weights are zero
        for weight in decoder.parameters():
            weight += 0.02 * torch.randn_like(weight)
    logsnr, code = torch.linspace(-6, 1, 6), torch.randn(6, 4)
    known = code_condition(code, torch.tensor([1.0, 0.0, 1.0, 1.0]))
    denoiser = CodeDenoiser(decoder)
    with torch.no_grad():
        clean = denoiser.clean(images, logsnr, known)
        assert clean.shape == images.shape and clean.dtype == torch.float32
        assert not torch.equal(clean, denoiser.clean(images, logsnr, denoiser.nothing.expand(6)))
        assert not torch.equal(clean, denoiser.clean(images, logsnr + 0.5, known))
        half = denoiser.clean(images[:3], logsnr[:3], known[:3])
        assert torch.allclose(half, clean[:3], atol=1e-5)
        assert torch.allclose(noised(clean, logsnr, denoiser(images, logsnr, known)), images, atol=1e-4)
    assert denoiser.logsnr_range == (-7.0, 1.0) and len(denoiser.nothing.states) == 4
    decoder.half().save_pretrained(tmp_path / "decoder")
    assert (tmp_path / "decoder" / "diffusion_pytorch_model.safetensors").stat().st_size < 4_000_000
    again = CodeDenoiser(load_decoder(tmp_path / "decoder", condition))
    with torch.no_grad():
        assert torch.allclose(again.clean(images, logsnr, known), clean, atol=0.02)


def test_what_is_not_known_cannot_be_read(images: torch.Tensor) -> None:
    decoder = PatchTransformer(4, 4)
    mask, logsnr = torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.zeros(6)
    first, second = (code_condition(torch.full((6, 4), value), mask) for value in (1.0, 1.0))
    other = code_condition(torch.tensor([9.0, 1.0, -9.0, 3.0]).expand(6, 4), mask)
    with torch.no_grad():
        said = [CodeDenoiser(decoder).clean(images, logsnr, known) for known in (first, second, other)]
    assert torch.equal(said[0], said[1]) and torch.equal(said[0], said[2])


def test_the_map_differs_from_place_to_place_where_scales_do_not(images: torch.Tensor) -> None:
    """At first the head is nearly zero, so what a code adds to the tokens is looked at before it."""
    decoder = PatchTransformer(4, 4)
    with torch.no_grad():
        added = decoder.map_out(decoder.map_in(torch.ones(1, 8)).view(1, decoder.tokens, -1))
    assert added.shape == (1, 49, 128) and float(added.std(1).mean()) > 0.1


def test_bottleneck_conditioning_enters_in_the_middle_alone(images: torch.Tensor) -> None:
    decoder = DECODERS["bottleneck"](4, 4)
    seen: list[torch.Tensor] = []
    decoder.unet.down_blocks[0].register_forward_hook(lambda _, inputs, output: seen.append(output[0].detach()))
    with torch.no_grad():
        told = [decoder(images, torch.zeros(6), torch.full((6, 4), value), torch.ones(6, 4)) for value in (0.0, 3.0)]
    assert torch.equal(seen[0], seen[1]) and not torch.equal(told[0], told[1])
    assert not decoder.unet.mid_block._forward_pre_hooks


def test_matrices_go_to_muon_and_the_rest_to_adamw() -> None:
    decoder = PatchTransformer(4, 4)
    muon, adamw = optimizers([decoder], 3e-3, 2e-3)
    names = {id(p): name for name, p in decoder.named_parameters()}
    of_muon, of_adamw = ([names[id(p)] for g in each.param_groups for p in g["params"]] for each in (muon, adamw))
    assert sorted(of_muon + of_adamw) == sorted(names.values())
    assert "map_in.weight" in of_adamw and "positions" in of_adamw and "blocks.4.offsets" in of_adamw
    assert {"stem.weight", "head.weight", "blocks.0.queries_keys_values.weight"} <= set(of_muon)


def test_codes_are_standardised_over_the_images() -> None:
    torch.manual_seed(0)
    images = torch.rand(64, 1, 16, 16) * 2 - 1
    encoder = Encoder(5, size=16, channels=1, noise=0.1)
    encoder.settle(images, rows=10)
    means, deviations = codes(encoder, images, rows=7)
    assert torch.allclose(means.mean(0), torch.zeros(5), atol=1e-5)
    assert torch.allclose(means.var(0), torch.ones(5), atol=1e-2)
    assert torch.equal(deviations, torch.full((64, 5), 0.1))
    learnt = Encoder(5, size=16, channels=1, noise=None)
    assert codes(learnt, images)[1].std() > 0 and len(dict(learnt.named_buffers())) == 0


@pytest.mark.parametrize(("prior", "dimensions"), [("normal", 3), ("mixture", 4), ("roll", 2)])
def test_priors_lie_around_the_origin(prior: str, dimensions: int) -> None:
    drawn = draw_prior(prior, np.random.default_rng(0), 20_000, dimensions)
    assert drawn.shape == (20_000, dimensions) and drawn.dtype == np.float32
    assert np.abs(drawn.mean(0)).max() < (0.5 if prior == "roll" else 0.05)
    assert np.abs(drawn).max() < 6
    if prior == "mixture":  # ten arms: angles pile up at multiples of 36°
        angles = np.degrees(np.arctan2(drawn[:, 1], drawn[:, 0])) % 36
        assert ((angles < 9) | (angles > 27)).mean() > 0.8


@pytest.mark.parametrize(("prior", "dimensions", "said"), [("mixture", 5, "even"), ("roll", 3, "plane")])
def test_a_prior_that_does_not_exist_is_refused(prior: str, dimensions: int, said: str) -> None:
    with pytest.raises(InputError, match=f"dimensions is {dimensions}.*{said}"):
        check_prior(prior, dimensions)


def test_the_discrepancy_of_gaussians_is_its_closed_form() -> None:
    """MMD² of N(0, c I) and N(0, I) with k = exp(−‖·‖²/h) is (1 + 4c/h)^−a/2 + (1 + 4/h)^−a/2 − 2 (1 + 2(c + 1)/h)^−a/2."""
    draw, a, c = torch.Generator().manual_seed(0), 3, 0.25
    codes, prior = c**0.5 * torch.randn(1000, a, generator=draw), torch.randn(1000, a, generator=draw)

    def expected(h: float) -> float:
        return float((1 + 4 * c / h) ** (-a / 2) + (1 + 4 / h) ** (-a / 2) - 2 * (1 + 2 * (c + 1) / h) ** (-a / 2))

    assert float(mmd(codes, prior, "published")) == pytest.approx(expected(a**2), abs=0.008)
    several = np.mean([expected(2 * scale * a) for scale in (0.25, 0.5, 1, 2, 4)])
    assert float(mmd(codes, prior, "multiscale")) == pytest.approx(several, abs=0.015)


def test_the_multiscale_discrepancy_has_no_bias() -> None:
    draw = torch.Generator().manual_seed(0)
    repeats = [
        [mmd(*torch.randn(2, 20, 4, generator=draw), kernel).item() for _ in range(200)]
        for kernel in ("multiscale", "published")
    ]  # type: ignore[call-arg]
    error = float(np.std(repeats[0]) / 200**0.5)
    assert abs(np.mean(repeats[0])) < 3 * error and np.mean(repeats[1]) > 10 * error


def test_the_divergence_and_its_capacity() -> None:
    means, deviations = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.5]])
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(means, deviations), torch.distributions.Normal(0.0, 1.0)
    ).sum(1)
    assert torch.allclose(normal_kl(means, deviations), exact)
    assert float(divergence_penalty(exact, 5.0)) == pytest.approx(5 - exact.item())
    assert float(divergence_penalty(exact, None)) == pytest.approx(exact.item())


def test_a_condition_of_nothing_is_the_empty_prompt() -> None:
    decoder = CodeDenoiser(PatchTransformer(4, 4))
    known: Condition = code_condition(torch.ones(4), torch.zeros(4))
    assert decoder.nothing.equal(known)
