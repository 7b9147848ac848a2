"""A study on disk as the stages leave it, small and with captions that no page should trip over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from infodecomp.cli import run_stage as main
from infodecomp.config import (
    CustomDataset,
    PairRetrievalDataset,
    ReportSection,
)
from infodecomp.datasets.cases import Case, cases_table, lost_case, make_case, write_cases
from infodecomp.datasets.retrieval_cases import make_retrieval_case, retrieval_cases_table, write_retrieval_cases
from infodecomp.editing.edits import CHANGES, EDIT_COLUMNS, INTERVENTIONS, NUMBERS, QUANTITIES
from infodecomp.metrics.faithfulness import MEASURES
from infodecomp.metrics.localisation import SCORE_COLUMNS
from infodecomp.metrics.word_parts import PARTS
from infodecomp.pictures.animations import write_animation
from infodecomp.report.shown_maps import TOTALS
from infodecomp.retrieval.scores import RETRIEVAL_SCORE_COLUMNS
from infodecomp.runs.job_record import sealed
from infodecomp.runs.storage import write_arrays, write_table, write_text
from tests.stage_settings import settings
from tests.unit.described_study import DESCRIBED, write_descriptions

GRID = 4
SIDE = 32  # pixels of an image along a side
HOSTILE = """a "dog" & <script>globalThis.stolen = 1</script> 'on' a bed 🐕 <b>naïve</b>"""
FALSE = """a bed <img src=x onerror="globalThis.stolen = 2"> on a dog"""
CAPTIONS = (HOSTILE, "a dog on a bed", "a bed and a dog")
MASK = np.zeros((SIDE, SIDE), dtype=bool)
MASK[8:24, 8:24] = True

_ESTIMATE_COLUMNS = {
    **dict.fromkeys(("case_id", "status", "reason"), "string"),
    "evaluations": "int64",
    **{f"{column}{suffix}": "float64" for column in TOTALS.values() for suffix in ("", "_error")},
}


class ReportStudy:
    """`folder`/results/tiny with a dataset `mine` of `images` images and a retrieval dataset `choices`.

    Every image has a dog and a bed; the last also has a word that is not in its caption. Maps of the dog are hot in the
    upper left, of the bed in the lower right; the attention of a bed is hot where its CMI is not.
    """

    def __init__(self, folder: Path, images: int = 3, side: int = SIDE) -> None:
        self.folder, self.results, self.page = (
            folder,
            folder / "results" / "tiny",
            folder / "results" / "tiny" / "report",
        )
        self.side = side
        self.generator = np.random.default_rng(0)
        self.datasets = {"mine": CustomDataset(list=str(folder / "list.csv"), editing=True)}
        self.retrieval = {
            "choices": PairRetrievalDataset(kind="vg_relation", file=str(folder / "choices.json"), images=str(folder))
        }
        self.cases = cases_table([case for number in range(images) for case in self._cases(number, images)])
        write_cases(self.results / "mine" / "cases.parquet", self.cases)
        Image.fromarray(255 * MASK.astype(np.uint8)).save(folder / "mask.png")
        for case in self.usable:
            self._write_maps(case)
        self._write_estimates()
        self._write_scores()
        self._write_edits()
        self._write_choices()
        self._write_tables()
        self._write_provenance()
        write_descriptions(self.results)

    @property
    def usable(self) -> list[dict[str, Any]]:
        """Cases with maps."""
        return self.cases[self.cases["status"] == "ok"].to_dict("records")

    @property
    def sections(self) -> dict[str, Any]:
        return {"datasets": self.datasets, "retrieval_datasets": self.retrieval}

    def write(self, **report: Any) -> int:
        """Run the stage; returns its exit status."""
        return main(
            [
                "write_report",
                *("--results", str(self.results), "--shards", "1", "--output-dir", str(self.page)),
                *("--described", *DESCRIBED, "--stage-shards", "estimate_representation=1"),
                *("--settings", settings("write_report", **self.sections, report=ReportSection(**report))),
            ]
        )

    def constant(self, name: str) -> Any:
        """What a script of the page's data assigns."""
        text = (self.page / "data" / f"{name}.js").read_text(encoding="ascii")
        return json.loads(text.partition(" = ")[2].removesuffix(";\n"))

    def heat(self, label: str, method: str) -> np.ndarray:
        """A map; the product of its numbers is known to the tests."""
        heat = np.full((GRID, GRID), 0.01, dtype=np.float32)
        first = (label == "dog") != (label == "bed" and method.startswith("attention"))
        heat[(0, 1) if label == "dog" else (2, 3), 0 if first else 3] = [0.5, 1.0]
        return -heat if method == "mi/standard" else heat

    def _cases(self, number: int, images: int) -> list[Case]:
        image = f"{number}.png"
        pixels = self.generator.integers(0, 255, (self.side, self.side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.folder / image)
        caption = CAPTIONS[number % len(CAPTIONS)]
        of_all = {"dataset": "mine", "image_id": image, "image_path": image}
        found = [
            make_case(**of_all, caption=caption, word=word, label=word, word_type="noun", mask="file:mask.png")
            for word in ("dog", "bed")
        ]
        if number == images - 1:
            reason = "the word 'bus' is not in the caption."
            lost = {
                "label": "bus",
                "word": "bus",
                "word_type": "verb",
                "status": "word_not_in_caption",
                "reason": reason,
            }
            found.append(lost_case(**of_all, **lost, prompt_full=caption))
        return found

    def _write_maps(self, case: dict[str, Any]) -> None:
        information = {
            f"{method}/{steps}": self.heat(case["label"], method) * (1 if steps == 4 else 0.5)
            for method in ("mi/orthogonal", "cmi/orthogonal", "mi/standard", "cmi/standard", "attention_information/-")
            for steps in (2, 4)
        }
        folder, file = self.results / "mine", f"{case['case_id']}.npz"
        write_arrays(folder / "estimate_information" / "maps" / file, {**information, "key": np.array("k")})
        attention = {f"{method}/-/4": self.heat(case["label"], method) for method in ("attention", "attention_output")}
        write_arrays(folder / "record_attention" / "maps" / file, attention)
        gradient = {"gradient/-/4": self.heat(case["label"], "gradient")}
        write_arrays(folder / "record_gradients" / "maps" / file, gradient)
        parts = {f"{part}/orthogonal/4": self.heat(case["label"], part) for part in PARTS}
        write_arrays(folder / "gather_parts" / "maps" / file, parts)
        explained = {f"cells/{target}": self.heat(case["label"], "cells") for target in ("loss", "image")}
        write_arrays(folder / "explain_images" / "maps" / file, explained)
        heat = self.heat(case["label"], "change")
        edits = {f"change/{change}/{name}": heat for change in CHANGES for name in INTERVENTIONS}
        edits |= {f"predictor/{name}": heat for name in QUANTITIES}
        edits["inside"] = np.ones((GRID, GRID), dtype=bool)
        write_arrays(folder / "edit_images" / "edits" / file, edits)
        for name in ("real", "unchanged", *INTERVENTIONS):
            path = folder / "edit_images" / "edits" / case["case_id"] / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(self.generator.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
        if case["position"] == 0:
            frames = np.stack([np.full((3, 8, 8), share, dtype=np.float32) for share in (0.1, 0.5, 0.9)])
            for name in INTERVENTIONS:
                write_animation(path.with_name(f"{name}.webp"), frames, [200, 200, 200])

    def _write_estimates(self) -> None:
        rows = [
            {
                **{"case_id": case["case_id"], "status": "ok", "reason": "", "evaluations": 40},
                **{column: float(number + 1) for column in TOTALS.values()},
                **{f"{column}_error": 0.25 for column in TOTALS.values()},
            }
            for number, case in enumerate(self.usable)
        ]
        path = self.results / "mine" / "estimate_information" / "shard-0000.parquet"
        write_table(path, pd.DataFrame(rows), _ESTIMATE_COLUMNS)

    def _write_scores(self) -> None:
        rows = [
            {
                **{name: case[name] for name in ("case_id", "dataset", "image_id", "label")},
                **{
                    "method": "cmi",
                    "estimator": "orthogonal",
                    "steps": steps,
                    "draws": steps,
                    "status": "ok",
                    "reason": "",
                },
                **{"iou": [0.1, steps / 10], "average_precision": steps / 5 - 0.01 * number},
                **{"pointing_game": 1.0, "named_hotter": 1.0, "boxed": False},
            }
            for number, case in enumerate(self.usable)
            for steps in (2, 4)
        ]
        write_table(self.results / "mine" / "score_localisation" / "scores.parquet", pd.DataFrame(rows), SCORE_COLUMNS)

    def _write_edits(self) -> None:
        rows = [
            {
                **{"case_id": case["case_id"], "status": "ok", "reason": "", "key": "k", "swap_status": "ok"},
                **{"swap_reason": "", "prompt_unchanged": case["prompt_full"], "prompt_omit": case["prompt_context"]},
                **{"prompt_swap": "a cat", **dict.fromkeys(NUMBERS, 2.0), "evaluations": 60},
            }
            for case in self.usable
        ]
        path = self.results / "mine" / "edit_images" / "shard-0000.parquet"
        write_table(path, pd.DataFrame(rows, columns=list(EDIT_COLUMNS)), EDIT_COLUMNS)

    def _write_choices(self) -> None:
        cases = [
            make_retrieval_case(
                dataset="choices", image_path=f"{number}.png", options=[FALSE, HOSTILE], truth=1, group="on"
            )
            for number in range(2)
        ]
        table = retrieval_cases_table(cases)
        write_retrieval_cases(self.results / "choices" / "cases.parquet", table)
        values = {"i_s": ((1.0, 3.0), (3.0, 1.0)), "clip": ((0.2, 0.3), (0.2, 0.3))}
        rows = [
            {
                **{"case_id": table["case_id"][case], "option": option, "score": score},
                **{"value": values[score][case][option], "error": 0.5 if score == "i_s" else float("nan")},
                **{"evaluations": 10 if score == "i_s" else 0, "status": "ok", "reason": ""},
            }
            for score in values
            for case in range(2)
            for option in range(2)
        ]
        for score, folder in (("i_s", "score_retrieval"), ("clip", "score_clip")):
            name = "shard-0000.parquet" if score == "i_s" else "scores.parquet"
            frame = pd.DataFrame([row for row in rows if row["score"] == score])
            write_table(self.results / "choices" / folder / name, frame, RETRIEVAL_SCORE_COLUMNS)

    def _write_tables(self) -> None:
        localisation = [
            {
                **{"dataset": "mine", "method": method, "estimator": "orthogonal", "steps": 4, "threshold_mode": mode},
                **{
                    "threshold": 0.3,
                    "n": 6,
                    "n_failed": 1,
                    "n_boxed": 0,
                    "miou": miou,
                    "miou_low": miou - 0.1,
                    "miou_high": miou + 0.1,
                },
                **{"average_precision": 0.7, "pointing_game": 0.9, "named_hotter": 1.0, "evaluations_per_image": 8},
            }
            for method, miou in (("mi", 0.4), ("cmi", 0.6123))
            for mode in ("oracle", "held_out")
        ]
        folder = self.results / "tables"
        faithful = [
            {
                **{"dataset": "mine", "method": method, "estimator": "orthogonal", "steps": 4, "measure": measure},
                **{"value": value, "low": value - 0.125, "high": value + 0.125, "n": 6, "n_failed": 1},
            }
            for method, sanity in (("mi", 0.1), ("cmi", 0.75))
            for measure, value in zip(MEASURES, (12.5, 23.5, 1.5, 2.5, np.nan, 0.5, 0.25, sanity), strict=True)
        ]
        write_text(folder / "faithfulness.csv", pd.DataFrame(faithful).to_csv(index=False))
        published = {
            **{"table": 3, "dataset": "coco_it", "method": "CMI", "setting": "100 steps", "published": 46.6},
            **{f"{who}{end}": np.nan for who in ("ours", "stand_in") for end in ("", "_low", "_high")},
            **{"stand_in": 61.23, "stand_in_low": 51.2, "stand_in_high": 71.2},
        }
        write_text(folder / "paper_comparison.csv", pd.DataFrame([published]).to_csv(index=False))
        figure = self.results / "figures" / "caption" / "teaser.png"
        figure.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(figure)
        write_text(folder / "localisation.csv", pd.DataFrame(localisation).to_csv(index=False))

    def _write_provenance(self) -> None:
        record = {
            **{"stage": "estimate_information", "code_digest": "c0de", "date": "2026-01-02T03:04:05+00:00"},
            **{"section": {"steps": [2, 4], "note": "<i>"}, "extra": {"model": "5ha256", "device": "cpu"}},
            **{"infodecomp": "0.1.0", "git_commit": None, "python": "3.11", "packages": {"torch": "2"}},
        }
        path = self.results / "mine" / "estimate_information" / "shard-0000.provenance.json"
        write_text(path, sealed({**record, "arguments": {}, "inputs": {}, "outputs": {}}))
