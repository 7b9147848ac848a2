"""Results do not depend on batch size, shards or the order of cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infodecomp.datasets.cases import read_cases, write_cases
from infodecomp.models.latent_diffusion import LatentDiffusion
from tests.workflow.shard_runs import Results, ShardRun, assert_close

BATCH = 16
# Two steps of DDIM from end to end would be so long that rounding grows along them.
STEPS = {
    "estimate_information": (6, 12),
    "record_attention": (16,),
    "record_gradients": (6, 12),
    "explain_images": (6,),
    "edit_images": (6,),
}


@pytest.fixture(scope="module", params=list(STEPS))
def reference(
    request: pytest.FixtureRequest, scene_cases: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ShardRun, Results]:
    """A stage on the cases of four images, as its rule runs it, with its results."""
    return of_images(4, request.param, scene_cases, tmp_path_factory.mktemp(request.param))


def of_images(count: int, stage: str, scene_cases: tuple[Path, Path], folder: Path) -> tuple[ShardRun, Results]:
    """A run of a stage on the cases of the first images, with its results."""
    cases, images = scene_cases
    frame = read_cases(cases)
    frame = frame[frame["image_id"].isin(frame["image_id"].unique()[:count])]
    write_cases(folder / "cases.parquet", frame)
    run = ShardRun(folder / "cases.parquet", images, folder / "reference", stage, STEPS[stage], batch_size=BATCH)
    results = run.run()
    assert set(results) == set(frame["case_id"])
    return run, results


@pytest.mark.parametrize("batch_size", [1, BATCH - 1, BATCH + 1])
def test_batch_size(reference: tuple[ShardRun, Results], tmp_path: Path, batch_size: int) -> None:
    run, expected = reference
    # A row by itself goes through other kernels, and of two predictions that are nearly alike their difference is rounded.
    within = 3e-5 if batch_size == 1 else 1e-5
    assert_close(replace(run, batch_size=batch_size).into(tmp_path).run(), expected, within)


@pytest.mark.parametrize("stage", ["record_gradients", "explain_images"])
def test_only_rounding_tells_batches_apart(
    scene_cases: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """With a denoiser in float64 gradients are the same to a millionth; in float32 single draws round by a thousandth."""
    load = LatentDiffusion.load

    def load_double(*arguments: object, **options: object) -> LatentDiffusion:
        model = load(*arguments, **options)  # type: ignore[arg-type]
        model.denoiser.double()
        return model

    monkeypatch.setattr(LatentDiffusion, "load", load_double)
    run, expected = of_images(2, stage, scene_cases, tmp_path)
    others = replace(run, batch_size=BATCH - 3, shards=2).into(tmp_path / "others").run()
    assert_close(others, expected, within=1e-7, forward_within=1e-6)


def test_shards(reference: tuple[ShardRun, Results], tmp_path: Path) -> None:
    run, expected = reference
    assert_close(replace(run, shards=3).into(tmp_path).run(), expected)


def test_order_of_images(reference: tuple[ShardRun, Results], tmp_path: Path) -> None:
    """Bit for bit, also where a call holds rows of two images and the last one is not full."""
    run, expected = reference
    write_cases(tmp_path / "cases.parquet", read_cases(run.cases).iloc[::-1].reset_index(drop=True))
    assert_same(replace(run, cases=tmp_path / "cases.parquet").into(tmp_path).run(), expected)


def assert_same(results: Results, expected: Results) -> None:
    """Bit for bit, keys included."""
    assert set(results) == set(expected)
    for case, arrays in expected.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(results[case][name], array, err_msg=f"{case}: {name}")
