"""Recording cross-attention: sizes, heads, taps and what is left behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch.nn.functional import scaled_dot_product_attention

from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import (
    AttentionSum,
    Tap,
    is_recorded,
    layer_size,
    word_map,
)
from infodecomp.models.attention_calls import AttentionCall
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError


@pytest.fixture(scope="module")
def model(reference: Path) -> LatentDiffusion:
    return LatentDiffusion.load(str(reference / "tiny_sd"))


def inputs(rows: int, size: tuple[int, int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, Condition]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, *size, generator=generator)
    text = torch.randn(rows, 9, 32, generator=generator)
    return x, torch.linspace(-1, 2, rows), Condition.of(text)


def record(
    model: LatentDiffusion, arrays: tuple[torch.Tensor, torch.Tensor, Condition], taps: list[Tap]
) -> dict[object, AttentionSum]:
    with model.recording() as recorder:
        recorder.expect(taps)
        model(*arrays)
        return {key: recorder.pop(key) for key in dict.fromkeys(tap.key for tap in taps)}


@pytest.mark.parametrize(
    ("latent", "positions", "expected"),
    [
        ((16, 16), 256, (16, 16)),
        ((16, 16), 64, (8, 8)),
        ((64, 48), 12, (4, 3)),
        ((8, 24), 48, (4, 12)),
        ((9, 15), 40, (5, 8)),
        ((9, 15), 12, (3, 4)),
        ((1, 7), 4, (1, 4)),
    ],
)
def test_layer_size_halves_rounding_up(latent: tuple[int, int], positions: int, expected: tuple[int, int]) -> None:
    assert layer_size(latent, positions) == expected


@pytest.mark.parametrize(("latent", "positions"), [((16, 16), 100), ((16, 16), 257), ((9, 15), 32)])
def test_a_layer_that_is_no_halving_is_an_error(latent: tuple[int, int], positions: int) -> None:
    with pytest.raises(ValueError, match=rf"{positions} positions; expected those of a latent of \({latent[0]}"):
        layer_size(latent, positions)


def test_cross_attention_outside_the_middle_counts() -> None:
    assert is_recorded("down_blocks.0.attentions.0.transformer_blocks.0.attn2")
    assert is_recorded("up_blocks.2.attentions.1.transformer_blocks.0.attn2")
    assert not is_recorded("up_blocks.2.attentions.1.transformer_blocks.0.attn2.to_q")
    assert not is_recorded("down_blocks.0.attentions.0.transformer_blocks.0.attn1")
    assert not is_recorded("mid_block.attentions.0.transformer_blocks.0.attn2")


@pytest.mark.parametrize("size", [(16, 16), (8, 24), (24, 8), (10, 14)])
def test_maps_have_the_latents_shape_square_or_not(model: LatentDiffusion, size: tuple[int, int]) -> None:
    sums = record(model, inputs(2, size), [Tap(1, "key", range(9))])["key"]
    assert len(sums.layers) == 6 and sums.calls == 1
    for layer in sums.layers.values():
        height, width = layer.shape[2:]
        assert (height, width) in (size, (-(-size[0] // 2), -(-size[1] // 2)))
        assert torch.allclose(layer.sum(1), torch.ones_like(layer[:, 0]), atol=1e-5)  # probabilities over tokens
    heat = word_map(sums, [2, 3], size)
    assert heat.shape == size and heat.dtype == np.float32 and heat.min() >= 0
    assert heat.mean() == pytest.approx(1 / 9, rel=0.5)


@pytest.mark.parametrize("kind", ["none", "added", "bool"])
def test_probabilities_are_those_of_the_call(kind: str) -> None:
    """softmax(scale·q·k + mask)·v is what torch returned, for masks by key and by query, of chosen rows and queries."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(4, 2, size, 12, generator=generator) for size in (16, 9, 9))
    kept = torch.rand(4, 1, 1, 9, generator=generator) < 0.7
    kept[..., 0] = True
    mask = {"none": None, "added": torch.where(kept, 0.0, -1e4), "bool": kept.expand(4, 2, 16, 9)}[kind]
    output = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.3)
    call = AttentionCall("layer", query, key, mask, 0.3, output)
    found = call.probabilities([3, 1], slice(4, None))
    torch.testing.assert_close(found @ value[[3, 1]], output[[3, 1], :, 4:], rtol=0, atol=1e-5)


def test_attention_that_torch_does_not_compute_is_an_error(reference: Path) -> None:
    own = LatentDiffusion.load(str(reference / "tiny_sd"))
    own.denoiser.set_attn_processor(AttnProcessor())
    with pytest.raises(InputError, match="do not compute it by torch's scaled_dot_product_attention; set its default"):
        record(own, inputs(1, (16, 16)), [Tap(0, "key", [1])])


def test_all_tokens_together_cover_every_pixel_once(model: LatentDiffusion) -> None:
    """Probabilities sum to one; the enlargement keeps that, and its clamp at zero can only add a little."""
    sums = record(model, inputs(1, (16, 16)), [Tap(0, "key", range(9))])["key"]
    total = sum(word_map(sums, [token], (16, 16)) for token in range(9))
    assert total.min() > 1 - 1e-5 and total.max() < 1.1


def test_several_tokens_are_averaged(model: LatentDiffusion) -> None:
    sums = record(model, inputs(1, (16, 16)), [Tap(0, "key", range(9))])["key"]
    single = [word_map(sums, [token], (16, 16)) for token in (2, 5)]
    assert np.allclose(word_map(sums, [2, 5], (16, 16)), np.mean(single, axis=0), atol=1e-7)


def test_second_half_keeps_the_later_heads() -> None:
    first, second = torch.full((2, 1, 4, 4), 0.1), torch.full((3, 1, 4, 4), 0.2)
    first[1], second[1:] = 0.5, 0.8
    sums = AttentionSum({"one": first, "two": second}, calls=1)
    assert np.allclose(word_map(sums, [0], (4, 4)), (0.1 + 0.5 + 0.2 + 0.8 + 0.8) / 5)
    assert np.allclose(word_map(sums, [0], (4, 4), heads="second_half"), (0.5 + 0.8 + 0.8) / 3)


def test_negative_overshoot_of_the_enlargement_is_cut() -> None:
    layer = torch.zeros(1, 1, 4, 4)
    layer[0, 0, 1, 1] = 1
    heat = word_map(AttentionSum({"layer": layer}, calls=1), [0], (8, 8))
    assert heat.min() == 0 and heat.max() > 0.5


def test_values_do_not_depend_on_the_number_of_calls(model: LatentDiffusion) -> None:
    arrays = inputs(1, (16, 16))
    once = record(model, arrays, [Tap(0, "key", [1, 2])])["key"]
    with model.recording() as recorder:
        for _ in range(3):
            recorder.expect([Tap(0, "key", [1, 2])])
            model(*arrays)
        thrice = recorder.pop("key")
    assert thrice.calls == 3
    assert np.allclose(word_map(thrice, [0], (16, 16)), word_map(once, [0], (16, 16)), atol=1e-6)
    assert np.allclose(word_map(once + thrice, [1], (16, 16)), word_map(once, [1], (16, 16)), atol=1e-6)
    assert (once + thrice).calls == 4


def test_a_row_may_count_more_or_less_than_once(model: LatentDiffusion) -> None:
    arrays = inputs(3, (16, 16))
    apart = record(model, arrays, [Tap(row, row, [1, 2]) for row in range(3)])
    weighted = record(model, arrays, [Tap(row, "all", [1, 2], 0.5 + row) for row in range(3)])["all"]
    assert weighted.calls == 3
    for layer, sums in weighted.layers.items():
        expected = sum((0.5 + row) * apart[row].layers[layer] for row in range(3))
        assert torch.allclose(sums, expected, atol=1e-6)


def test_rows_and_tokens_are_those_asked_for(model: LatentDiffusion) -> None:
    arrays = inputs(20, (16, 16))
    everything = record(
        model, arrays, [Tap(row, row, range(9)) for row in range(20)]
    )  # more rows than are worked on at once
    some = record(model, arrays, [Tap(17, "a", [4]), Tap(3, "b", [8, 0])])
    for key, row, tokens in (("a", 17, [4]), ("b", 3, [8, 0])):
        for name, layer in some[key].layers.items():
            assert layer.shape[1] == len(tokens)
            assert torch.allclose(layer, everything[row].layers[name][:, tokens], atol=1e-6)
    alone = record(model, tuple(a[17:18] for a in arrays), [Tap(0, "a", [4])])["a"]  # type: ignore[arg-type]
    for name, layer in alone.layers.items():
        assert torch.allclose(layer, some["a"].layers[name], atol=1e-5)


def test_a_call_without_taps_is_not_recorded(model: LatentDiffusion) -> None:
    with model.recording() as recorder:
        recorder.expect([])
        model(*inputs(1, (16, 16)))
        assert recorder.sums == {}


def test_nothing_is_left_behind_after_an_exception(model: LatentDiffusion) -> None:
    def hooked() -> int:
        return sum(bool(one._forward_hooks or one._forward_pre_hooks) for one in model.denoiser.modules())

    before = hooked()
    with pytest.raises(RuntimeError, match="stop"), model.recording():
        raise RuntimeError("stop")
    assert hooked() == before and model._recorder is None
    with model.recording() as recorder:
        recorder.expect([Tap(0, "key", [1])])
        failing = model.denoiser.conv_out.register_forward_pre_hook(lambda *_: pytest.fail("stop"))
        with pytest.raises(pytest.fail.Exception, match="stop"):
            model(*inputs(1, (16, 16)))
        failing.remove()
        assert hooked() == before and recorder.sums["key"].layers == {}


def test_probabilities_are_those_of_the_definition(model: LatentDiffusion) -> None:
    """softmax(q·k/√d) of every head, from the inputs that a layer sees."""
    arrays = inputs(3, (16, 16))
    name = "down_blocks.0.attentions.0.transformer_blocks.0.attn2"
    layer = model.denoiser.get_submodule(name)
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, values: seen.append(values[0]), with_kwargs=False)
    found = record(model, arrays, [Tap(2, "key", [7, 1])])["key"].layers[name]
    hook.remove()
    query = layer.to_q(seen[0][2]).unflatten(1, (layer.heads, -1))
    key = layer.to_k(arrays[2].states[2]).unflatten(1, (layer.heads, -1))
    scores = torch.einsum("phd,thd->htp", query, key) / query.shape[-1] ** 0.5
    expected = scores.softmax(1)[:, [7, 1]].unflatten(2, (16, 16))
    assert torch.allclose(found, expected, atol=1e-6)


def test_rows_of_one_key_are_added_and_rows_of_several_calls_follow_each_other(model: LatentDiffusion) -> None:
    arrays = inputs(6, (16, 16))
    apart = record(model, arrays, [Tap(row, row, [1, 2]) for row in (0, 2, 5)])
    together = record(model, arrays, [Tap(0, "a", [1, 2]), Tap(2, "a", [1, 2]), Tap(5, "b", [1])])
    with model.recording() as recorder:
        recorder.expect([Tap(0, "a", [1, 2]), Tap(2, "a", [1, 2]), Tap(5, "b", [1])])
        for rows in (slice(0, 1), slice(1, 4), slice(4, 6)):
            model(*(values[rows] for values in arrays))
        in_calls = {key: recorder.pop(key) for key in ("a", "b")}
    for sums in (together, in_calls):
        assert sums["a"].calls == 2 and sums["b"].calls == 1
        for name, layer in sums["a"].layers.items():
            assert torch.allclose(layer, apart[0].layers[name] + apart[2].layers[name], atol=1e-5)
            assert torch.allclose(sums["b"].layers[name], apart[5].layers[name][:, :1], atol=1e-5)
