"""Sizes that grow with the memory and halve without it, and results that stay what they are."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from infodecomp.config import BudgetSection, InformationSection
from infodecomp.datasets.cases import cases_table, make_case, write_cases
from infodecomp.estimator.condition import Condition
from infodecomp.models.attention import Tap
from infodecomp.models.batch_size import LARGEST, ON_CPU, START, BatchSize, rows_or_auto
from infodecomp.models.latent_diffusion import LatentDiffusion
from infodecomp.runs.errors import InputError
from infodecomp.runs.storage import read_arrays
from infodecomp.stages import estimate_information
from tests.stage_settings import settings
from tests.unit.shard_arguments import MODEL, shard_arguments


class Device:
    """A device of so many bytes, on which a row takes `row` bytes: its memory, and a function that runs out of it."""

    def __init__(self, size: int, row: int = 1) -> None:
        self.size, self.row, self.used, self.released = size, row, 0, 0
        self.calls: list[int] = []

    def start(self) -> None:
        self.used = 0

    def taken(self) -> int:
        return self.used

    def free(self) -> int:
        return self.size

    def release(self) -> None:
        self.released += 1

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(rows))
        if len(rows) * self.row > self.size:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        self.used = len(rows) * self.row
        return 2 * rows


def test_a_call_that_does_not_fit_is_repeated_in_halves(capsys: pytest.CaptureFixture) -> None:
    device, size = Device(5), BatchSize(16)
    rows = torch.arange(14.0)
    assert torch.equal(size.run(device, rows), 2 * rows)
    assert device.calls == [14, 8, 4, 4, 4, 2] and int(size) == 4
    assert capsys.readouterr().out.splitlines() == [
        "memory ran out at 14 rows in one call; continuing with 8",
        "memory ran out at 8 rows in one call; continuing with 4",
    ]
    size.run(device, rows)  # what was learnt stays
    assert device.calls[6:] == [4, 4, 4, 2]


def test_what_is_done_of_a_call_is_not_done_again() -> None:
    device, size = Device(8), BatchSize(8)

    def tightening(rows: torch.Tensor) -> torch.Tensor:
        device.size = 2 if len(device.calls) >= 2 else 8
        return device(rows)

    rows = torch.arange(24.0)
    assert torch.equal(size.run(tightening, rows), 2 * rows)
    assert device.calls == [8, 8, 8, 4, 2, 2, 2, 2]


def test_a_single_row_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(InputError, match=r"machine → device: its memory does not hold one row .*CUDA out of memory"):
        BatchSize(4).run(Device(0), torch.zeros(4))


def test_other_errors_are_not_caught() -> None:
    def broken(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        BatchSize(4).run(broken, torch.zeros(4))


@pytest.mark.parametrize(
    ("memory", "expected"), [(10**9, LARGEST), (1000 * 100, 512), (100 * 100, 64), (9 * 100, START)]
)
def test_the_size_grows_to_what_fits(memory: int, expected: int) -> None:
    device = Device(memory, row=100)
    size = BatchSize(START, device)
    for _ in range(3):
        rows = torch.arange(float(int(size)))
        assert torch.equal(size.run(device, rows), 2 * rows)
    assert int(size) == expected


def test_a_small_call_says_nothing_about_a_large_one() -> None:
    device = Device(10**6)
    size = BatchSize(64, device)
    size.run(device, torch.zeros(31))
    assert int(size) == 64
    size.run(device, torch.zeros(32))
    assert int(size) == LARGEST


def test_after_running_out_the_size_grows_no_more() -> None:
    device = Device(20)
    size = BatchSize(32, device)
    size.run(device, torch.zeros(32))
    assert int(size) == 16 and device.released == 1
    device.size = 10**6
    size.run(device, torch.zeros(16))
    assert int(size) == 16


def test_calls_are_of_one_size_or_of_powers_of_two() -> None:
    assert [BatchSize(48).filled(rows) for rows in (1, 47, 48, 60)] == [48, 48, 48, 60]
    growing = BatchSize(64, Device(10**6))
    assert [growing.filled(rows) for rows in (1, 3, 32, 33, 64)] == [1, 4, 32, 64, 64]


def test_what_a_configuration_asks_for() -> None:
    assert int(BatchSize.of(7, "cpu")) == 7 and int(BatchSize.of("auto", "cpu")) == ON_CPU
    assert not BatchSize.of("auto", "cpu").grows and not BatchSize.of(7, "cuda:1").grows
    on_gpu = BatchSize.of("auto", "cuda:1")
    assert on_gpu.grows and int(on_gpu) == START
    assert rows_or_auto("auto") == "auto" and rows_or_auto("12") == 12
    for text in ("0", "-3", "many", "1.5"):
        with pytest.raises(argparse.ArgumentTypeError, match="auto or a positive whole number"):
            rows_or_auto(text)


def limited(model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch, most: int) -> list[int]:
    """Let the model's UNet run out of memory above `most` rows, at its very end; the rows of its calls."""
    calls: list[int] = []
    last = model.denoiser.conv_out
    forward = last.forward

    def running_out(hidden: torch.Tensor) -> torch.Tensor:
        calls.append(len(hidden))
        if len(hidden) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(hidden)

    monkeypatch.setattr(last, "forward", running_out)
    return calls


def test_recorded_attention_of_a_call_in_pieces_is_that_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that had been recorded when the memory ran out do not count."""
    model = LatentDiffusion.load(MODEL)
    generator = torch.Generator().manual_seed(0)
    x, text = (
        torch.randn(7, 8, 16, 16, generator=generator),
        Condition.stack(model.encode_prompts(["a red dog", "a cat"]), [0, 1] * 3 + [0]),
    )
    taps = [Tap(1, "one", [1]), Tap(4, "two", [2, 3]), Tap(5, "one", [1]), Tap(6, "two", [1, 2])]

    def recorded() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with model.recording() as recorder:
            recorder.expect(taps)
            eps_hat = model(x, torch.linspace(-2, 3, 7), text)
            sums = {key: recorder.pop(key) for key in ("one", "two")}
        assert {key: one.calls for key, one in sums.items()} == {"one": 2, "two": 2}
        return eps_hat, {f"{key} {name}": layer for key, one in sums.items() for name, layer in one.layers.items()}

    whole, layers = recorded()
    calls = limited(model, monkeypatch, 3)
    pieces, in_pieces = recorded()
    assert calls == [7, 4, 2, 2, 2, 1]
    assert torch.allclose(pieces, whole, atol=1e-5)
    assert layers.keys() == in_pieces.keys()
    for name, layer in layers.items():
        assert torch.allclose(in_pieces[name], layer, atol=1e-4), name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cases of three images."""
    rng, rows = np.random.default_rng(0), []
    for number in range(3):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(
            make_case(
                dataset="d",
                image_id=str(number),
                image_path=f"{number}.png",
                label="dog",
                word="dog",
                caption="a red dog on grass",
            )
        )
    write_cases(tmp_path / "cases.parquet", cases_table(rows))
    return tmp_path


def estimate(folder: Path, name: str, batch_size: int | str = 16) -> dict[str, dict[str, np.ndarray]]:
    arguments = shard_arguments(
        folder,
        name,
        images=folder,
        settings=settings("estimate_information", information=InformationSection(budget=BudgetSection(steps=(4, 8)))),
        max_failed_fraction=0.0,
        batch_size=batch_size,
    )
    estimate_information.run(arguments)
    return {path.stem: read_arrays(path) for path in (folder / name / "maps").glob("*.npz")}


def test_a_stage_goes_on_when_the_memory_runs_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The maps are those of an undisturbed run, attention included, for a fixed batch size."""
    model = LatentDiffusion.load(MODEL)
    monkeypatch.setattr(LatentDiffusion, "load", lambda *_, **__: model)
    expected = estimate(folder, "whole")
    calls = limited(model, monkeypatch, 5)
    capsys.readouterr()
    found = estimate(folder, "tight")
    assert calls[:3] == [16, 8, 4] and set(calls[3:]) == {4}
    assert capsys.readouterr().out.count("memory ran out") == 2
    assert found.keys() == expected.keys() and len(found) == 3
    for case, arrays in expected.items():
        for name in arrays.keys() - {"key"}:
            if "standard" in name:  # a difference of two likelihoods, and as exact as these are
                continue
            scale = max(np.abs(arrays[name]).max(), 1.0)
            np.testing.assert_allclose(found[case][name], arrays[name], rtol=0, atol=2e-4 * scale, err_msg=name)
        assert found[case]["key"] == arrays["key"]  # the batch size is no part of what determines a result
