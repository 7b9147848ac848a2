"""One shard of a stage that runs the model after another, on a few scenes, with the arguments that its rule passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from infodecomp.cli import run_stage as main
from infodecomp.config import (
    AttentionSection,
    BudgetSection,
    EditingSection,
    ExplanationSection,
    FaithfulnessSection,
    FlowSection,
    GradientsSection,
    InformationSection,
    JudgingSection,
    ModelSection,
    PairSamplingSection,
    PairsSection,
    default_config,
    section_json,
)
from infodecomp.runs.storage import read_arrays
from tests.stage_settings import settings

Results = dict[str, dict[str, np.ndarray]]  # case id → its arrays

# Noise levels of the flow of edits.
FLOW_STEPS = 8

# What edits have from the flow.
WALKED = ("latent", "change", "psnr", "preference", "attention", "predictor/attention")

# Gradients of targets with respect to words and cells; and of predictions with respect to a word, in forward mode.
GRADIENTS, FORWARD = ("scores/", "cells/"), "gradient/"

MODEL = Path(__file__).resolve().parents[2] / "data" / "models" / "scenes"


@dataclass(frozen=True)
class ShardRun:
    """Settings of a run of `stage` over all shards of a cases table; results go to `folder`.

    steps: those of the stage's section; of edit_images and judge_maps, the numbers of draws. judges: of judge_maps, the runs
    that made the maps. pairs: of decompose_information and judge_maps, the table of pairs of words.
    """

    cases: Path
    images: Path
    folder: Path
    stage: str = "estimate_information"
    steps: tuple[int, ...] = (2, 6)
    batch_size: int = 16
    shards: int = 1
    model: Path = MODEL
    judges: tuple[ShardRun, ...] = ()
    pairs: Path | None = None

    def arguments(self, shard: int = 0) -> list[str]:
        """Arguments of `python -m infodecomp run`."""
        return [
            self.stage,
            *("--cases", str(self._rows), "--images", str(self.images)),
            *("--shard", str(shard), "--shards", str(self.shards)),
            *("--settings", settings(self.stage, **self._sections()), *self._judging()),
            *("--model", section_json(ModelSection(id=str(self.model)))),
            *("--seed", "0", "--max-failed-fraction", "0"),
            *("--maps", str(self.maps), "--output", str(self.table(shard))),
            *("--device", "cpu", "--batch-size", str(self.batch_size), "--threads", "1"),
        ]

    @property
    def _rows(self) -> Path:
        """What the stage calls its cases."""
        return self.pairs if self.pairs and self.stage == "decompose_information" else self.cases

    def _sections(self) -> dict[str, Any]:
        """What differs from the embedded study."""
        boxes = ((0, 0, 32, 64),) if self.stage == "explain_images" else None
        return {
            "information": InformationSection(budget=BudgetSection(steps=self.steps)),  # the logistic needs no pilot
            "attention": AttentionSection(steps=self.steps),
            "gradients": GradientsSection(steps=self.steps, explanation=ExplanationSection(boxes=boxes)),
            "pairs": PairsSection(sampling=PairSamplingSection(steps=self.steps[-1], replicates=2)),
            "editing": EditingSection(flow=FlowSection(steps=FLOW_STEPS)),
            "faithfulness": FaithfulnessSection(judging=JudgingSection(draws=self.steps[-1], repeated_draws=2)),
        }

    def _judging(self) -> list[str]:
        """Of all maps of `maps_of`, whose runs are asked for; `steps`: the draws of the ratio."""
        if self.stage != "judge_maps":
            return []
        runs = {run.stage: run for run in self.judges}
        named = {"estimates": "estimate_information", "attention": "record_attention", "gradients": "record_gradients"}
        sources = [
            part
            for name, stage in named.items()
            for part in (f"--{name}", *(str(runs[stage].table(shard)) for shard in range(runs[stage].shards)))
        ]
        folders = {
            "information": "estimate_information",
            "attention": "record_attention",
            "gradients": "record_gradients",
        }
        maps = [part for name, stage in folders.items() for part in (f"--maps-{name}", str(runs[stage].maps))]
        return [*sources, *maps, *self._parts(), "--methods", *default_config().judged_methods]

    def _parts(self) -> list[str]:
        """What gather_parts left beside the run of decompose_information, and the pairs."""
        runs = [run for run in self.judges if run.stage == "decompose_information"]
        return [
            part
            for run in runs
            for part in (
                *("--pairs", str(run.folder / "words.parquet"), "--maps-pairs", str(run.folder / "word_maps")),
                *("--word-pairs", str(run.pairs)),
            )
        ]

    def gather(self) -> None:
        """Of decompose_information: average the parts of its pairs over the partners of each word."""
        arguments = [
            *("--cases", str(self.cases), "--pairs", str(self.pairs), "--estimates", str(self.table())),
            *("--maps-pairs", str(self.maps), "--settings", settings("gather_parts")),
            *("--maps", str(self.folder / "word_maps"), "--output", str(self.folder / "words.parquet")),
        ]
        assert main(["gather_parts", *arguments]) == 0

    @property
    def maps(self) -> Path:
        return self.folder / "maps"

    def table(self, shard: int = 0) -> Path:
        """The table of a shard."""
        return self.folder / f"shard-{shard:04d}.parquet"

    def finished(self) -> list[Path]:
        """The maps that are there, without those that are being written."""
        return sorted(path for path in self.maps.glob("*.npz") if not path.name.startswith("."))

    def run(self) -> Results:
        """Run all shards in this process."""
        for shard in range(self.shards):
            assert main(self.arguments(shard)) == 0
        return {path.stem: read_arrays(path) for path in self.finished()}

    def into(self, folder: Path) -> ShardRun:
        """The same with other results."""
        return replace(self, folder=folder)


def assert_close(results: Results, expected: Results, within: float = 1e-5, forward_within: float = 0.01) -> None:
    """Within a share of the largest value of any case; standard errors within that of what they belong to.

    What edits walked along the flow, and gradients: within ten times that, because rounding grows on the way there
    and back. Those in forward mode: within a share of their own, since float32 rounds single draws by some thousandths.
    i^s is a difference of two likelihoods, and as exact as these are: its scale is theirs, where they are larger.
    """
    assert set(results) == set(expected)
    for case, arrays in expected.items():
        for name in set(arrays) - {"key"}:
            if name == "pictures":  # whose hashes follow the last level of a colour
                found = [line.split()[0] for line in results[case][name]]
                assert found == [line.split()[0] for line in arrays[name]]
                continue
            if arrays[name].dtype.kind == "U":
                np.testing.assert_array_equal(results[case][name], arrays[name])
                continue
            value = name.removesuffix("_error") if name != "latent_error" else name
            scale = max(_scale(others, value) for others in expected.values() if value in others)
            far = value.startswith(GRADIENTS) or ("latent/unchanged" in arrays and value.startswith(WALKED))
            allowed = (forward_within if value.startswith(FORWARD) else 10 * within if far else within) * scale
            np.testing.assert_allclose(
                results[case][name], arrays[name], rtol=0, atol=allowed, err_msg=f"{case}: {name}"
            )


def _scale(arrays: dict[str, np.ndarray], name: str) -> float:
    scale = float(np.abs(arrays[name]).max())
    if not ("standard" in name or name.endswith("_s")) or name.startswith("curve"):
        return scale
    # Rounding of pixels adds up in a total as their square root. Edits store no likelihood: a nat a value is less than it.
    pixels = max(array.size for array in arrays.values() if array.ndim == 2)
    likelihood = float(abs(arrays["nll_full"])) if "nll_full" in arrays else arrays["latent/real"].size
    return max(scale, likelihood / (pixels if arrays[name].ndim == 2 else pixels**0.5))
