"""Maps judged on disk: resumed, in batches of any size, and of a model of a few thousand weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infodecomp.cli import run_stage as main
from infodecomp.config import FaithfulnessSection, JudgingSection, StatisticsSection, default_config
from infodecomp.datasets.cases import read_cases, write_cases
from infodecomp.datasets.word_pairs import PAIR_COLUMNS, pairs_by_class, pairs_table
from infodecomp.faithfulness.judging import SHARD_COLUMNS
from infodecomp.faithfulness.tables import TABLE_COLUMNS
from infodecomp.runs.storage import read_arrays, read_table, write_arrays, write_table
from tests.stage_settings import settings
from tests.unit.small_model import small_pipeline
from tests.workflow.shard_runs import Results, ShardRun

RECORDED = {
    *("mi/orthogonal/6", "cmi/orthogonal/6", "attention_information/-/6"),
    *("attention/-/2", "gradient/-/6", "unique/orthogonal/8"),
}
JUDGED = {*RECORDED, "shuffled/orthogonal/6", "saliency/orthogonal/6", "cmi_times_attention/orthogonal/6"}
# A ratio is a difference of two likelihoods, and as exact as these are: a nat a value of the latent, or more.
NATS = 4 * 8 * 8
CURVES = ("deletion", "insertion")
STEPS = {"estimate_information": (6,), "record_attention": (2,), "record_gradients": (6,)}


@pytest.fixture(scope="module")
def judged(scene_cases: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[ShardRun, Results]:
    """The run of judge_maps on the cases of three images, of two words or more, with its results."""
    cases, images = scene_cases
    folder = tmp_path_factory.mktemp("judged")
    frame = read_cases(cases)
    several = frame["image_id"].value_counts()
    frame = frame[frame["image_id"].isin(several[several > 1].index[:3])].reset_index(drop=True)
    write_cases(folder / "cases.parquet", frame)
    small_pipeline().save_pretrained(folder / "model")
    runs = tuple(
        ShardRun(folder / "cases.parquet", images, folder / stage, stage, steps, model=folder / "model")
        for stage, steps in STEPS.items()
    )
    write_table(folder / "pairs.parquet", pairs_of(frame), PAIR_COLUMNS)
    pairs = replace(runs[0], folder=folder / "pairs", stage="decompose_information", steps=(4,))
    runs = (*runs, replace(pairs, pairs=folder / "pairs.parquet"))
    for run in runs:
        run.run()
    runs[-1].gather()
    run = replace(runs[0], stage="judge_maps", steps=(2,), judges=runs).into(folder / "judge_maps")
    return run, run.run()


def pairs_of(cases: pd.DataFrame) -> pd.DataFrame:
    """Every two words that the cases of a caption ask for."""
    return pairs_table(pairs_by_class("scenes", cases, kinds=("noun+noun",), tagger=None, join="and"))


def test_what_is_kept_of_a_case(judged: tuple[ShardRun, Results]) -> None:
    run, results = judged
    for arrays in results.values():
        maps = {f"{part}/{name}" for part in ("recorded", "seed", "weights") for name in RECORDED}
        curves = {f"{kind}/{quantity}/{name}" for kind in CURVES for quantity in ("i_o", "i_s") for name in JUDGED}
        totals = {"i_o", "i_o_filling", "i_s", "i_s_filling"}
        assert set(arrays) == {*maps, *curves, *totals, "key", "evaluations"}
        assert all(arrays[name].shape == (8, 8) for name in maps) and all(arrays[name].shape == (4,) for name in curves)
        for name in RECORDED:
            recorded, seed, weights = (arrays[f"{part}/{name}"] for part in ("recorded", "seed", "weights"))
            assert not np.array_equal(recorded, weights), name
            # A walk draws nothing.
            assert np.array_equal(recorded, seed) == name.startswith("attention/"), name
    table = read_table(run.table(), SHARD_COLUMNS)
    assert set(table["status"]) == {"ok"} and set(table["case_id"]) == set(results)
    # 38 images with two captions and two draws; made again with 2 draws, twice, with four prompts of the one pair that a
    # word is in, and walked once.
    assert set(table["evaluations"]) == {38 * 2 * 2 + 2 * (4 * 2 + 3 * 2 + 4 * 2) + 2 * 2}


def test_a_rerun_makes_only_what_is_missing_or_judges_another_map(
    judged: tuple[ShardRun, Results], tmp_path: Path
) -> None:
    first, expected = judged
    run = first.into(tmp_path / "judge_maps")
    information = first.judges[0].into(tmp_path / "estimate_information")
    for source, copy in ((first, run), (first.judges[0], information)):
        for path in (*source.finished(), source.table()):
            copy.folder.joinpath("maps").mkdir(parents=True, exist_ok=True)
            (copy.folder / path.relative_to(source.folder)).write_bytes(path.read_bytes())
    run = replace(run, judges=(information, *first.judges[1:]))
    gone, changed, *kept = sorted(expected)
    (run.maps / f"{gone}.npz").unlink()
    path = information.maps / f"{changed}.npz"
    arrays = read_arrays(path)
    write_arrays(path, {**arrays, "mi/orthogonal/6": arrays["mi/orthogonal/6"].T.copy()})
    # The saliency of the other words of an image is made of it too.
    frame = read_cases(run.cases).set_index("case_id")["image_id"]
    same_image = {case for case in kept if frame[case] == frame[changed]}
    before = {case: (run.maps / f"{case}.npz").stat().st_mtime_ns for case in kept}
    results = run.run()
    after = {case: (run.maps / f"{case}.npz").stat().st_mtime_ns for case in kept}
    assert {case for case in kept if before[case] != after[case]} == same_image
    np.testing.assert_allclose(
        results[gone]["deletion/i_s/cmi/orthogonal/6"],
        expected[gone]["deletion/i_s/cmi/orthogonal/6"],
        rtol=0,
        atol=1e-4 * NATS,
    )
    assert not np.array_equal(
        results[changed]["recorded/mi/orthogonal/6"], expected[changed]["recorded/mi/orthogonal/6"]
    )


@pytest.mark.parametrize("batch_size", [5, 64])
def test_batches_change_nothing(judged: tuple[ShardRun, Results], tmp_path: Path, batch_size: int) -> None:
    run, expected = judged
    results = replace(run, batch_size=batch_size).into(tmp_path).run()
    for case, arrays in expected.items():
        for name in set(arrays) - {"key"}:
            scale = max(np.abs(others[name]).max() for others in expected.values())
            if "i_s" in name:
                scale = max(scale, NATS)
            np.testing.assert_allclose(results[case][name], arrays[name], rtol=0, atol=1e-4 * scale, err_msg=name)


def test_table(judged: tuple[ShardRun, Results], tmp_path: Path) -> None:
    run, results = judged
    config = default_config()
    arguments = [
        *("--cases", f"mine={run.cases}", "--judged", f"mine={run.table()}", "--maps", f"mine={run.maps}"),
        *("--methods", *config.judged_methods, "--seed", "0", "--output-dir", str(tmp_path)),
        *("--settings", settings("tabulate_faithfulness", statistics=StatisticsSection(bootstrap=100))),
    ]
    assert main(["tabulate_faithfulness", *arguments]) == 0
    table = read_table(tmp_path / "faithfulness.parquet", TABLE_COLUMNS).set_index(["method", "measure"])
    assert set(table.index.get_level_values(0)) == {name.split("/")[0] for name in JUDGED}
    assert table.loc[("attention", "stability"), "value"] == pytest.approx(1)
    assert set(table.xs("deletion_i_o", level="measure")["n"]) == {len(results)}


def test_a_filling_beyond_what_the_model_knows(
    judged: tuple[ShardRun, Results], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = judged
    arguments = run.into(tmp_path).arguments()
    judging = FaithfulnessSection(judging=JudgingSection(filling_logsnr=-50.0, draws=2))
    arguments[arguments.index("--settings") + 1] = settings("judge_maps", faithfulness=judging)
    assert main(arguments) == 1
    assert (
        "faithfulness → judging → filling_logsnr is -50; allowed is the range that the model was trained on"
        in capsys.readouterr().err
    )
